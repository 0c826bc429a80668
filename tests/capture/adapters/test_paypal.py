"""PayPal's events in our words, of both versions of its payments API."""

from __future__ import annotations

from decimal import Decimal

import pytest

from capture.adapters import read_paypal

UP = "https://api.paypal.com/v2"
CAPTURE = {
    "id": "29Y24445UY2083144",
    "status": "COMPLETED",
    "amount": {"value": "100.00", "currency_code": "USD"},
    "final_capture": True,
    "supplementary_data": {"related_ids": {"order_id": "89T257400V0473133"}},
    "seller_receivable_breakdown": {"net_amount": {"value": "96.02"}},
    "links": [
        {"rel": "self", "href": f"{UP}/payments/captures/29Y24445UY2083144"},
        {"rel": "up", "href": f"{UP}/checkout/orders/89T257400V0473133"},
    ],
}
REFUND = {
    "id": "55105082X5896632E",
    "status": "COMPLETED",
    "amount": {"value": "10.00", "currency_code": "USD"},
    "seller_payable_breakdown": {
        "gross_amount": {"value": "10.00", "currency_code": "USD"},
        "total_refunded_amount": {"value": "30.00", "currency_code": "USD"},
    },
    "links": [
        {"rel": "self", "href": f"{UP}/payments/refunds/55105082X5896632E"},
        {"rel": "up", "href": f"{UP}/payments/captures/29Y24445UY2083144"},
    ],
}
ORDER = {
    "id": "89T257400V0473133",
    "status": "APPROVED",
    "intent": "CAPTURE",
    "payer": {
        "payer_id": "QYR5Z8XDVJNXQ",
        "email_address": "ada@example.org",
        "name": {"given_name": "Ada", "surname": "Lovelace"},
    },
    "payment_source": {"paypal": {}},
    "purchase_units": [
        {
            "reference_id": "default",
            "amount": {
                "value": "90.00",
                "currency_code": "USD",
                "breakdown": {
                    "item_total": {"value": "100.00", "currency_code": "USD"},
                    "discount": {"value": "10.00", "currency_code": "USD"},
                },
            },
            "payee": {"email_address": "shop@example.com"},
            "items": [{"name": "Gold"}],
        }
    ],
}
SALE = {
    "id": "80021663DE681814L",
    "state": "completed",
    "amount": {"total": "7.47", "currency": "USD"},
    "parent_payment": "PAYID-1",
    "billing_agreement_id": "I-1",
    "payment_mode": "INSTANT_TRANSFER",
    "invoice_number": "2026 17",
}
DISPUTE = {
    "dispute_id": "PP-D-1",
    "status": "OPEN",
    "dispute_amount": {"value": "3.00", "currency_code": "USD"},
    "disputed_transactions": [
        {
            "seller_transaction_id": "29Y24445UY2083144",
            "buyer": {"name": "Ada Lovelace", "email": "ada@example.org"},
        }
    ],
}


def event(kind, resource, **changes):
    return {
        "id": "WH-1",
        "event_version": "1.0",
        "create_time": "2026-11-21T10:00:00.000Z",
        "event_type": kind,
        "resource": {**resource, **changes},
    }


def fields_of(kind, resource, **changes):
    item = read_paypal(event(kind, resource, **changes))
    assert item.issue is None
    assert item.type == "payment"
    return item.fields


def test_a_capture():
    item = read_paypal(event("PAYMENT.CAPTURE.COMPLETED", CAPTURE))

    assert item.issue is None
    assert (item.type, item.name) == ("payment", "PAYMENT.CAPTURE.COMPLETED")
    assert (item.message_id, item.timestamp) == ("WH-1", "2026-11-21T10:00:00.000Z")
    assert item.clock_trusted
    assert item.sent_as == {"final_price": "resource/amount/value"}
    assert item.fields == {
        "payment_status": "COMPLETED",
        "payment_processor": "paypal",
        "transaction_id": "29Y24445UY2083144",
        "state": "paid",
        "currency": "USD",
        "final_price": Decimal("100.00"),
        "references": ["transaction:29Y24445UY2083144", "order:89T257400V0473133"],
    }


def test_an_order_and_its_capture_share_a_reference():
    approved = fields_of("CHECKOUT.ORDER.APPROVED", ORDER)

    assert approved["state"] == "pending"
    assert approved["transaction_id"] == "89T257400V0473133"
    assert approved["references"] == ["order:89T257400V0473133"]
    assert approved["final_price"] == Decimal("90.00")
    assert approved["original_price"] == Decimal("100.00")
    assert approved["discount_amount"] == Decimal("10.00")
    assert approved["plan_name"] == "Gold"
    assert approved["payment_method"] == "paypal"
    assert approved["full_name"] == "Ada Lovelace"


def test_the_payer_of_an_order_is_not_its_payee():
    who = read_paypal(event("CHECKOUT.ORDER.APPROVED", ORDER)).identity

    assert (who.email, who.provider_customer_id) == ("ada@example.org", "QYR5Z8XDVJNXQ")


def test_an_order_that_is_done():
    unit = ORDER["purchase_units"][0]
    done = [{**unit, "payments": {"captures": [CAPTURE]}}]
    fields = fields_of("CHECKOUT.ORDER.COMPLETED", ORDER, purchase_units=done)

    assert fields["state"] == "paid"
    assert fields["transaction_id"] == "29Y24445UY2083144"
    assert fields["references"] == [
        "transaction:29Y24445UY2083144",
        "order:89T257400V0473133",
    ]


@pytest.mark.parametrize(
    ("payments", "state"),
    [
        ({}, "paid"),
        ({"captures": [{"status": "PENDING"}]}, "pending"),
        ({"captures": [{"status": "DECLINED"}]}, "failed"),
        ({"captures": [{"status": "DECLINED"}, {"status": "COMPLETED"}]}, "paid"),
        ({"authorizations": [{"status": "CREATED"}]}, "authorised"),
    ],
)
def test_an_order_is_as_far_as_its_captures(payments, state):
    units = [{**ORDER["purchase_units"][0], "payments": payments}]
    fields = fields_of("CHECKOUT.ORDER.COMPLETED", ORDER, purchase_units=units)

    assert fields["state"] == state


@pytest.mark.parametrize(
    ("kind", "resource", "changes", "state"),
    [
        ("PAYMENT.CAPTURE.PENDING", CAPTURE, {}, "pending"),
        ("PAYMENT.CAPTURE.DENIED", CAPTURE, {}, "failed"),
        ("PAYMENT.CAPTURE.DECLINED", CAPTURE, {}, "failed"),
        ("PAYMENT.CAPTURE.REFUNDED", REFUND, {}, "partially_refunded"),
        ("PAYMENT.CAPTURE.REFUNDED", CAPTURE, {"status": "REFUNDED"}, "refunded"),
        ("PAYMENT.CAPTURE.REVERSED", CAPTURE, {}, "refunded"),
        ("PAYMENT.SALE.COMPLETED", SALE, {}, "paid"),
        ("PAYMENT.SALE.PENDING", SALE, {}, "pending"),
        ("PAYMENT.SALE.DENIED", SALE, {}, "failed"),
        ("PAYMENT.SALE.REVERSED", SALE, {}, "refunded"),
        ("CUSTOMER.DISPUTE.CREATED", DISPUTE, {}, "disputed"),
        ("CUSTOMER.DISPUTE.UPDATED", DISPUTE, {}, "disputed"),
        ("CUSTOMER.DISPUTE.RESOLVED", DISPUTE, {}, "disputed"),
        (
            "CUSTOMER.DISPUTE.RESOLVED",
            DISPUTE,
            {"dispute_outcome": {"outcome_code": "RESOLVED_SELLER_FAVOUR"}},
            "paid",
        ),
    ],
)
def test_states(kind, resource, changes, state):
    assert fields_of(kind, resource, **changes)["state"] == state


def test_a_refund_belongs_to_its_capture():
    fields = fields_of("PAYMENT.CAPTURE.REFUNDED", REFUND)

    assert fields["transaction_id"] == "29Y24445UY2083144"
    assert fields["refund_id"] == "55105082X5896632E"
    assert fields["refund_amount"] == Decimal("10.00")
    assert fields["refund_status"] == "COMPLETED"
    # The sum of all refunds so far, by PayPal's word.
    assert fields["amount_refunded"] == Decimal("30.00")
    assert "final_price" not in fields


def test_a_refund_of_nothing_known_is_no_payment():
    item = read_paypal(event("PAYMENT.CAPTURE.REFUNDED", REFUND, links=[]))

    assert item.issue.code == "schema_violation"


def test_the_first_version():
    fields = fields_of("PAYMENT.SALE.COMPLETED", SALE)

    assert fields["final_price"] == Decimal("7.47")
    assert fields["payment_method"] == "INSTANT_TRANSFER"
    assert fields["references"] == [
        "transaction:80021663DE681814L",
        "payment:PAYID-1",
        "invoice:2026_17",
    ]


def test_a_refund_of_the_first_version_has_a_minus():
    refund = {
        "id": "6YX43824R4443062K",
        "sale_id": "80021663DE681814L",
        "parent_payment": "PAYID-1",
        "state": "completed",
        "amount": {"total": "-7.47", "currency": "USD"},
    }
    fields = fields_of("PAYMENT.SALE.REFUNDED", refund)

    assert fields["refund_amount"] == Decimal("7.47")
    assert "amount_refunded" not in fields
    assert (fields["refund_id"], fields["refund_status"]) == (refund["id"], "completed")
    assert fields["transaction_id"] == "80021663DE681814L"


def test_a_dispute_names_its_buyer_and_no_price():
    item = read_paypal(event("CUSTOMER.DISPUTE.CREATED", DISPUTE))

    assert item.identity.email == "ada@example.org"
    assert item.fields["full_name"] == "Ada Lovelace"
    assert item.fields["references"] == ["transaction:29Y24445UY2083144"]
    assert item.fields["currency"] == "USD"
    assert "final_price" not in item.fields


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"invoice_id": "17"}, ["invoice:17"]),
        ({"invoice_id": "invoice:17"}, ["invoice:17"]),
        ({"custom_id": "invoice:17"}, ["invoice:17"]),
        # Free text: often the number of the person, on each of their purchases.
        ({"custom_id": "user-17"}, []),
    ],
)
def test_the_numbers_of_the_business(changes, found):
    fields = fields_of("PAYMENT.CAPTURE.COMPLETED", CAPTURE, **changes)

    assert fields["references"][2:] == found


def test_a_subscription_is_an_event():
    subscription = {
        "id": "I-1",
        "subscriber": {"email_address": "ada@example.org", "payer_id": "P1"},
    }
    item = read_paypal(event("BILLING.SUBSCRIPTION.ACTIVATED", subscription))

    assert item.issue is None
    assert (item.type, item.name) == ("event", "BILLING.SUBSCRIPTION.ACTIVATED")
    assert item.identity.email == "ada@example.org"


@pytest.mark.parametrize(
    ("amount", "code", "key"),
    [
        (None, "amount_invalid", "/total"),
        ([], "amount_invalid", "/total"),
        ({"value": True, "currency_code": "USD"}, "amount_invalid", "/value"),
        ({"value": "-5", "currency_code": "USD"}, "amount_invalid", "/value"),
        ({"value": "1e9", "currency_code": "USD"}, "amount_invalid", "/value"),
        ({"value": "5"}, "currency_unknown", ""),
        ({"value": "5", "currency_code": "ZZZ"}, "currency_unknown", "/currency_code"),
    ],
)
def test_a_malformed_amount_has_a_problem(amount, code, key):
    item = read_paypal(event("PAYMENT.CAPTURE.COMPLETED", CAPTURE, amount=amount))

    assert item.issue.code == code
    assert item.issue.pointer == f"/resource/amount{key}"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (None, "/id"),
        ({"id": "WH-1"}, "/event_type"),
        ({"id": "WH-1", "event_type": "PAYMENT.SALE.COMPLETED"}, "/resource"),
        (
            {"id": "WH-1", "event_type": "PAYMENT.SALE.COMPLETED", "resource": []},
            "/resource",
        ),
    ],
)
def test_a_malformed_event_has_a_problem(body, pointer):
    item = read_paypal(body)

    assert (item.issue.code, item.issue.pointer) == ("schema_violation", pointer)


def test_units_in_two_currencies_have_no_one_amount():
    units = [{"amount": {"value": "5", "currency_code": c}} for c in ("USD", "EUR")]
    item = read_paypal(event("CHECKOUT.ORDER.APPROVED", ORDER, purchase_units=units))

    assert item.issue.code == "amount_invalid"
    assert item.issue.pointer == "/resource/purchase_units"
