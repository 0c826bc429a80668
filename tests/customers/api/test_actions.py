"""Document 003's acts, replayed as its client sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core import mail

from audit.models import Event
from customers import services
from customers.models import Credit, Flag, Refund
from tests.conftest import signed_in, staff
from tests.customers.api.sending import confirmed, post
from tests.factories import BookingFactory, CustomerFactory, FlagFactory

REASON = "two items broken"


@pytest.fixture
def path(booking) -> str:
    return f"/api/admin/customers/{booking.customer_id}/actions"


def refund(booking, amount: Any = 25.00, **more: Any) -> dict[str, Any]:
    return {
        "action": "issue_refund",
        "bookingId": str(booking.pk),
        "amount": amount,
        "currency": "EUR",
        "reasonCode": "quality",
        "reason": REASON,
        **more,
    }


def test_a_refund_is_issued(alice, booking, path):
    answer = post(alice, path, refund(booking))

    assert answer.status_code == 200, answer.content
    row = Refund.objects.get()
    body = answer.json()
    assert body == {
        "success": True,
        "action": "issue_refund",
        "result": {
            "refundId": str(row.pk),
            "status": "succeeded",
            "refundedTotal": 25.00,
        },
        "operationId": body["operationId"],
    }
    assert b'"refundedTotal":25.00' in answer.content
    created = Event.objects.get(action="refund.created", object_id=str(row.pk))
    assert str(created.operation_id) == body["operationId"]
    assert created.subjects == [str(booking.customer_id)]


@pytest.mark.parametrize("slash", ["", "/"])
def test_camel_case_names_and_snake_case_keys_are_taken(alice, booking, path, slash):
    sent = {"action": "issueRefund", "booking_id": str(booking.pk), "amount": "1.50"}

    answer = post(alice, path + slash, sent | {"reason_code": "other"})

    assert answer.status_code == 200, answer.content
    assert answer.json()["action"] == "issue_refund"


def test_a_refund_above_the_limit_waits_for_a_second_person(alice, booking, path):
    sent = refund(booking, 300)
    key = {"Idempotency-Key": "one"}

    answer = confirmed(alice, path, sent, "refund_over_limit", **key)

    assert answer.status_code == 202, answer.content
    row = Refund.objects.get()
    assert answer.json()["result"] == {
        "refundId": str(row.pk),
        "status": "requested",
        "needs": "second_person",
    }
    again = post(alice, path, sent, **key)
    assert (again.status_code, again.content) == (202, answer.content)
    assert again["Idempotent-Replayed"] == "true"
    assert Refund.objects.count() == 1


def test_support_may_ask_above_the_limit(bakery, booking, path):
    support = signed_in(staff(bakery, "support"))

    answer = confirmed(support, path, refund(booking, 300), "refund_over_limit")

    assert answer.status_code == 202
    assert Refund.objects.get().requested_by_id == support.user.pk


def test_credit_is_issued(alice, booking, path):
    sent = {
        "action": "issue_credit",
        "amount": 10.00,
        "currency": "EUR",
        "reasonCode": "compensation",
        "reason": "late delivery",
    }

    answer = post(alice, path, sent)

    assert answer.status_code == 200, answer.content
    assert answer.json()["result"] == {
        "creditId": str(Credit.objects.get().pk),
        "balance": 10.0,
        "currency": "EUR",
    }
    too_much = post(alice, path, {"action": "issueCredit", "amount": 95})
    assert too_much.status_code == 401


def test_flags_come_and_go(alice, booking, path):
    sent = {"flag": "fragile_goods", "reason": "glass"}

    added = post(alice, path, sent | {"action": "add_flag"})
    assert added.json()["result"] == {"flags": ["fragile_goods"]}
    twice = post(alice, path, sent | {"action": "add_flag"})
    assert (twice.status_code, twice.json()["code"]) == (409, "already_flagged")
    removed = post(alice, path, sent | {"action": "removeFlag"})
    assert removed.json()["result"] == {"flags": []}
    again = post(alice, path, sent | {"action": "remove_flag"})
    assert (again.status_code, again.json()["code"]) == (400, "no_such_flag")
    assert Flag.objects.get().removed_reason == "glass"


def test_invoices_are_resent(alice, booking, path, django_capture_on_commit_callbacks):
    other = BookingFactory(customer=booking.customer, status="completed")
    ids = [str(booking.pk), str(other.pk)]

    with django_capture_on_commit_callbacks(execute=True):
        answer = post(alice, path, {"action": "resend_invoices", "bookingIds": ids})

    assert answer.status_code == 200, answer.content
    sent = answer.json()["result"]["invoices"]
    assert {each["bookingId"] for each in sent} == set(ids)
    [message] = mail.outbox
    assert message.to == ["jonas@example.net"]
    assert len(message.attachments) == 2


def test_everything_about_somebody_is_exported_once(alice, booking, path):
    sent = {"action": "export_data", "reason": "access request 12"}

    answer = confirmed(alice, path, sent, "export")

    assert answer.status_code == 200, answer.content
    result = answer.json()["result"]
    assert set(result) == {"link", "expiresAt"}
    file = alice.get(result["link"])
    assert json.loads(b"".join(file))["customer"]["email"] == "jonas@example.net"
    assert alice.get(result["link"]).status_code == 410


@pytest.mark.parametrize(
    ("sent", "pointer", "code"),
    [
        ({"action": "erase"}, "/action", "invalid_choice"),
        ({}, "/action", "required"),
        ({"action": "add_flag", "flag": "x"}, "/reason", "required"),
        ({"action": "issue_refund", "reasonCode": "other"}, "/bookingId", "required"),
        ({"action": "issue_credit", "amount": 0}, "/amount", "min_value"),
        ({"action": "issue_credit", "amount": True}, "/amount", "incorrect_type"),
        (
            {"action": "issue_credit", "amount": 1, "flag": "x"},
            "/flag",
            "unknown_field",
        ),
        ({"action": "issue_credit", "sum": 1}, "/sum", "unknown_field"),
        (
            {"action": "issue_credit", "amount": 1, "reasonCode": "quality"},
            "/reasonCode",
            "invalid_choice",
        ),
    ],
)
def test_bad_input(alice, path, sent, pointer, code):
    answer = post(alice, path, sent)

    assert answer.status_code == 400
    found = {(e["pointer"], e["code"]) for e in answer.json()["errors"]}
    assert (pointer, code) in found


def test_a_booking_of_somebody_else_is_none(alice, booking, bakery, rival, path):
    for row in (
        BookingFactory(customer__business=bakery),
        BookingFactory(customer__business=rival),
    ):
        answer = post(alice, path, refund(row))
        assert (answer.status_code, answer.json()["code"]) == (400, "no_such_booking")


ACTS: dict[str, dict[str, Any]] = {
    "issue_refund": {"reasonCode": "other", "amount": 1},
    "issue_credit": {"amount": 1},
    "add_flag": {"flag": "new", "reason": "x"},
    "remove_flag": {"flag": "old", "reason": "x"},
    "export_data": {"reason": "x"},
    "resend_invoices": {},
}
MAY = {
    "admin": dict.fromkeys(ACTS, 200) | {"export_data": 401},
    "support": dict.fromkeys(ACTS, 200) | {"export_data": 403},
    "marketing": dict.fromkeys(ACTS, 403),
    "auditor": dict.fromkeys(ACTS, 403),
}


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("action", ACTS)
def test_the_right_is_by_act(bakery, booking, path, role, action):
    FlagFactory(customer=booking.customer, code="old")
    sent = {"action": action, **ACTS[action]}
    if action == "issue_refund":
        sent["bookingId"] = str(booking.pk)
    if action == "resend_invoices":
        sent["bookingIds"] = [str(booking.pk)]
    browser = signed_in(staff(bakery, role))

    assert post(browser, path, sent).status_code == MAY[role][action]


@pytest.mark.parametrize("action", ACTS)
def test_strangers_and_rivals(client, charlie, path, action):
    sent = {"action": action, **ACTS[action]}

    assert post(client, path, sent).status_code == 401
    foreign = post(charlie, path, sent)
    missing = post(charlie, path.replace("customers/", "customers/0"), sent)
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json()["message"] == missing.json()["message"]


def test_only_post(alice, path):
    assert alice.get(path).status_code == 405


def test_nothing_is_done_for_an_archived_customer(alice, actor, bakery):
    row = CustomerFactory(business=bakery)
    services.archive_customer(row, actor=actor, reason="x")
    path = f"/api/admin/customers/{row.pk}/actions"

    assert post(alice, path, {"action": "issue_credit", "amount": 1}).status_code == 404
