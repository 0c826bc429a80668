"""Refunds, credit and invoices, from the page of a customer."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.mail.backends import locmem
from django.urls import reverse
from django.utils import translation

from audit.models import Event, Grant, IdempotentResponse
from customers import services
from customers.admin.acts.forms import amount_field
from customers.models import Booking, Credit, Refund
from tests.conftest import signed_in, staff
from tests.contract.test_forms_once import Browser
from tests.customers.admin.acting import (
    SYSTEM,
    act_path,
    do_act,
    paid_booking,
    said,
    somebody,
)
from tests.factories import BookingFactory, CreditFactory, RefundFactory


@pytest.fixture
def zelda(bakery):
    bakery.refund_limit = 50
    services.save_record(bakery, actor=SYSTEM)
    return somebody(bakery, name="Zelda")


@pytest.fixture
def support(bakery):
    return signed_in(staff(bakery, "support", username="kim"))


# --- refund -------------------------------------------------------------------------


def test_part_of_a_booking_goes_back_within_the_limit(support, zelda):
    booking = paid_booking(zelda)

    done = do_act(
        support, zelda, "refund",
        booking=booking.pk, amount="25.5", reason_code="quality", reason="stale",
    )  # fmt: skip

    assert done.status_code == 302
    refund = Refund.objects.get()
    assert (refund.amount, refund.status) == (Decimal("25.5"), "succeeded")
    assert (refund.reason_code, refund.reason) == ("quality", "stale")
    assert f"25.50 EUR of {booking} goes back." in said(support)
    assert not Grant.objects.exists()


def test_without_an_amount_all_that_is_left_goes_back(support, zelda):
    booking = paid_booking(zelda, 40)
    RefundFactory(booking=booking, amount=15)

    page = support.get(act_path(zelda, "refund"))
    do_act(support, zelda, "refund", booking=booking.pk, reason_code="goodwill")

    assert "25.00 EUR left" in page.text
    assert Refund.objects.latest("created_at").amount == 25


def test_only_bookings_with_something_left_are_a_choice(support, zelda):
    paid_back = paid_booking(zelda, 40)
    RefundFactory(booking=paid_back, amount=40)
    unpaid = BookingFactory(customer=zelda, total_amount=40)
    other = paid_booking(somebody(zelda.business, email=None))
    booking = paid_booking(zelda)

    page = support.get(act_path(zelda, "refund"))
    refused = do_act(support, zelda, "refund", booking=other.pk, reason_code="other")

    keys = {key for key, _ in page.context["form"].fields["booking"].choices}
    assert keys == {"", str(booking.pk)}
    assert "booking" in refused.context["form"].errors
    assert not Refund.objects.filter(booking__in=[other, unpaid]).exists()


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("100.01", "Only 100.00 EUR of this booking can still be refunded."),
        ("1.001", "EUR has 2 decimals."),
        ("0", "greater than or equal to"),
        ("ten", "Write a plain number"),
    ],
)
def test_an_amount_that_cannot_be_is_marked_at_its_field(alice, zelda, amount, text):
    booking = paid_booking(zelda)

    page = do_act(
        alice, zelda, "refund",
        booking=booking.pk, amount=amount, reason_code="other",
    )  # fmt: skip

    assert text in page.context["form"].errors["amount"][0]
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    ("language", "typed", "amount"),
    [
        ("de", "12,50", "12.5"),
        ("de", "12.50", "12.5"),
        ("de", "1.500", "1500"),
        ("de", "1.234,50", "1234.5"),
        ("de", "12.345.678", "12345678"),
        ("de", "0.001", "0.001"),
        ("en", "12.50", "12.5"),
        ("en", "1,500", "1500"),
        ("en", "1,234.50", "1234.5"),
    ],
)
def test_an_amount_is_read_as_its_reader_writes_it(language, typed, amount):
    with translation.override(language):
        assert amount_field().clean(typed) == Decimal(amount)


@pytest.mark.parametrize(
    ("language", "typed"),
    [("de", "1.50,0"), ("de", "1,500,000"), ("en", "1,50"), ("en", "1.500.000")],
)
def test_an_amount_of_neither_language_is_refused(language, typed):
    with translation.override(language), pytest.raises(ValidationError):
        amount_field().clean(typed)


def test_above_the_limit_it_waits_and_says_who_may_approve(support, zelda):
    staff(zelda.business, "admin", username="ada", first_name="Ada", last_name="Kern")
    booking = paid_booking(zelda)
    typed = {"booking": booking.pk, "amount": "80", "reason_code": "quality"}

    asked = support.post(act_path(zelda, "refund"), typed)
    assert "Ask to give back 80.00 EUR" in asked.text
    assert not Refund.objects.exists()
    done = do_act(support, zelda, "refund", **typed)

    assert done.status_code == 302
    assert Refund.objects.get().status == "requested"
    message = said(support)
    assert "Nothing has gone back yet: 80.00 EUR" in message
    assert "It may be approved by Ada Kern." in message
    grant = Grant.objects.get(used_at__isnull=False)
    assert Event.objects.get(action="refund.created").grant_id == grant.pk


def test_nobody_is_named_who_asked_for_it_alone(alice, zelda):
    booking = paid_booking(zelda)

    do_act(alice, zelda, "refund", booking=booking.pk, reason_code="quality")

    assert "Nobody else here may approve it" in said(alice)


# --- credit -------------------------------------------------------------------------


def test_credit_is_given_and_the_balance_said(support, zelda):
    CreditFactory(customer=zelda, amount=15)

    page = support.get(act_path(zelda, "credit"))
    do_act(
        support, zelda, "credit",
        amount="5", reason_code="compensation", expires_on="2199-12-31",
    )  # fmt: skip

    entry = Credit.objects.latest("created_at")
    assert (entry.amount, entry.reason_code) == (5, "compensation")
    assert entry.expires_on.isoformat() == "2199-12-31"
    assert "The balance is 15.00 EUR." in page.text
    assert "5.00 EUR of credit is given. The balance is 20.00 EUR now." in said(support)


def test_credit_above_the_limit_is_for_who_may_exceed_it(alice, support, zelda):
    typed = {"amount": "80", "reason_code": "loyalty"}

    refused = do_act(support, zelda, "credit", **typed)
    asked = alice.post(act_path(zelda, "credit"), typed)

    assert "More than 50.00 EUR" in refused.context["form"].errors["amount"][0]
    assert not Credit.objects.exists()
    assert "Give 80.00 EUR of credit" in asked.text
    assert do_act(alice, zelda, "credit", **typed).status_code == 302
    assert Credit.objects.get().amount == 80


def test_credit_that_has_run_out_is_refused_at_its_field(support, zelda):
    page = do_act(
        support, zelda, "credit",
        amount="5", reason_code="loyalty", expires_on="2020-01-01",
    )  # fmt: skip

    assert "expires_on" in page.context["form"].errors


# --- invoice ------------------------------------------------------------------------


def test_an_invoice_is_looked_at_and_sent(
    support, zelda, django_capture_on_commit_callbacks
):
    booking = paid_booking(zelda)
    page = support.get(act_path(zelda, "invoice"))
    preview = reverse("admin:customers_booking_invoice", args=[booking.pk])

    assert f'href="{preview}"' in page.text
    assert "It goes to z…@h….example." in page.text
    with django_capture_on_commit_callbacks(execute=True):
        done = do_act(support, zelda, "invoice", booking=booking.pk)

    assert done.status_code == 302
    [sent] = mail.outbox
    booking.refresh_from_db()
    assert sent.to == [zelda.email]
    assert booking.invoice_number in sent.subject
    assert "is sent for the first time." in said(support)
    with django_capture_on_commit_callbacks(execute=True):
        do_act(support, zelda, "invoice", booking=booking.pk)
    assert f"Invoice {booking.invoice_number} of {booking} is sent again." in said(
        support
    )


def test_a_preview_is_masked_and_gives_no_number(alice, support, zelda):
    booking = paid_booking(zelda)
    path = reverse("admin:customers_booking_invoice", args=[booking.pk])

    page = support.get(path)

    assert "It gets its number when it is sent." in page.text
    assert page["Content-Security-Policy"] == services.invoice_policy()
    assert Booking.objects.get().invoice_number is None
    seen = Event.objects.get(action="customer.viewed")
    assert (seen.subject_id, seen.actor_id) == (zelda.pk, support.user.pk)
    assert support.post(path).status_code == 405


def test_there_is_no_preview_of_a_draft(alice, zelda):
    draft = BookingFactory(customer=zelda, status="draft")

    path = reverse("admin:customers_booking_invoice", args=[draft.pk])
    page = alice.get(act_path(zelda, "invoice"))

    assert alice.get(path).status_code == 404
    assert "There is no booking that has an invoice" in page.text


def test_without_an_address_nothing_is_sent(alice, zelda):
    other = somebody(zelda.business, email=None)
    booking = paid_booking(other)

    page = do_act(alice, other, "invoice", booking=booking.pk)

    assert "There is no e-mail address." in page.text
    assert "The customer has no e-mail address." in page.text
    assert Booking.objects.get(pk=booking.pk).invoice_number is None


class AwayBackend(locmem.EmailBackend):
    """A mail server that cannot be reached."""

    def send_messages(self, messages: object) -> int:
        raise OSError


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_is_not_taken_is_said_and_may_be_sent_again(alice, settings):
    zelda = somebody(services.list_businesses(actor=SYSTEM).get(slug="bakery"))
    booking = paid_booking(zelda)
    browser = Browser(alice)
    path = act_path(zelda, "invoice")
    data = browser.form(path, booking=str(booking.pk))
    usual = settings.EMAIL_BACKEND

    settings.EMAIL_BACKEND = f"{__name__}.AwayBackend"
    failed = browser.client.post(path, data, follow=True)
    booking.refresh_from_db()
    settings.EMAIL_BACKEND = usual
    again = browser.client.post(path, data, follow=True)

    assert "The mail server did not take the mail" in failed.text
    assert "is sent" not in failed.text
    assert booking.invoice_number is not None
    assert Event.objects.filter(action="invoice.failed").count() == 1
    assert f"Invoice {booking.invoice_number} of {booking} is sent again." in again.text
    assert len(mail.outbox) == 1
    assert IdempotentResponse.objects.count() == 1
