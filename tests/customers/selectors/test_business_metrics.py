"""The figures of a whole business."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied

from customers import services
from customers.models import CustomerStats
from tests.conftest import actor_of
from tests.factories import (
    BookingFactory,
    CustomerFactory,
    RefundFactory,
    TicketFactory,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
def shop(bakery, actor):
    """Five live customers, one archived."""
    new = CustomerFactory(business=bakery, joined_at=ago(3), source="fair")
    CustomerFactory(business=bakery, joined_at=ago(20))
    silent = CustomerFactory(business=bakery, joined_at=ago(400))
    back = CustomerFactory(business=bakery, joined_at=ago(400))
    CustomerFactory(business=bakery, joined_at=ago(1), status="inactive")
    gone = CustomerFactory(business=bakery, joined_at=ago(1))
    for amount in ("10.10", "20.20"):
        BookingFactory(
            customer=new,
            status="completed",
            total_amount=Decimal(amount),
            paid_amount=Decimal(amount),
            items_count=2,
        )
    booking = BookingFactory(
        customer=silent, status="completed", paid_amount=Decimal(5), currency="USD"
    )
    RefundFactory(booking=booking, amount=Decimal(1), status="succeeded")
    BookingFactory(customer=gone, status="completed", paid_amount=Decimal(1000))
    BookingFactory(customer=back, status="cancelled")
    TicketFactory(customer=back, priority="urgent")
    services.archive_customer(gone, actor=actor, reason="x")
    CustomerStats.objects.filter(customer=back).update(last_login_at=ago(2))
    return bakery


def test_every_figure_counts_live_customers_only(alice, shop):
    figures = services.get_business_figures(shop, actor=actor_of(alice.user), now=NOW)

    assert figures.total_customers == 5
    assert (figures.active_customers, figures.inactive_customers) == (3, 2)
    assert (figures.new_this_week, figures.new_this_month) == (2, 3)
    assert (figures.total_orders, figures.cancelled_orders) == (4, 1)
    assert figures.total_purchases == 3
    assert figures.total_items == 4
    assert figures.lifetime_value == {
        "EUR": Decimal("30.30"),
        "USD": Decimal("4.00"),
    }
    assert (figures.open_tickets, figures.urgent_tickets) == (1, 1)
    assert (figures.buyers, figures.repeat_customers) == (2, 1)
    assert figures.repeat_share == Decimal("0.5000")
    assert figures.loyalty == {"one_time": 1, "occasional": 1}
    assert (figures.marketing_opt_ins, figures.opt_in_rate) == (0, 0)


def test_an_empty_business_has_no_rates(alice, bakery):
    figures = services.get_business_figures(bakery, actor=actor_of(alice.user))

    assert figures.total_customers == 0
    assert (figures.opt_in_rate, figures.repeat_share) == (None, None)
    assert figures.lifetime_value == {}


def test_strangers_learn_no_figures(charlie, bakery):
    with pytest.raises(PermissionDenied):
        services.get_business_figures(bakery, actor=actor_of(charlie.user))


def test_growth_by_iso_week_and_channel(alice, shop):
    actor = actor_of(alice.user)

    weeks = services.get_signups_per_week(shop, actor=actor, since=ago(30))

    assert [(day.isoformat(), n) for day, n in weeks] == [
        ("2026-10-26", 1),
        ("2026-11-16", 2),
    ]
    assert services.get_channels(shop, actor=actor) == {"fair": 1, "website": 4}


def test_queries_do_not_grow(alice, shop, assert_flat):
    actor = actor_of(alice.user)
    assert_flat(
        call=lambda: services.get_business_figures(shop, actor=actor, now=NOW),
        grow=lambda: CustomerFactory.create_batch(20, business=shop),
    )
