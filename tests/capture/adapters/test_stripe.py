"""Stripe's events in our words, in older and newer shapes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from capture.adapters import read_stripe, stripe_livemode

SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "mode": "payment",
    "amount_subtotal": 9999,
    "amount_total": 8999,
    "total_details": {"amount_discount": 1000, "amount_tax": 0},
    "currency": "eur",
    "customer": "cus_1",
    "customer_details": {"email": "ada@example.org", "name": "Ada", "phone": "+491701"},
    "customer_email": None,
    "discounts": [{"coupon": "SPRING", "promotion_code": "promo_1"}],
    "invoice": None,
    "metadata": {"plan_name": "Gold"},
    "payment_intent": "pi_1",
    "payment_method_types": ["card"],
    "payment_status": "paid",
    "status": "complete",
}
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 8999,
    "amount_received": 0,
    "currency": "eur",
    "customer": "cus_1",
    "latest_charge": "ch_1",
    "receipt_email": "ada@example.org",
    "payment_method_types": ["card", "link"],
    "status": "requires_payment_method",
}
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 8999,
    "amount_captured": 8999,
    "amount_refunded": 0,
    "captured": True,
    "refunded": False,
    "currency": "eur",
    "customer": "cus_1",
    "payment_intent": "pi_1",
    "billing_details": {"email": "ada@example.org", "name": "Ada", "phone": None},
    "payment_method_details": {"type": "card", "card": {"last4": "4242"}},
    "status": "succeeded",
}
INVOICE = {
    "id": "in_1",
    "object": "invoice",
    "amount_due": 8999,
    "amount_paid": 8999,
    "subtotal": 9999,
    "total": 8999,
    "total_discount_amounts": [{"amount": 600}, {"amount": 400}],
    "currency": "eur",
    "customer": "cus_1",
    "customer_email": "ada@example.org",
    "customer_name": "Ada",
    "status": "paid",
    "lines": {"data": [{"description": "1 of Gold", "price": {"nickname": "Gold"}}]},
}
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 500,
    "charge": "ch_1",
    "currency": "eur",
    "payment_intent": "pi_1",
    "status": "needs_response",
}


def event(kind, thing, **changes):
    return {
        "id": "evt_1",
        "object": "event",
        "created": 1_700_000_000,
        "livemode": False,
        "type": kind,
        "data": {"object": {**thing, **changes}},
    }


def fields_of(kind, thing, **changes):
    item = read_stripe(event(kind, thing, **changes))
    assert item.issue is None
    assert item.type == "payment"
    return item.fields


def test_a_paid_checkout():
    item = read_stripe(event("checkout.session.completed", SESSION))

    assert item.issue is None
    assert (item.type, item.name) == ("payment", "checkout.session.completed")
    assert (item.message_id, item.timestamp) == ("evt_1", 1_700_000_000)
    assert item.clock_trusted
    assert item.identity.email == "ada@example.org"
    assert item.identity.phone == "+491701"
    assert item.identity.provider_customer_id == "cus_1"
    assert item.sent_as["final_price"] == "data/object/amount_total"
    assert item.fields == {
        "full_name": "Ada",
        "plan_name": "Gold",
        "coupon_code": "SPRING",
        "payment_method": "card",
        "payment_status": "paid",
        "original_price": Decimal("99.99"),
        "discount_amount": Decimal("10.00"),
        "final_price": Decimal("89.99"),
        "currency": "EUR",
        "payment_processor": "stripe",
        "transaction_id": "pi_1",
        "references": ["pi_1", "cs_1"],
        "state": "paid",
    }


@pytest.mark.parametrize(
    ("kind", "thing", "changes", "state"),
    [
        (
            "checkout.session.completed",
            SESSION,
            {"payment_status": "unpaid"},
            "pending",
        ),
        (
            "checkout.session.completed",
            SESSION,
            {"payment_status": "no_payment_required", "amount_total": 0},
            "paid",
        ),
        (
            "checkout.session.completed",
            SESSION,
            {"payment_status": "no_payment_required"},
            "pending",
        ),
        ("checkout.session.async_payment_succeeded", SESSION, {}, "paid"),
        ("checkout.session.async_payment_failed", SESSION, {}, "failed"),
        ("checkout.session.expired", SESSION, {}, "failed"),
        ("payment_intent.created", INTENT, {}, "created"),
        ("payment_intent.processing", INTENT, {}, "pending"),
        ("payment_intent.amount_capturable_updated", INTENT, {}, "authorised"),
        ("payment_intent.succeeded", INTENT, {}, "paid"),
        ("payment_intent.payment_failed", INTENT, {}, "failed"),
        ("payment_intent.canceled", INTENT, {}, "failed"),
        ("charge.succeeded", CHARGE, {}, "paid"),
        (
            "charge.succeeded",
            CHARGE,
            {"captured": False, "amount_captured": 0},
            "authorised",
        ),
        ("charge.captured", CHARGE, {}, "paid"),
        ("charge.failed", CHARGE, {"captured": False}, "failed"),
        ("charge.refunded", CHARGE, {"amount_refunded": 100}, "partially_refunded"),
        (
            "charge.refunded",
            CHARGE,
            {"amount_refunded": 8999, "refunded": True},
            "refunded",
        ),
        (
            "charge.refunded",
            CHARGE,
            {"amount_refunded": 8999, "refunded": True, "captured": False},
            "failed",
        ),
        ("charge.dispute.created", DISPUTE, {}, "disputed"),
        ("charge.dispute.funds_withdrawn", DISPUTE, {}, "disputed"),
        ("charge.dispute.closed", DISPUTE, {"status": "lost"}, "disputed"),
        ("charge.dispute.closed", DISPUTE, {"status": "won"}, "paid"),
        ("invoice.paid", INVOICE, {}, "paid"),
        ("invoice.payment_succeeded", INVOICE, {}, "paid"),
        ("invoice.payment_failed", INVOICE, {"status": "open"}, "failed"),
    ],
)
def test_states(kind, thing, changes, state):
    assert fields_of(kind, thing, **changes)["state"] == state


@pytest.mark.parametrize(
    ("kind", "thing", "changes", "number", "found"),
    [
        ("checkout.session.completed", SESSION, {}, "pi_1", ["pi_1", "cs_1"]),
        (
            "checkout.session.completed",
            SESSION,
            {"payment_intent": None, "invoice": "in_1", "subscription": "sub_1"},
            "in_1",
            ["in_1", "cs_1"],
        ),
        (
            "checkout.session.completed",
            SESSION,
            {"payment_intent": {"id": "pi_9"}},
            "pi_9",
            ["pi_9", "cs_1"],
        ),
        ("payment_intent.succeeded", INTENT, {}, "pi_1", ["pi_1", "ch_1"]),
        (
            "payment_intent.succeeded",
            INTENT,
            {"latest_charge": None, "invoice": "in_1", "charges": {"data": [CHARGE]}},
            "pi_1",
            ["pi_1", "in_1", "ch_1"],
        ),
        (
            "payment_intent.succeeded",
            INTENT,
            {"payment_details": {"order_reference": "in_1"}},
            "pi_1",
            ["pi_1", "in_1", "ch_1"],
        ),
        (
            "payment_intent.succeeded",
            INTENT,
            {"payment_details": {"order_reference": "order 12"}},
            "pi_1",
            ["pi_1", "ch_1"],
        ),
        ("charge.succeeded", CHARGE, {}, "pi_1", ["pi_1", "ch_1"]),
        (
            "charge.succeeded",
            CHARGE,
            {"payment_intent": None, "invoice": "in_1"},
            "in_1",
            ["in_1", "ch_1"],
        ),
        ("charge.succeeded", CHARGE, {"payment_intent": None}, "ch_1", ["ch_1"]),
        ("charge.dispute.created", DISPUTE, {}, "pi_1", ["pi_1", "ch_1"]),
        ("invoice.paid", INVOICE, {}, "in_1", ["in_1"]),
        (
            "invoice.paid",
            INVOICE,
            {"payment_intent": "pi_1", "charge": "ch_1"},
            "pi_1",
            ["pi_1", "in_1", "ch_1"],
        ),
        (
            "invoice.paid",
            INVOICE,
            {
                "payments": {
                    "data": [
                        {"status": "canceled", "payment": {"payment_intent": "pi_0"}},
                        {
                            "status": "paid",
                            "payment": {
                                "type": "payment_intent",
                                "payment_intent": "pi_1",
                            },
                        },
                    ]
                }
            },
            "pi_1",
            ["pi_1", "pi_0", "in_1"],
        ),
    ],
)
def test_every_id_of_a_purchase_is_a_reference(kind, thing, changes, number, found):
    fields = fields_of(kind, thing, **changes)

    assert fields["transaction_id"] == number
    assert fields["references"] == found


def test_the_newest_invoices_are_tied_to_their_intent_by_an_event_of_its_own():
    paid = {
        "id": "inpay_1",
        "object": "invoice_payment",
        "amount_paid": 8999,
        "currency": "eur",
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status": "paid",
    }
    fields = fields_of("invoice_payment.paid", paid)

    assert fields["references"] == ["pi_1", "in_1"]
    assert fields["final_price"] == Decimal("89.99")


@pytest.mark.parametrize(
    "changes",
    [
        {"subscription_details": {"metadata": {"plan": "Silver"}}},
        {"parent": {"subscription_details": {"metadata": {"plan": "Silver"}}}},
    ],
)
def test_the_plan_of_a_subscription(changes):
    assert fields_of("invoice.paid", INVOICE)["plan_name"] == "Gold"
    assert fields_of("invoice.paid", INVOICE, **changes)["plan_name"] == "Silver"


def test_the_money_of_an_invoice():
    paid = fields_of("invoice.paid", INVOICE)
    unpaid = fields_of("invoice.payment_failed", INVOICE, status="open", amount_paid=0)

    assert paid["discount_amount"] == Decimal("10.00")
    assert paid["original_price"] == Decimal("99.99")
    assert paid["final_price"] == unpaid["final_price"] == Decimal("89.99")


def test_a_credit_note_leaves_no_price_below_zero():
    fields = fields_of("invoice.paid", INVOICE, subtotal=-500, amount_paid=0)

    assert "original_price" not in fields
    assert fields["final_price"] == 0


def test_a_dispute_says_nothing_of_the_price():
    fields = fields_of("charge.dispute.created", DISPUTE)

    assert "final_price" not in fields
    assert fields["payment_status"] == "needs_response"


@pytest.mark.parametrize(
    ("captured", "refunded", "price", "back"),
    [
        (8999, 0, "89.99", "0"),
        (8999, 1000, "89.99", "10"),
        # 60 of 89.99 were taken; the rest, never taken, counts as refunded at Stripe.
        (6000, 2999, "60", "0"),
        (6000, 3999, "60", "10"),
    ],
)
def test_what_was_never_taken_was_not_given_back(captured, refunded, price, back):
    fields = fields_of(
        "charge.refunded", CHARGE, amount_captured=captured, amount_refunded=refunded
    )

    assert fields["final_price"] == Decimal(price)
    assert fields["amount_refunded"] == Decimal(back)


def test_an_intent_counts_what_was_received():
    fields = fields_of("payment_intent.succeeded", INTENT, amount_received=5000)

    assert fields["final_price"] == Decimal("50.00")


@pytest.mark.parametrize(
    "changes",
    [
        {"customer_details": {"email": "ada@example.org"}},
        {"receipt_email": "ada@example.org"},
        {"billing_details": {"email": "ada@example.org"}},
        {"charges": {"data": [{"billing_details": {"email": "ada@example.org"}}]}},
        {"customer_email": "ada@example.org"},
        {"customer": {"id": "cus_1", "email": "ada@example.org"}},
    ],
)
def test_the_address_stands_in_many_places(changes):
    bare = {"id": "pi_1", "amount": 1, "currency": "eur", "customer": "cus_1"}
    item = read_stripe(event("payment_intent.succeeded", bare, **changes))

    assert item.identity.email == "ada@example.org"
    assert item.identity.provider_customer_id == "cus_1"


@pytest.mark.parametrize("verb", ["created", "updated"])
def test_a_customer_is_a_profile(verb):
    customer = {
        "id": "cus_1",
        "email": "ada@example.org",
        "name": "Ada",
        "phone": "+491701",
        "address": {"city": "Berlin", "country": "DE", "line1": "Weg 1"},
    }
    item = read_stripe(event(f"customer.{verb}", customer))

    assert item.type == "profile"
    assert item.identity.email == "ada@example.org"
    assert item.identity.provider_customer_id == "cus_1"
    assert item.fields == {
        "full_name": "Ada",
        "mobile_number": "+491701",
        "location": "Berlin, DE",
    }


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("customer.subscription.updated", {"id": "sub_1", "customer": "cus_1"}),
        ("customer.tax_id.created", {"id": "txi_1", "customer": "cus_1"}),
        ("checkout.session.completed", {**SESSION, "mode": "setup"}),
        ("account.updated", {"id": "acct_1", "email": "us@example.com"}),
        ("something.new", {}),
    ],
)
def test_everything_else_is_an_event(kind, thing):
    item = read_stripe(event(kind, thing))

    assert item.issue is None
    assert (item.type, item.name) == ("event", kind)
    assert item.identity.email is None
    assert item.identity.provider_customer_id == thing.get("customer")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"amount": "8999"}, "amount_invalid", "/data/object/amount"),
        ({"amount": None}, "amount_invalid", "/data/object/amount"),
        ({"amount": -1}, "amount_invalid", "/data/object/amount"),
        ({"amount": True}, "amount_invalid", "/data/object/amount"),
        ({"amount": Decimal("1.5")}, "amount_invalid", "/data/object/amount"),
        ({"amount": [8999]}, "amount_invalid", "/data/object/amount"),
        ({"amount": 10**200}, "amount_invalid", "/data/object/amount"),
        ({"currency": "zzz"}, "currency_unknown", "/data/object/currency"),
        ({"currency": []}, "currency_unknown", "/data/object/currency"),
        ({"currency": None}, "currency_unknown", "/data/object/amount"),
        (
            {"id": None, "latest_charge": None},
            "schema_violation",
            "/data/object/id",
        ),
    ],
)
def test_a_malformed_payment_has_a_problem(changes, code, pointer):
    item = read_stripe(event("payment_intent.succeeded", INTENT, **changes))

    assert (item.issue.code, item.issue.pointer) == (code, pointer)
    assert (item.type, item.message_id) == ("payment", "evt_1")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (None, "/id"),
        ([], "/id"),
        ({}, "/id"),
        ({"id": "evt_1", "object": "event"}, "/type"),
        ({"id": "evt_1", "type": ["x"]}, "/type"),
        ({"id": "evt_1", "type": "invoice.paid"}, "/data/object"),
        ({"id": "evt_1", "type": "invoice.paid", "data": []}, "/data/object"),
        (
            {"id": "evt_1", "type": "invoice.paid", "data": {"object": []}},
            "/data/object",
        ),
        ({"id": "evt_1", "type": "customer.created", "data": None}, "/data/object"),
    ],
)
def test_a_malformed_event_has_a_problem(body, pointer):
    item = read_stripe(body)

    assert (item.issue.code, item.issue.pointer) == ("schema_violation", pointer)


def test_live_or_test():
    assert stripe_livemode({"livemode": True}) is True
    assert stripe_livemode({"livemode": False}) is False
    assert stripe_livemode({"livemode": "yes"}) is None
    assert stripe_livemode({}) is None
    assert stripe_livemode([]) is None
