"""Document 002's statistics."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from capture import services
from customers import services as customers
from customers.models import CustomerStats
from tests.conftest import actor_of, signed_in, staff
from tests.factories import (
    BookingFactory,
    CaptureFactory,
    ConsentEventFactory,
    CustomerFactory,
    MembershipFactory,
    RefundFactory,
    SourceFactory,
)
from tests.factories.capture import ARRIVED

STATISTICS = "/api/v1/tracking/statistics"


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_check_values_of_the_definitions(alice, bakery, actor, slash):
    """H2: 100 and 50 bought, 30 given back, 20 cancelled: three purchases of 150."""
    bakery.settings = {"consent_wordings": {"v3": True}}
    customers.save_record(bakery, actor=actor)
    row = CustomerFactory(business=bakery, email="a@example.org")
    ConsentEventFactory(customer=row)
    for paid in (100, 50):
        money = {"total_amount": Decimal(paid), "paid_amount": Decimal(paid)}
        BookingFactory(customer=row, status="completed", **money)
    back = BookingFactory(
        customer=row, status="refunded", total_amount=30, paid_amount=30
    )
    RefundFactory(booking=back, amount=30, status="succeeded")
    BookingFactory(customer=row, status="cancelled", total_amount=20)
    CustomerFactory(business=bakery, joined_at=timezone.now())

    body = alice.get(STATISTICS + slash).json()

    assert body.pop("as_of").endswith("Z")
    assert body == {
        "total_customers": 2, "active_customers": 1, "inactive_customers": 1,
        "new_this_week": 1, "new_this_month": 1, "marketing_opt_ins": 1,
        "opt_in_rate": 0.5, "logins": {"last_30_days": 0, "mean_per_customer": 0},
        "total_orders": 3, "total_spent": 150, "currency": bakery.currency,
    }  # fmt: skip


def test_logins_of_thirty_days_are_counted_with_signups(alice, bakery):
    source = SourceFactory(business=bakery)
    times = {"new": ARRIVED - timedelta(days=1), "old": ARRIVED - timedelta(days=31)}
    person = {"email": "mia@example.org", "full_name": "Mia"}
    CaptureFactory(source=source, body={**person, "signup_date": _text(times["new"])})
    for name, moment in times.items():
        login = {"email": person["email"], "message_id": name, "success": True}
        login["login_time"] = _text(moment)
        CaptureFactory(source=source, type="login", body=login)
    failed = {**login, "message_id": "failed", "success": False}
    CaptureFactory(source=source, type="login", body=failed)

    def count() -> int:
        since = ARRIVED - timedelta(days=30)
        actor = actor_of(alice.user)
        return services.count_logins(bakery, actor=actor, since=since)

    assert count() == 2
    bakery.signup_is_login = False
    assert count() == 1


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("role", ["admin", "support", "marketing", "auditor"])
def test_all_staff_see_the_figures(bakery, role):
    assert signed_in(staff(bakery, role)).get(STATISTICS).status_code == 200


def test_strangers_do_not(client, db):
    assert client.get(STATISTICS).status_code == 401


def test_the_business_may_be_chosen(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="auditor")
    CustomerFactory(business=rival)
    browser = signed_in(user)

    def total(slug: str) -> int:
        answer = browser.get(STATISTICS, headers={"X-Business": slug})
        return answer.json()["total_customers"]

    assert (total("bakery"), total("rival")) == (0, 1)
    assert browser.get(STATISTICS).json()["code"] == "business_needed"


def test_a_foreign_business_is_404(alice, rival):
    answer = alice.get(STATISTICS, headers={"X-Business": "rival"})

    assert answer.status_code == 404


def test_queries_do_not_grow(alice, bakery, assert_flat):
    CustomerFactory(business=bakery)

    def grow() -> None:
        CustomerFactory.create_batch(10, business=bakery)
        assert CustomerStats.objects.count() > 10

    assert_flat(call=lambda: alice.get(STATISTICS), grow=grow)
