"""Invoices at `/api/v1`."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal

import pytest
from django.core import mail
from django.test import override_settings

from audit.models import Event, IdempotentResponse
from customers.models import Booking
from tests.conftest import signed_in, staff
from tests.customers.api.sending import post, send
from tests.factories import (
    AddressFactory,
    BookingFactory,
    RefundFactory,
)

# Nothing listens on the discard port.
NO_SERVER = {
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_HOST": "127.0.0.1",
    "EMAIL_PORT": 9,
}


@pytest.fixture
def booking(bakery) -> Booking:
    row: Booking = BookingFactory(
        customer__business=bakery,
        customer__name="Jonas <b>Berg</b>",
        customer__email="jonas@example.net",
        status="completed",
        total_amount=Decimal(20),
        paid_amount=Decimal(20),
        lines=[{"description": "<script>rye</script>", "quantity": "2"}],
    )
    return row


def invoice(booking: Booking, more: str = "") -> str:
    return f"/api/v1/bookings/{booking.pk}/invoice{more}"


@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*"])
def test_the_preview_is_a_page_and_gives_no_number(alice, booking, accept):
    answer = alice.get(invoice(booking), headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert "preview" in answer.text
    assert "&lt;script&gt;rye" in answer.text
    assert "<script" not in answer.text
    assert "<b>Berg" not in answer.text
    booking.refresh_from_db()
    assert booking.invoice_number is None


def test_the_page_loads_its_own_style_and_nothing_else(alice, booking):
    answer = alice.get(invoice(booking))

    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")


def test_the_seller_says_more_in_the_settings(alice, bakery, booking, actor):
    bakery.settings = {"invoice": {"seller_lines": ["Main Road <7>", "VAT 12 34"]}}
    bakery.as_actor(actor).save()

    text = alice.get(invoice(booking)).text

    assert "<address>Main Road &lt;7&gt;<br>VAT 12 34</address>" in text


def test_who_sees_no_refunds_sees_none_here(alice, bakery, booking):
    RefundFactory(booking=booking, amount=Decimal("7.77"), status="succeeded")
    marketing = signed_in(staff(bakery, "marketing"))

    assert "7.77" in alice.get(invoice(booking)).text
    assert "7.77" not in marketing.get(invoice(booking)).text


def test_the_preview_is_masked_by_role(alice, bakery, booking):
    AddressFactory(customer=booking.customer, line1="Bakkegata 17")
    support = signed_in(staff(bakery, "support"))

    assert "Bakkegata" in alice.get(invoice(booking)).text
    assert "Bakkegata" not in support.get(invoice(booking)).text


def test_nothing_is_invoiced_of_a_draft(alice, booking, actor):
    booking.status = "draft"
    booking.as_actor(actor).save()

    assert alice.get(invoice(booking)).json()["code"] == "no_invoice"
    assert post(alice, invoice(booking, "/send"), {}).json()["code"] == "no_invoice"


def test_somebody_without_an_address_gets_none(alice, booking, actor):
    booking.customer.email = None
    booking.customer.as_actor(actor).save()

    answer = post(alice, invoice(booking, "/send"), {})

    assert (answer.status_code, answer.json()["code"]) == (400, "no_email")
    booking.refresh_from_db()
    assert booking.invoice_number is None


@pytest.mark.django_db(transaction=True)
def test_an_invoice_is_sent_once_for_one_key(alice, booking):
    key = {"Idempotency-Key": "k"}

    first = post(alice, invoice(booking, "/send"), {}, **key)
    second = post(alice, invoice(booking, "/send"), {}, **key)
    third = post(alice, invoice(booking, "/send"), {})

    assert first.status_code == 200, first.content
    assert first.json() == second.json()
    [done], [again] = (each.json()["results"] for each in (first, third))
    assert (done["to"], done["again"], again["again"]) == (
        "jonas@example.net",
        False,
        True,
    )
    number = done["invoice_number"]
    assert len(mail.outbox) == 2
    [(name, html, kind)] = mail.outbox[0].attachments
    assert (name, kind) == (f"invoice-{number}.html", "text/html")
    assert f"Invoice {number}" in html
    sent = Event.objects.filter(action="invoice.sent")
    assert sent.count() == 2
    assert sent[0].data["numbers"] == [number]
    assert sent[0].subject_id == booking.customer_id


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_a_failing_mail_server_is_said_and_the_next_try_works(alice, booking, headers):
    with override_settings(**NO_SERVER):
        failed = post(alice, invoice(booking, "/send"), {}, **headers)

    assert (failed.status_code, failed.json()["code"]) == (503, "mail_failed")
    assert failed["Retry-After"] == "60"
    event = Event.objects.get(action="invoice.failed")
    assert (event.outcome, event.code) == ("failed", "mail_failed")
    assert not Event.objects.filter(action="invoice.sent").exists()
    assert not IdempotentResponse.objects.exists()

    again = post(alice, invoice(booking, "/send"), {}, **headers)

    assert again.status_code == 200, again.content
    number = again.json()["results"][0]["invoice_number"]
    # The number of the failed try; none is left out.
    assert event.data["numbers"] == [number]
    assert number.endswith("-000001")
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("is_verified", [False, True])
def test_an_invoice_takes_no_masked_address_away(bakery, booking, actor, is_verified):
    who = booking.customer
    who.email = None
    who.as_actor(actor).save()
    AddressFactory(customer=who, line1="Geheimweg 7", is_primary=True)
    support = signed_in(staff(bakery, "support"))
    body = {"email": "thief@example.org", "is_email_verified": is_verified}
    path = f"/api/v1/customers/{who.pk}"
    changed = send(support, "PATCH", path, body)
    assert changed.status_code == 200, changed.content
    send(support, "PATCH", path, {"location": "Oslo"})

    answer = post(support, invoice(booking, "/send"), {})

    assert (answer.status_code, answer.json()["code"]) == (400, "email_not_confirmed")
    booking.refresh_from_db()
    assert booking.invoice_number is None


@pytest.mark.django_db(transaction=True)
def test_an_address_of_the_customer_or_a_colleague_is_fine(alice, bakery, booking):
    support = signed_in(staff(bakery, "support"))
    path = f"/api/v1/customers/{booking.customer_id}"
    assert post(support, invoice(booking, "/send"), {}).status_code == 200

    assert send(alice, "PATCH", path, {"email": "b@example.org"}).status_code == 200

    for browser, shown in ((support, "b…@e….org"), (alice, "b@example.org")):
        [sent] = post(browser, invoice(booking, "/send"), {}).json()["results"]
        assert sent["to"] == shown
    assert mail.outbox[-1].to == ["b@example.org"]
