"""Staff see each refund and dispute of a payment: on its page, and in the API."""

from __future__ import annotations

from decimal import Decimal

import pytest

from audit.tenancy.actors import Actor
from capture import services
from capture.models import Payment
from tests.factories import SourceFactory

PAID = {"email": "ana@example.org", "transaction_id": "T1", "currency": "EUR"}
AT = "2026-11-20T10:00:00+00:00"


@pytest.fixture
def payment(bakery):
    messages = [
        {"final_price": 50, "payment_status": "completed"},
        {"refund_id": "R1", "refund_amount": "30", "refund_status": "failed"},
        {"refund_id": "R2", "refund_amount": "60.5"},
        {"dispute_id": "D1", "dispute_status": "lost"},
    ]
    for message in messages:
        body = PAID | message | {"timestamp": AT}
        envelopes = services.build_envelopes("payment", body, trust="server")
        services.ingest(
            envelopes, source=SourceFactory(business=bakery), actor=Actor.system("t")
        )
    return Payment.objects.get()


def test_the_page_of_a_payment(alice, payment):
    text = alice.get(f"/admin/capture/payment/{payment.pk}/change/").text

    assert "Refund R1: 30.00 EUR, failed" in text
    assert "Refund R2: 60.50 EUR, succeeded" in text
    assert "Dispute D1: all of it, lost" in text
    assert "More went back than was paid." in text


def test_the_page_is_for_staff_of_the_business(charlie, payment):
    response = charlie.get(f"/admin/capture/payment/{payment.pk}/change/")

    assert response.status_code in (302, 404)
    assert "R1" not in response.text


def test_the_api(alice, charlie, payment):
    url = f"/api/v1/payments/{payment.pk}"
    found = alice.get(url).json()

    assert (found["state"], found["amount_refunded"]) == ("refunded", "60.50")
    assert payment.amount_refunded == Decimal("60.5")
    assert {"kind": "refund", "id": "R1", "amount": "30.00", "currency": "EUR",
            "status": "failed", "at": AT} in found["refunds"]  # fmt: skip
    assert len(found["refunds"]) == 3
    assert charlie.get(url).status_code == 404


def test_the_timeline_says_what_became_of_each(alice, payment):
    url = f"/api/v1/customers/{payment.customer_id}/timeline?kinds=capture"
    entries = alice.get(url).json()["results"]

    assert {(entry["title"], entry["amount"]) for entry in entries} == {
        ("Payment paid.", "50.00"),
        ("Refund failed.", "30.00"),
        ("Refund succeeded.", "60.50"),
        ("Dispute lost.", None),
    }


def test_the_list_takes_as_many_statements_for_more(alice, payment, assert_flat):
    def grow():
        copy = Payment.objects.get(pk=payment.pk)
        copy.pk, copy._state.adding = None, True
        copy.save()

    assert_flat(call=lambda: alice.get("/api/v1/payments"), grow=grow)
