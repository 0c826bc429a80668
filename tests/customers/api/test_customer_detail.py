"""`/api/v1/customers/…` about one person: metrics, and who may see what."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Event
from tests.conftest import signed_in, staff
from tests.factories import (
    BookingFactory,
    CustomerFactory,
    MembershipFactory,
    RefundFactory,
)

BASE = "/api/v1/customers"


def test_metrics_are_the_check_values_of_the_definitions(alice, jonas):
    paid = {"status": "completed", "currency": "EUR"}
    BookingFactory(customer=jonas, total_amount=100, paid_amount=100, **paid)
    BookingFactory(customer=jonas, total_amount=50, paid_amount=50, **paid)
    gone = BookingFactory(customer=jonas, total_amount=30, paid_amount=30, **paid)
    RefundFactory(booking=gone, amount=30, status="succeeded")
    BookingFactory(customer=jonas, status="cancelled", total_amount=20)

    body = alice.get(f"{BASE}/{jonas.unique_id}/metrics/").json()

    assert body["total_orders"] == 4
    assert body["total_purchases"] == 3
    assert body["total_spent"] == body["customer_lifetime_value"] == "150.00"
    assert body["spent"] == {"EUR": "150.00"}
    assert body["avg_transaction_value"] == "50.00"
    assert body["is_repeat_customer"] is True
    assert (body["repeat_frequency"], body["is_high_value"]) == ("occasional", False)
    assert (body["next_tier"], body["purchases_to_next_tier"]) == ("regular", 1)
    assert body["days_since_last_purchase"] == 0
    assert body["as_of"].endswith("Z")


def test_metrics_of_nothing_are_null(alice, jonas):
    body = alice.get(f"{BASE}/{jonas.pk}/metrics").json()

    assert body["avg_transaction_value"] is None
    assert body["days_since_last_purchase"] is None
    assert body["total_spent"] == "0.00"


@pytest.mark.parametrize("name", ["timeline", "metrics", "reveal"])
def test_strangers_and_rivals_find_nobody(client, charlie, jonas, name):
    path = f"{BASE}/{jonas.pk}/{name}"

    def ask(browser: Any, where: str) -> Any:
        return browser.post(where) if name == "reveal" else browser.get(where)

    foreign = ask(charlie, path)
    missing = ask(charlie, f"{BASE}/{charlie.user.pk}/{name}")

    assert ask(client, path).status_code == 401
    assert (foreign.status_code, missing.status_code) == (404, 404)
    bodies = [answer.json() for answer in (foreign, missing)]
    for body in bodies:
        body.pop("request_id")
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize("name", ["timeline", "metrics"])
def test_each_answer_is_an_access_event(alice, jonas, name):
    alice.get(f"{BASE}/{jonas.pk}/{name}")

    event = Event.objects.latest("occurred_at")
    assert (event.action, event.subject_id) == ("customer.viewed", jonas.pk)


def test_a_name_that_two_businesses_know_needs_the_business(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="admin")
    here = CustomerFactory(business=bakery, external_id="7")
    CustomerFactory(business=rival, external_id="7")
    browser = signed_in(user)

    vague = browser.get(f"{BASE}/7/metrics")
    clear = browser.get(f"{BASE}/7/metrics", headers={"X-Business": "bakery"})
    foreign = browser.get(f"{BASE}/{here.pk}/metrics", headers={"X-Business": "rival"})

    assert (vague.status_code, vague.json()["code"]) == (400, "business_needed")
    assert clear.json()["customer_id"] == str(here.pk)
    assert foreign.status_code == 404
