"""`/api/v1/statistics`."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from tests.conftest import signed_in, staff
from tests.factories import (
    BookingFactory,
    CustomerFactory,
    MembershipFactory,
)

STATISTICS = "/api/v1/statistics"


@pytest.fixture
def trade(bakery):
    joined = timezone.now() - timedelta(days=1)
    ana = CustomerFactory(business=bakery, joined_at=joined, source="fair")
    CustomerFactory(business=bakery, joined_at=joined - timedelta(days=400))
    paid = {"status": "completed", "currency": "EUR"}
    BookingFactory(customer=ana, total_amount=100, paid_amount=100, **paid)
    BookingFactory(customer=ana, total_amount=50, paid_amount=50, **paid)
    return bakery


def test_statistics_are_those_of_the_definitions(alice, trade):
    body = alice.get(STATISTICS).json()

    assert body["business_id"] == str(trade.pk)
    assert (body["total_customers"], body["new_this_week"]) == (2, 1)
    assert body["active_customers"] + body["inactive_customers"] == 2
    assert body["lifetime_value"] == {"EUR": "150.00"}
    assert (body["buyers"], body["repeat_customers"]) == (1, 1)
    assert (body["repeat_share"], body["opt_in_rate"]) == ("1.0000", "0.0000")
    assert body["loyalty"] == {
        "one_time": 0, "occasional": 1, "regular": 0, "frequent": 0,
    }  # fmt: skip
    assert body["channels"] == {"fair": 1, "website": 1}
    assert [week["signups"] for week in body["signups_per_week"]] == [1]


def test_rates_of_nothing_are_null(alice, bakery):
    body = alice.get(f"{STATISTICS}/").json()

    assert (body["opt_in_rate"], body["repeat_share"]) == (None, None)
    assert body["lifetime_value"] == {}


def test_weeks_are_chosen(alice, trade):
    weeks = alice.get(f"{STATISTICS}?weeks=104").json()["signups_per_week"]

    assert [week["signups"] for week in weeks] == [1, 1]
    assert alice.get(f"{STATISTICS}?weeks=0").status_code == 400


@pytest.mark.parametrize("role", ["admin", "support", "marketing", "auditor"])
def test_every_role_reads_statistics(trade, role):
    assert signed_in(staff(trade, role)).get(STATISTICS).status_code == 200


def test_figures_are_of_the_own_business(charlie, client, trade, rival):
    body = charlie.get(STATISTICS).json()
    foreign = charlie.get(STATISTICS, headers={"X-Business": "bakery"})

    assert (body["business_id"], body["total_customers"]) == (str(rival.pk), 0)
    assert foreign.status_code == 404
    assert client.get(STATISTICS).status_code == 401


def test_the_business_has_to_be_named_by_whoever_works_for_two(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival)
    browser = signed_in(user)

    assert browser.get(STATISTICS).json()["code"] == "business_needed"
    named = browser.get(STATISTICS, headers={"X-Business": "rival"})
    assert named.json()["business_id"] == str(rival.pk)


def test_statistics_take_constant_queries(alice, trade, assert_flat):
    def grow() -> None:
        for row in CustomerFactory.create_batch(5, business=trade):
            BookingFactory(customer=row, status="completed", paid_amount=5)

    assert_flat(call=partial(alice.get, STATISTICS), grow=grow)
