"""Invoices: numbers without gaps, and what stands on the document."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone, translation

from customers import services
from customers.models import Booking, Customer
from customers.services.money import invoices
from customers.services.money.invoices import invoice_of
from tests.conftest import actor_of, staff
from tests.factories import (
    AddressFactory,
    BookingFactory,
    CustomerFactory,
    RefundFactory,
)


@pytest.fixture
def ana(bakery) -> Customer:
    return CustomerFactory(business=bakery, name="Ana", email="ana@example.org")


def bought(customer, amount: str = "10", **more: object) -> Booking:
    paid = {"total_amount": Decimal(amount), "paid_amount": Decimal(amount)}
    facts = {"status": "completed", **paid, **more}
    row: Booking = BookingFactory(customer=customer, **facts)
    return row


def at(monkeypatch, *moment: int) -> None:
    now = datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type]  # checked before
    monkeypatch.setattr(timezone, "now", lambda: now)


# --- numbers -------------------------------------------------------------------------


def test_numbers_count_per_business_and_year(ana, rival, actor, monkeypatch):
    at(monkeypatch, 2026, 12, 30)
    first, second = bought(ana), bought(ana)
    other = bought(CustomerFactory(business=rival))

    assert invoice_of(first, actor=actor) == "2026-000001"
    assert invoice_of(other, actor=actor) == "2026-000001"
    assert invoice_of(second, actor=actor) == "2026-000002"
    assert invoice_of(first, actor=actor) == "2026-000001"
    stale = Booking.objects.get(pk=first.pk)
    stale.invoice_number = None
    assert invoice_of(stale, actor=actor) == "2026-000001"

    at(monkeypatch, 2027, 1, 2)
    assert invoice_of(bought(ana), actor=actor) == "2027-000001"


def test_the_year_is_the_one_where_the_business_is(ana, actor, monkeypatch):
    ana.business.timezone = "Pacific/Auckland"
    ana.business.as_actor(actor).save()
    at(monkeypatch, 2026, 12, 31, 20)

    assert invoice_of(bought(ana), actor=actor) == "2027-000001"


def test_numbers_of_another_form_do_not_count(ana, actor, monkeypatch):
    at(monkeypatch, 2026, 5, 1)
    for number in ("2026-ABCDEF", "2026-9999999", "R-2026-7"):
        bought(ana, invoice_number=number)
    bought(ana, invoice_number="2026-000041")

    assert invoice_of(bought(ana), actor=actor) == "2026-000042"


def test_a_number_that_is_taken_back_leaves_no_gap(ana, actor):
    first, second = bought(ana), bought(ana)
    with transaction.atomic():
        given = invoice_of(first, actor=actor)
        transaction.set_rollback(True)

    assert invoice_of(second, actor=actor) == given


@pytest.mark.parametrize("status", ["draft", "cancelled", "no_show"])
def test_nothing_is_invoiced_where_nothing_is_owed(ana, actor, status):
    with pytest.raises(ValidationError, match="nothing to write") as found:
        invoice_of(bought(ana, status=status), actor=actor)

    assert found.value.code == "no_invoice"


def test_who_may_give_numbers(ana, bakery, rival):
    for user in (staff(bakery, "marketing"), staff(rival)):
        with pytest.raises(PermissionDenied):
            invoice_of(bought(ana), actor=actor_of(user))


# --- the document --------------------------------------------------------------------


def test_what_stands_on_it(ana, actor, bakery):
    AddressFactory(customer=ana, line1="Home 1", is_primary=True)
    AddressFactory(customer=ana, line1="Billing 2", kind="billing")
    lines = [
        {
            "description": "Rye & oat",
            "quantity": "2",
            "unit_price": "1200.5",
            "amount": "2401",
        },
        {"description": "Gift", "quantity": "1", "unit_price": "free", "amount": None},
        "no line",
    ]
    booking = bought(ana, "2400", lines=lines, discount_amount=Decimal(1))
    RefundFactory(booking=booking, amount=Decimal(100), status="succeeded")
    number = invoice_of(booking, actor=actor)

    html = services.render_invoice(booking, actor=actor)

    for text in (
        f"Invoice {number}",
        bakery.name,
        "Ana",
        ana.unique_id,
        booking.reference,
        "Billing 2",
        "Rye &amp; oat",
        '<td class="amount">1,200.50</td><td class="amount">2,401.00</td>',
        '<td class="amount">free</td>',
        '<th scope="row" colspan="3">Discount</th><td>-1.00 EUR</td>',
        '<th scope="row" colspan="3">Total</th><td>2,400.00 EUR</td>',
        '<th scope="row" colspan="3">Paid</th><td>2,400.00 EUR</td>',
        '<th scope="row" colspan="3">Refunded</th><td>100.00 EUR</td>',
    ):
        assert text in html
    assert "Home 1" not in html
    assert "Still to pay" not in html
    assert "<script" not in html


@pytest.mark.parametrize(
    ("currency", "shown"), [("JPY", "1,500 JPY"), ("KWD", "1,500.000 KWD")]
)
def test_amounts_have_the_decimals_of_their_currency(ana, actor, currency, shown):
    booking = bought(ana, "1500", currency=currency, kind="plan")

    html = services.render_invoice(booking, actor=actor)

    assert f"<td>{shown}</td>" in html
    assert '<td>Plan</td><td class="amount">1</td>' in html


def test_its_date_stays(ana, actor, monkeypatch):
    booking = bought(ana)
    at(monkeypatch, 2026, 5, 1)
    invoice_of(booking, actor=actor)
    at(monkeypatch, 2026, 8, 1)

    assert "<dd>1 May 2026</dd>" in services.render_invoice(booking, actor=actor)


# What is English, and what is German: of the page, a date, an amount and a quantity.
ENGLISH = ('<html lang="en">', "<dd>27 Nov 2026</dd>", ">1,234.50<", ">2.5<")
GERMAN = ('<html lang="de">', "<dd>27.11.2026</dd>", ">1.234,50<", ">2,5<")


@pytest.mark.parametrize(
    ("settings_of_it", "expected"),
    [
        ({}, ENGLISH),
        ({"invoice": {"language": "de"}}, GERMAN),
        ({"invoice": {"language": "xx"}}, ENGLISH),
        ({"invoice": {"language": ["de"]}}, ENGLISH),
        ({"invoice": "de"}, ENGLISH),
    ],
)
def test_it_is_in_the_language_of_the_business(
    ana, actor, monkeypatch, settings_of_it, expected
):
    ana.business.settings = settings_of_it
    ana.business.as_actor(actor).save()
    at(monkeypatch, 2026, 11, 27)
    booking = bought(ana, lines=[{"quantity": "2.5", "amount": "1234.5"}])
    invoice_of(booking, actor=actor)

    for reader in ("en", "de"):
        with translation.override(reader):
            html = services.render_invoice(booking, actor=actor)

            assert translation.get_language() == reader
        for text in expected:
            assert text in html


# --- sending -------------------------------------------------------------------------


def test_only_the_invoices_of_one_customer_are_sent_together(ana, actor, bakery):
    other = CustomerFactory(business=bakery, email="b@example.org")

    for rows in ([], [bought(ana), bought(other)]):
        with pytest.raises(ValidationError, match="one customer at a time"):
            services.send_invoices(rows, actor=actor)


def test_one_invoice_that_cannot_be_written_sends_none(ana, actor, mailoutbox):
    good, bad = bought(ana), bought(ana, status="draft")

    with pytest.raises(ValidationError):
        services.send_invoices([good, bad], actor=actor)

    good.refresh_from_db()
    assert good.invoice_number is None
    assert mailoutbox == []


def test_a_line_break_in_a_name_ends_no_header(
    ana, actor, mailoutbox, django_capture_on_commit_callbacks
):
    ana.business.name = "Bakery\nBcc: x@example.org"
    ana.business.as_actor(actor).save()

    with django_capture_on_commit_callbacks(execute=True):
        services.send_invoices([bought(ana)], actor=actor)

    assert mailoutbox[0].subject.startswith("Bakery Bcc: x@example.org: invoice ")


def test_the_mail_is_in_the_language_of_the_business(
    ana, actor, mailoutbox, django_capture_on_commit_callbacks, monkeypatch
):
    spoken = []
    plain = invoices.ngettext

    def listening(*texts_and_number):
        spoken.append(translation.get_language())
        return plain(*texts_and_number)

    monkeypatch.setattr(invoices, "ngettext", listening)
    for rows in ([bought(ana)], [bought(ana), bought(ana)]):
        committed = django_capture_on_commit_callbacks(execute=True)
        with translation.override("de"), committed:
            services.send_invoices(rows, actor=actor)

        word = "invoice" if len(rows) == 1 else "invoices"
        numbers = ", ".join(sorted(b.invoice_number for b in rows))
        assert mailoutbox[-1].subject == f"{ana.business.name}: {word} {numbers}"
        assert f"attached you find your {word} {numbers}.\n" in mailoutbox[-1].body
    assert set(spoken) == {"en"}
