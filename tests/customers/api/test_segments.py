"""`/api/v1/segments`: definitions, people, and rules that staff try."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from customers import services
from customers.models import CustomerStats
from tests.conftest import actor_of, signed_in, staff
from tests.factories import BookingFactory, CustomerFactory, RefundFactory

BASE = "/api/v1/segments"


def at(browser, rule: Any, **headers: str) -> Any:
    return browser.post(
        f"{BASE}/preview",
        json.dumps({"rule": rule}),
        content_type="application/json",
        headers=headers,
    )


def names(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {row["name"] for row in answer.json()["customers"]}


def condition(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


@pytest.fixture
def people(bakery):
    """One of each segment, and one who is in two."""
    now = timezone.now()
    made = {
        name: CustomerFactory(business=bakery, name=name, joined_at=now - joined)
        for name, joined in {
            "rich": timedelta(days=20),
            "new": timedelta(days=2),
            "asleep": timedelta(days=90),
            "awake": timedelta(days=90),
        }.items()
    }
    for _ in range(3):
        money = {"total_amount": Decimal(400), "paid_amount": Decimal(400)}
        BookingFactory(customer=made["rich"], status="completed", **money)
    stats = CustomerStats.objects.filter(customer=made["awake"])
    stats.update(last_login_at=now - timedelta(days=1))
    return made


def test_the_ready_segments_are_defined_and_counted(alice, people):
    body = alice.get(BASE).json()

    counts = {row["key"]: row["count"] for row in body["segments"]}
    assert counts == {"high_value": 1, "recent_signups": 1, "inactive": 1, "repeat": 1}
    for row in body["segments"]:
        assert set(row) == {"key", "title", "definition", "use", "count", "as_of"}
        assert row["definition"].endswith(".")
        assert alice.get(f"{BASE}/{row['key']}").json()["count"] == row["count"]


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("high_value", {"rich"}),
        ("recent_signups", {"new"}),
        ("inactive", {"asleep"}),
        ("repeat", {"rich"}),
    ],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_people_of_a_segment(alice, people, key, found, slash):
    answer = alice.get(f"{BASE}/{key}/customers{slash}")

    assert names(answer) == found
    [row] = answer.json()["customers"]
    assert set(row["contactable"]) == {"email", "sms", "call", "rule"}
    assert row["contactable"]["email"] is False
    assert answer.json()["pagination"]["total"] == 1


def test_who_joined_exactly_seven_days_ago_is_no_recent_signup(bakery, alice):
    now = timezone.now()
    CustomerFactory(business=bakery, joined_at=now - timedelta(days=7))
    inside = CustomerFactory(
        business=bakery, joined_at=now - timedelta(days=7) + timedelta(seconds=1)
    )

    rows = services.list_segment_customers(
        "recent_signups", actor=actor_of(alice.user), business=bakery, now=now
    )

    assert list(rows) == [inside]


def test_the_marks_of_high_value_are_the_businesss(
    alice, bakery, people, actor, django_capture_on_commit_callbacks
):
    bakery.high_value_purchases, bakery.high_value_spent = 4, Decimal(1)
    with django_capture_on_commit_callbacks(execute=True):
        services.save_record(bakery, actor=actor)

    high = alice.get(f"{BASE}/high_value").json()

    assert high["count"] == 0
    assert "4 purchases" in high["definition"]


def test_the_check_values_of_the_definitions(alice, bakery):
    """H2: three purchases worth 150 are repeat and not high value."""
    row = CustomerFactory(business=bakery, name="checked")
    for paid in (100, 50):
        money = {"total_amount": Decimal(paid), "paid_amount": Decimal(paid)}
        BookingFactory(customer=row, status="completed", **money)
    back = BookingFactory(
        customer=row, status="refunded", total_amount=30, paid_amount=30
    )
    RefundFactory(booking=back, amount=30, status="succeeded")
    BookingFactory(customer=row, status="cancelled", total_amount=20)

    assert names(alice.get(f"{BASE}/repeat/customers")) == {"checked"}
    assert names(alice.get(f"{BASE}/high_value/customers")) == set()
    rule = {
        "all": [
            condition("total_spent", "eq", "150.00"),
            condition("total_purchases", "eq", 3),
        ]
    }
    [found] = at(alice, rule).json()["customers"]
    assert (found["total_purchases"], found["total_spent"]) == (3, "150.00")


def test_addresses_are_masked_in_lists(alice, bakery):
    row = CustomerFactory(
        business=bakery, email="mia@example.org", joined_at=timezone.now()
    )

    answer = alice.get(f"{BASE}/recent_signups/customers")

    assert row.email not in answer.text
    assert answer.json()["customers"][0]["email"] == "m…@e….org"


@pytest.mark.parametrize(
    ("role", "definitions", "people_of"),
    [
        ("admin", 200, 200),
        ("marketing", 200, 200),
        ("auditor", 200, 403),
        ("support", 403, 403),
    ],
)
def test_who_sees_segments(bakery, role, definitions, people_of):
    browser = signed_in(staff(bakery, role))

    assert browser.get(BASE).status_code == definitions
    assert browser.get(f"{BASE}/repeat").status_code == definitions
    assert browser.get(f"{BASE}/repeat/customers").status_code == people_of
    rule = condition("total_spent", "gte", 1)
    assert at(browser, rule).status_code == people_of


def test_another_business_is_neither_counted_nor_listed(people, charlie):
    assert {row["count"] for row in charlie.get(BASE).json()["segments"]} == {0}
    assert names(charlie.get(f"{BASE}/repeat/customers")) == set()
    assert names(at(charlie, condition("total_spent", "gte", 0))) == set()
    rule = condition("total_spent", "gte", 0)
    assert at(charlie, rule, **{"X-Business": "bakery"}).status_code == 404


@pytest.mark.parametrize("path", ["/nobody", "/nobody/customers"])
def test_an_unknown_segment_is_404(alice, path):
    assert alice.get(BASE + path).status_code == 404


def test_all_any_and_relative_times_are_read(alice, people):
    old = condition("joined_at", "lt", "-30d")
    new = condition("joinedAt", "gte", "-7d")
    silent = condition("last_login_at", "is_null", True)

    assert names(at(alice, old)) == {"asleep", "awake"}
    assert names(at(alice, {"any": [old, new]})) == {"asleep", "awake", "new"}
    assert names(at(alice, {"all": [old, silent]})) == {"asleep"}
    nested = {"all": [silent, {"any": [new, old]}]}
    assert names(at(alice, nested)) == {"asleep", "new"}
    assert names(at(alice, condition("joined_at", "lt", "+1d"))) == set(people)


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (condition("total_spent", "gt", "1199.99"), {"rich"}),
        (condition("total_spent", "lt", 0.01), {"new", "asleep", "awake"}),
        (condition("is_repeat_customer", "eq", True), {"rich"}),
        (condition("is_repeat_customer", "ne", True), {"new", "asleep", "awake"}),
        (condition("last_purchase_date", "gte", "-7d"), {"rich"}),
        (
            condition("last_purchase_date", "is_null", True),
            {"new", "asleep", "awake"},
        ),
        (
            condition("status", "in", ["active", "blocked"]),
            {"rich", "new", "asleep", "awake"},
        ),
        (condition("customer_type", "eq", "vip"), set()),
        (condition("customer_type", "ne", "vip"), set()),
    ],
)
def test_each_field_compares(alice, people, rule, found):
    assert names(at(alice, rule)) == found


@pytest.mark.parametrize(
    ("rule", "pointers"),
    [
        ([], ["/rule"]),
        ({}, ["/rule"]),
        ({"all": []}, ["/rule/all"]),
        ({"all": [1]}, ["/rule/all/0"]),
        ({"all": [], "any": []}, ["/rule"]),
        (condition("email", "eq", "x"), ["/rule/field"]),
        (condition("total_spent", "like", "x"), ["/rule/op"]),
        (condition("total_spent", ["eq"], "x"), ["/rule/op"]),
        (condition("total_spent", "gte", "x"), ["/rule/value"]),
        (condition("total_spent", "gte", "NaN"), ["/rule/value"]),
        (condition("total_spent", "gte", "1e999999"), ["/rule/value"]),
        (condition("total_spent", "gte", True), ["/rule/value"]),
        (condition("total_purchases", "gte", 1.5), ["/rule/value"]),
        (condition("total_purchases", "gte", 2**40), ["/rule/value"]),
        (condition("joined_at", "lt", "yesterday"), ["/rule/value"]),
        (condition("joined_at", "lt", "2026-02-31"), ["/rule/value"]),
        (condition("joined_at", "lt", "0001-01-01T00:00:00+14:00"), ["/rule/value"]),
        (condition("status", "in", []), ["/rule/value"]),
        (condition("status", "in", ["active", "x"]), ["/rule/value/1"]),
        (condition("last_login_at", "is_null", "yes"), ["/rule/value"]),
        (
            {"any": [condition("x", "eq", 1), condition("status", "eq", "x")]},
            ["/rule/any/0/field", "/rule/any/1/value"],
        ),
    ],
)
def test_mistakes_of_a_rule_are_pointed_at(alice, rule, pointers):
    answer = at(alice, rule)

    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


def test_depth_and_size_of_a_rule_are_limited(alice, bakery):
    part = condition("total_spent", "gte", 0)
    deep: Any = part
    for _ in range(5):
        deep = {"all": [deep]}

    assert at(alice, deep).status_code == 200
    codes = [e["code"] for e in at(alice, {"all": [deep]}).json()["errors"]]
    assert codes == ["too_deep"]
    assert at(alice, {"any": [part] * 49}).status_code == 200
    codes = [e["code"] for e in at(alice, {"any": [part] * 50}).json()["errors"]]
    assert codes == ["too_large"]


def test_queries_do_not_grow(alice, bakery, assert_flat):
    CustomerFactory(business=bakery, joined_at=timezone.now())

    def call() -> None:
        alice.get(BASE)
        alice.get(f"{BASE}/recent_signups/customers")
        at(alice, condition("total_spent", "gte", 0))

    def grow() -> None:
        CustomerFactory.create_batch(10, business=bakery, joined_at=timezone.now())

    assert_flat(call=call, grow=grow)
