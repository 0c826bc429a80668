"""Refunds, credit and flags at `/api/v1`."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from audit.models import Event
from customers.models import Credit, Customer, Refund
from tests.conftest import signed_in, staff
from tests.customers.api.sending import confirmed, post
from tests.factories import (
    BookingFactory,
    CreditFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
    RefundFactory,
)

ASKED = {"amount": "25.00", "currency": "EUR", "reason_code": "quality"}


@pytest.fixture
def ana(bakery) -> Customer:
    return CustomerFactory(business=bakery)


def of(booking, what: str) -> str:
    return f"/api/v1/bookings/{booking.pk}/{what}"


def money(customer, what: str = "credits") -> str:
    return f"/api/v1/customers/{customer.pk}/{what}"


# --- refunds -------------------------------------------------------------------------


def test_a_refund_is_made_and_listed(alice, booking):
    made = post(alice, of(booking, "refunds"), ASKED)

    assert made.status_code == 201, made.content
    assert made.json()["amount"] == "25.00"
    assert made.json()["status"] == "succeeded"
    assert made.json()["needs"] is None
    body = alice.get(of(booking, "refunds/")).json()
    done = made.json()
    assert (done.pop("refunded_total"), done.pop("left")) == ("25.00", "475.00")
    assert done.pop("needs") is None
    assert (body["count"], body["results"]) == (1, [done])
    assert alice.get("/api/v1/refunds").json()["results"] == [done]
    by_reference = alice.get(f"/api/v1/bookings/{booking.reference}/refunds")
    assert by_reference.json() == body


def test_above_the_limit_another_person_approves(alice, bakery, booking):
    asked = confirmed(
        alice, of(booking, "refunds"), ASKED | {"amount": "500"}, "refund_over_limit"
    )
    assert (asked.status_code, asked.json()["needs"]) == (202, "second_person")
    approve = f"/api/v1/refunds/{asked.json()['id']}/approve"

    own = post(alice, approve, {})
    assert (own.status_code, own.json()["code"]) == (400, "second_person")
    support = signed_in(staff(bakery, "support"))
    assert post(support, approve, {}).status_code == 403
    done = confirmed(signed_in(staff(bakery)), approve, {}, "refund_over_limit")

    assert (done.status_code, done.json()["status"]) == (200, "succeeded")
    assert done.json()["refunded_total"] == "500.00"
    booking.refresh_from_db()
    assert booking.status == "refunded"
    late = post(alice, approve, {})
    assert (late.status_code, late.json()["code"]) == (409, "not_requested")


def test_a_confirmation_is_for_that_amount(alice, booking):
    path = of(booking, "refunds")
    confirmed(alice, path, ASKED | {"amount": "200"}, "refund_over_limit")

    assert post(alice, path, ASKED | {"amount": "210"}).status_code == 401
    assert Refund.objects.count() == 1


def test_a_key_is_for_one_refund(alice, booking):
    path, wanted = of(booking, "refunds"), ASKED | {"amount": "300"}
    first = confirmed(
        alice, path, wanted, "refund_over_limit", **{"Idempotency-Key": "a"}
    )
    same = post(alice, path, wanted, **{"Idempotency-Key": "a"})

    assert first.status_code == same.status_code == 202
    other = post(alice, path, ASKED, **{"Idempotency-Key": "a"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    too_much = post(alice, path, wanted, **{"Idempotency-Key": "b"})
    assert too_much.json()["code"] == "refund_exceeds_paid"


def test_a_refused_refund_is_over(alice, bakery, booking):
    row = RefundFactory(booking=booking, amount=Decimal(10))
    path = f"/api/v1/refunds/{row.pk}/refuse"

    assert post(alice, path, {}).status_code == 400
    answer = post(alice, path, {"reason": "no proof"})

    assert (answer.status_code, answer.json()["status"]) == (200, "refused")
    assert post(alice, path, {"reason": "again"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (ASKED | {"currency": "USD"}, "validation_error"),
        (ASKED | {"amount": "500.01"}, "refund_exceeds_paid"),
        (ASKED | {"amount": "1.001"}, "too_many_decimals"),
        (ASKED | {"amount": "-1"}, "validation_error"),
        (ASKED | {"amount": "1e400"}, "validation_error"),
        (ASKED | {"status": "succeeded"}, "validation_error"),
        ({}, "validation_error"),
    ],
)
def test_bad_refunds(alice, booking, body, code):
    answer = post(alice, of(booking, "refunds"), body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Refund.objects.exists()


# --- credit --------------------------------------------------------------------------


def test_credit_is_issued_spent_and_reversed(alice, ana):
    issued = post(alice, money(ana), {"amount": "10.00", "reason_code": "loyalty"})
    assert issued.status_code == 201, issued.content
    assert (issued.json()["balance"], issued.json()["currency"]) == ("10.00", "EUR")

    booking = BookingFactory(customer=ana, total_amount=Decimal(9))
    sent = {"amount": "4.00", "booking": booking.reference}
    spent = post(alice, money(ana, "credits/spend"), sent)
    assert (spent.json()["amount"], spent.json()["balance"]) == ("-4.00", "6.00")

    back = f"/api/v1/credits/{spent.json()['id']}/reverse"
    reversed_ = post(alice, back, {"reason": "wrong"})
    assert (reversed_.status_code, reversed_.json()["balance"]) == (201, "10.00")
    again = post(alice, back, {"reason": "wrong"})
    assert (again.status_code, again.json()["code"]) == (409, "already_reversed")

    balance = alice.get(money(ana, "credits/balance/")).json()
    assert balance == {"balances": {"EUR": "10.00"}}
    body = alice.get(money(ana)).json()
    assert body["results"] == alice.get("/api/v1/credits").json()["results"]
    kinds = [entry["kind"] for entry in body["results"]]
    assert kinds == ["reversed", "spent", "issued"]
    booking.refresh_from_db()
    assert booking.credit_used == 0


def test_no_more_is_spent_than_there_is(alice, ana):
    answer = post(alice, money(ana, "credits/spend"), {"amount": "0.01"})

    assert answer.json()["code"] == "credit_exceeds_balance"
    assert not Credit.objects.exists()


# --- flags ---------------------------------------------------------------------------


def test_flags(alice, ana):
    added = post(alice, money(ana, "flags"), {"code": "glass", "reason": "fragile"})
    assert added.status_code == 201
    assert alice.get(money(ana, "flags")).json()["results"] == [added.json()]

    assert alice.delete(money(ana, "flags/glass")).status_code == 204
    assert alice.delete(money(ana, "flags/glass")).status_code == 404
    [gone] = alice.get(money(ana, "flags/")).json()["results"]
    assert gone["removed_at"] is not None
    standing = alice.get(money(ana, "flags?removed_at__isnull=true")).json()
    assert standing["count"] == 0


# --- which business ------------------------------------------------------------------


def test_a_customer_is_found_among_all_businesses(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="admin")
    browser = signed_in(user)
    here = CustomerFactory(business=bakery, external_id="K-1")
    there = CustomerFactory(business=rival, external_id="K-1")
    CreditFactory(customer=there)

    for reference in (there.pk, there.unique_id):
        path = f"/api/v1/customers/{reference}/credits"
        assert browser.get(path).json()["count"] == 1
        body = browser.get(f"{path}/balance").json()
        assert body["balances"] == {"EUR": "10.00"}
    both = browser.get("/api/v1/customers/K-1/credits")
    assert (both.status_code, both.json()["code"]) == (400, "business_needed")
    for business, count in ((bakery, 0), (rival, 1)):
        headers = {"X-Business": business.slug}
        named = browser.get("/api/v1/customers/K-1/credits", headers=headers)
        assert named.json()["count"] == count
    wrong = browser.get(
        f"/api/v1/customers/{here.pk}/credits", headers={"X-Business": rival.slug}
    )
    assert wrong.status_code == 404


def test_a_right_there_is_none_here(bakery, rival, ana, booking):
    user = staff(bakery, "marketing")
    MembershipFactory(user=user, business=rival, role="admin")
    browser = signed_in(user)

    assert browser.get(money(ana)).status_code == 403
    assert post(browser, money(ana), {"amount": "1"}).status_code == 403
    assert browser.get(of(booking, "refunds")).status_code == 403
    assert post(browser, of(booking, "refunds"), ASKED).status_code == 403
    assert not Credit.objects.exists()


def paths(bakery) -> dict[str, tuple[str, str, Any]]:
    """Return each address with a row of the bakery behind it."""
    refund = RefundFactory(booking__customer__business=bakery)
    entry = CreditFactory(customer=refund.customer)
    FlagFactory(customer=refund.customer, code="glass")
    here = f"/api/v1/customers/{refund.customer_id}"
    return {
        "refunds": ("GET", of(refund.booking, "refunds"), None),
        "refund": ("POST", of(refund.booking, "refunds"), ASKED),
        "approve": ("POST", f"/api/v1/refunds/{refund.pk}/approve", {}),
        "refuse": ("POST", f"/api/v1/refunds/{refund.pk}/refuse", {"reason": "x"}),
        "credits": ("GET", f"{here}/credits", None),
        "balance": ("GET", f"{here}/credits/balance", None),
        "issue": ("POST", f"{here}/credits", {"amount": "1"}),
        "spend": ("POST", f"{here}/credits/spend", {"amount": "1"}),
        "reverse": ("POST", f"/api/v1/credits/{entry.pk}/reverse", {"reason": "x"}),
        "flags": ("GET", f"{here}/flags", None),
        "flag": ("POST", f"{here}/flags", {"code": "x", "reason": "x"}),
        "unflag": ("DELETE", f"{here}/flags/glass", {}),
        "invoice": ("GET", of(refund.booking, "invoice"), None),
        "send": ("POST", of(refund.booking, "invoice/send"), {}),
        "export": ("POST", f"{here}/export", {"reason": "x"}),
    }


NAMES = [
    "refunds", "refund", "approve", "refuse", "credits", "balance", "issue", "spend",
    "reverse", "flags", "flag", "unflag", "invoice", "send", "export",
]  # fmt: skip
READS = {"refunds", "credits", "balance", "flags", "invoice"}
# What a role is refused of these.
REFUSED = {
    "support": {"approve", "export"},
    "auditor": set(NAMES) - READS,
    "marketing": set(NAMES) - {"flags"},
}


def ask(browser, method: str, path: str, body: Any) -> Any:
    text = "" if body is None else json.dumps(body)
    return browser.generic(method, path, text, content_type="application/json")


@pytest.mark.parametrize("name", NAMES)
def test_strangers_and_rivals(client, charlie, bakery, name):
    method, path, body = paths(bakery)[name]
    missing = path
    for part in path.split("/"):
        missing = missing.replace(part, str(uuid4())) if len(part) == 36 else missing

    assert ask(client, method, path, body).status_code == 401
    foreign, none = (ask(charlie, method, each, body) for each in (path, missing))
    assert foreign.status_code == none.status_code == 404
    assert foreign.json()["message"] == none.json()["message"]


@pytest.mark.parametrize("role", REFUSED)
@pytest.mark.parametrize("name", NAMES)
def test_roles(bakery, role, name):
    browser = signed_in(staff(bakery, role))

    answer = ask(browser, *paths(bakery)[name])

    assert (answer.status_code == 403) == (name in REFUSED[role]), answer.content


@pytest.mark.parametrize("name", sorted(READS))
def test_reading_is_an_access_event(alice, bakery, name):
    _, path, _ = paths(bakery)[name]
    alice.get(path)

    event = Event.objects.latest("occurred_at")
    assert event.action == "customer.viewed"
    assert event.subjects == [str(Customer.objects.get().pk)]


def test_queries_do_not_grow(alice, booking, assert_flat):
    customer = booking.customer
    RefundFactory(booking=booking, amount=Decimal(1))
    CreditFactory(customer=customer)
    FlagFactory(customer=customer)

    def grow() -> None:
        RefundFactory.create_batch(4, booking=booking, amount=Decimal(1))
        CreditFactory.create_batch(4, customer=customer)
        for code in "abcd":
            FlagFactory(customer=customer, code=code)

    def read() -> None:
        for path in (of(booking, "refunds"), money(customer), money(customer, "flags")):
            assert alice.get(path).status_code == 200

    assert_flat(call=partial(read), grow=grow)


def test_a_refund_says_how_it_goes_back(alice, booking):
    path = of(booking, "refunds")

    made = post(alice, path, ASKED | {"method": "cash"})
    wrong = post(alice, path, ASKED | {"method": "earlier"})

    assert (made.status_code, made.json()["method"]) == (201, "cash")
    assert wrong.status_code == 400
    assert Refund.objects.get().method == "cash"
