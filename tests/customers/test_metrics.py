"""The formulas, at their edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from customers import metrics

DEFAULTS = SimpleNamespace(
    occasional_from=2,
    regular_from=4,
    frequent_from=10,
    high_value_purchases=3,
    high_value_spent=Decimal(1000),
)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("purchases", "tier"),
    [
        (0, None),
        (1, "one_time"),
        (2, "occasional"),
        (3, "occasional"),
        (4, "regular"),
        (9, "regular"),
        (10, "frequent"),
        (500, "frequent"),
    ],
)
def test_tiers_begin_at_their_thresholds(purchases, tier):
    assert metrics.loyalty_tier(purchases, DEFAULTS) == tier


@pytest.mark.parametrize(
    ("purchases", "above"),
    [
        (0, ("one_time", 1)),
        (2, ("regular", 2)),
        (9, ("frequent", 1)),
        (10, (None, None)),
    ],
)
def test_the_next_tier_and_what_it_takes(purchases, above):
    assert metrics.next_tier(purchases, DEFAULTS) == above


@pytest.mark.parametrize(
    ("purchases", "spent", "high"),
    [(3, "1000", True), (2, "5000", False), (3, "999.999", False)],
)
def test_high_value_needs_both_marks(purchases, spent, high):
    assert metrics.is_high_value(purchases, Decimal(spent), DEFAULTS) is high


@pytest.mark.parametrize(
    ("spent", "purchases", "currency", "average"),
    [
        ("150", 3, "EUR", "50.00"),
        ("0.25", 10, "EUR", "0.02"),
        ("0.35", 10, "EUR", "0.04"),
        ("100", 3, "JPY", "33"),
        ("1", 8, "KWD", "0.125"),
    ],
)
def test_the_average_is_rounded_half_even_to_the_currency(
    spent, purchases, currency, average
):
    got = metrics.average(Decimal(spent), purchases, currency)

    assert str(got) == average


def test_nothing_has_no_average_and_no_rate():
    assert metrics.average(Decimal(0), 0, "EUR") is None
    assert metrics.rate(0, 0) is None
    assert metrics.rate(1, 3) == Decimal("0.3333")


def test_days_are_whole_and_zero_on_the_same_day():
    assert metrics.days_since(date(2026, 11, 21), date(2026, 11, 21)) == 0
    assert metrics.days_since(date(2026, 11, 1), date(2026, 11, 21)) == 20
    assert metrics.days_since(None, date(2026, 11, 21)) is None


def test_new_ends_after_exactly_seven_days():
    assert metrics.is_new(NOW - timedelta(days=7) + timedelta(seconds=1), NOW)
    assert not metrics.is_new(NOW - timedelta(days=7), NOW)


@pytest.mark.parametrize(
    ("joined", "login", "engaged"),
    [(40, None, False), (29, None, True), (40, 29, True), (40, 30, False)],
)
def test_engaged_by_joining_or_signing_in(joined, login, engaged):
    seen = NOW - timedelta(days=login) if login else None

    assert metrics.is_engaged(NOW - timedelta(days=joined), seen, NOW) is engaged
