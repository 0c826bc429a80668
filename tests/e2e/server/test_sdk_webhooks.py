"""Events signed by the official libraries of Stripe and Standard Webhooks."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.live import Answer, Shop

pytestmark = pytest.mark.e2e
WHY = "The libraries come with the end-to-end packages."
standardwebhooks = pytest.importorskip("standardwebhooks", reason=WHY)
stripe = pytest.importorskip("stripe", reason=WHY)
START = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())
PERSON = {"email": "ann@example.org", "name": "Ann", "phone": None}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 8999,
    "amount_captured": 8999,
    "amount_refunded": 0,
    "captured": True,
    "currency": "eur",
    "customer": "cus_1",
    "billing_details": PERSON,
    "payment_intent": "pi_1",
    "invoice": "in_1",
    "refunded": False,
    "status": "succeeded",
}


def event(number: int, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"evt_{number}",
        "object": "event",
        "type": kind,
        "created": START + number * 60,
        "livemode": False,
        "data": {"object": thing},
    }


PURCHASE = [
    event(
        1,
        "payment_intent.succeeded",
        {
            "id": "pi_1",
            "object": "payment_intent",
            "amount": 8999,
            "amount_received": 8999,
            "currency": "eur",
            "customer": "cus_1",
            "invoice": "in_1",
            "latest_charge": "ch_1",
            "receipt_email": "ann@example.org",
            "status": "succeeded",
        },
    ),
    event(2, "charge.succeeded", CHARGE),
    event(
        3,
        "invoice.paid",
        {
            "id": "in_1",
            "object": "invoice",
            "amount_paid": 8999,
            "amount_due": 8999,
            "subtotal": 9999,
            "total": 8999,
            "total_discount_amounts": [{"amount": 1000, "discount": "di_1"}],
            "charge": "ch_1",
            "currency": "eur",
            "customer": "cus_1",
            "customer_email": "ann@example.org",
            "payment_intent": "pi_1",
            "status": "paid",
        },
    ),
    event(
        4,
        "checkout.session.completed",
        {
            "id": "cs_1",
            "object": "checkout.session",
            "amount_subtotal": 9999,
            "amount_total": 8999,
            "total_details": {"amount_discount": 1000},
            "currency": "eur",
            "customer": "cus_1",
            "customer_details": PERSON,
            "invoice": "in_1",
            "mode": "subscription",
            "payment_intent": "pi_1",
            "payment_status": "paid",
            "status": "complete",
        },
    ),
    event(5, "charge.refunded", CHARGE | {"amount_refunded": 3000}),
    event(6, "charge.refunded", CHARGE | {"amount_refunded": 8999, "refunded": True}),
]


def deliver(
    shop: Shop, told: dict[str, Any], *, secret: str = "", ahead: int = 0
) -> Answer:
    """Post an event as Stripe does."""
    body = json.dumps(told)
    stamp = int(time.time()) + ahead
    signature = stripe.WebhookSignature.generate_signature_header(
        body, secret or shop.stripe_secret, stamp
    )
    path = f"/api/v1/webhooks/stripe/{shop.stripe}"
    return shop.post(path, body.encode(), Stripe_Signature=signature)


def outcome(shop: Shop) -> dict[str, Any]:
    """Return everything that a purchase ends in."""
    payment = (
        "state final_price original_price discount_amount amount_refunded currency"
    )
    payment += (
        " transaction_id verified occurred_at user_email payment_method plan_name"
    )
    booking = "status total_amount original_amount discount_amount paid_amount currency"
    stats = "total_orders completed_orders refunded_orders total_purchases total_spent"
    stats += " avg_transaction_value first_purchase_date last_purchase_date spent"
    return {
        "payment": shop.rows("capture_payment", *payment.split()),
        "booking": shop.rows("customers_booking", *booking.split(), "placed_at"),
        "refund": shop.rows("customers_refund", "amount", "currency"),
        "stats": shop.rows("customers_customerstats", *stats.split()),
        "customer": shop.rows("customers_customer", "email", "name"),
    }


def test_a_purchase_ends_the_same_in_any_order(hub):
    chance = random.Random(7)
    shops = hub.open_shops(20)
    orders = [list(PURCHASE)] + [
        chance.sample(PURCHASE, len(PURCHASE)) for _ in range(19)
    ]

    def run(shop: Shop, order: list[dict[str, Any]]) -> list[int]:
        return [deliver(shop, told).status for told in order]

    with ThreadPoolExecutor(4) as pool:
        assert all(s == [200] * 6 for s in pool.map(run, shops, orders))

    first = outcome(shops[0])
    [payment] = first["payment"]
    assert payment[0] == "refunded"
    assert [Decimal(str(v)) for v in payment[1:5]] == [
        Decimal(v) for v in ("89.99", "99.99", "10", "89.99")
    ]
    assert len(first["booking"]) == len(first["customer"]) == 1
    assert sum(Decimal(str(row[0])) for row in first["refund"]) == Decimal("89.99")
    for shop, order in zip(shops, orders, strict=True):
        assert outcome(shop) == first, [told["id"] for told in order]
        assert shop.count("capture_capture") == 6


def test_the_same_event_twice_is_one_capture_and_a_sighting(shop):
    assert deliver(shop, PURCHASE[0]).json()["status"] == "accepted"
    assert deliver(shop, PURCHASE[0]).json()["duplicate"] is True

    assert shop.count("capture_capture") == shop.count("capture_sighting") == 1
    repeated = PURCHASE[0] | {"created": START + 1, "extra": True}
    assert deliver(shop, repeated).json()["status"] == "duplicate"
    content = PURCHASE[0]["data"]["object"] | {"extra": True}
    other = PURCHASE[0] | {"data": {"object": content}}
    assert deliver(shop, other).json()["status"] == "conflict"
    assert shop.count("capture_capture") == 1
    assert shop.rows("capture_quarantine", "code") == [("message_id_conflict",)]


@pytest.mark.parametrize(
    ("secret", "ahead", "code"),
    [
        ("whsec_another", 0, "bad_signature"),
        ("", 86_400, "stale_signature"),
        ("", -86_400, "stale_signature"),
    ],
)
def test_what_is_not_signed_now_by_this_secret_is_put_aside(shop, secret, ahead, code):
    answer = deliver(shop, PURCHASE[0], secret=secret, ahead=ahead)

    assert (answer.status, answer.json()["code"]) == (400, code)
    assert shop.rows("capture_quarantine", "code", "trust") == [(code, "browser")]
    assert shop.count("capture_capture") == shop.count("customers_customer") == 0


def hook(
    shop: Shop, told: dict[str, Any], *, name: str = "msg_1", ahead: int = 0
) -> Answer:
    """Post an event signed by the library of Standard Webhooks."""
    body = json.dumps(told)
    at = datetime.now(UTC) + timedelta(seconds=ahead)
    signature = standardwebhooks.Webhook(shop.standard_secret).sign(name, at, body)
    headers = {
        "webhook_id": name,
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": signature,
    }
    path = f"/api/v1/webhooks/standard/{shop.standard}"
    return shop.post(path, body.encode(), **headers)


PAID = {
    "type": "payment.succeeded",
    "timestamp": "2026-03-01T12:00:00Z",
    "data": {
        "user_email": "ann@example.org",
        "transaction_id": "t-1",
        "payment_processor": "acme",
        "final_price": "89.99",
        "currency": "EUR",
        "payment_status": "completed",
    },
}


def test_a_standard_webhook_pays_once(shop):
    assert hook(shop, PAID).json()["status"] == "accepted"
    assert hook(shop, PAID).json()["status"] == "duplicate"
    other = PAID | {"data": PAID["data"] | {"final_price": "1.00"}}
    assert hook(shop, other).json()["status"] == "conflict"

    assert list(shop.captures()) == ["msg_1"]
    assert shop.count("capture_sighting") == 1
    assert shop.rows("capture_payment", "state", "user_email") == [
        ("paid", "ann@example.org")
    ]
    [(spent,)] = shop.rows("customers_customerstats", "total_spent")
    assert Decimal(str(spent)) == Decimal("89.99")


def test_a_standard_webhook_must_be_signed_now(shop):
    assert hook(shop, PAID, ahead=86_400).status == 400
    assert hook(shop, PAID, ahead=-86_400).status == 400

    assert shop.count("capture_capture") == 0
    assert shop.count("capture_quarantine") == 1
