"""Standard Webhooks in our words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from capture.adapters import read_standard

AT = "2026-11-21T10:00:00Z"


def event(kind, data):
    return {"type": kind, "timestamp": AT, "data": data}


def test_a_payment():
    data = {
        "email": "ada@example.org",
        "amount": Decimal("89.99"),
        "currency": "EUR",
        "transactionId": "tx-1",
    }
    item = read_standard(event("payment.succeeded", data), "msg_1")

    assert item.issue is None
    assert (item.type, item.name) == ("payment", "payment.succeeded")
    assert (item.message_id, item.timestamp) == ("msg_1", AT)
    assert item.clock_trusted
    assert item.identity.email == "ada@example.org"
    assert item.sent_as["final_price"] == "data/amount"
    assert item.fields == {
        "payment_status": "succeeded",
        "final_price": Decimal("89.99"),
        "currency": "EUR",
        "transaction_id": "tx-1",
    }


def test_the_data_say_more_than_the_type():
    data = {"email": "ada@example.org", "payment_status": "pending"}

    fields = read_standard(event("payment.created", data), "m").fields

    assert fields == {"payment_status": "pending"}


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("signup", "signup"),
        ("login", "login"),
        ("login.failed", "login"),
        ("questionnaire.answered", "questionnaire"),
        ("profile.updated", "profile"),
        ("user.created", "event"),
        ("payments", "event"),
    ],
)
def test_the_first_part_of_the_type_chooses(kind, type_):
    item = read_standard(event(kind, {"userId": "u1"}), "m")

    assert (item.type, item.name) == (type_, kind)
    assert item.identity.user_id == "u1"


def test_a_failed_login_did_not_succeed():
    item = read_standard(event("login.failed", {"email": "ada@example.org"}), "m")

    assert item.fields["success"] is False


def test_a_free_event_keeps_its_data():
    item = read_standard(event("user.moved", {"city": "Berlin"}), "m")

    assert item.fields == {"properties": {"city": "Berlin"}}


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (None, "schema_violation", "/type"),
        ([], "schema_violation", "/type"),
        ({"type": 0.5}, None, None),
        ({"type": "payment.paid"}, "schema_violation", "/data"),
        ({"type": "payment.paid", "data": []}, "schema_violation", "/data"),
        (
            {"type": "payment.paid", "data": {"amount": 1, "final_price": 2}},
            "conflicting_keys",
            "/data/amount",
        ),
    ],
)
def test_malformed_events(body, code, pointer):
    item = read_standard(body, "m")

    found = item.issue and (item.issue.code, item.issue.pointer)
    assert found == (code and (code, pointer))
    assert item.message_id == "m"
