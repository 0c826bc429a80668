"""The formulas of all figures. Pure functions, called by `services.stats`."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from customers.choices import LoyaltyTier
from customers.money import quantise

NEW_FOR = timedelta(days=7)
ENGAGED_FOR = timedelta(days=30)


class Thresholds(Protocol):
    """The settings of a business that decide figures."""

    occasional_from: int
    regular_from: int
    frequent_from: int
    high_value_purchases: int
    high_value_spent: Decimal


def loyalty_tier(purchases: int, thresholds: Thresholds) -> str | None:
    """Return the tier that a number of purchases reaches; None without one."""
    if purchases == 0:
        return None
    if purchases < thresholds.occasional_from:
        return LoyaltyTier.ONE_TIME
    if purchases < thresholds.regular_from:
        return LoyaltyTier.OCCASIONAL
    if purchases < thresholds.frequent_from:
        return LoyaltyTier.REGULAR
    return LoyaltyTier.FREQUENT


def next_tier(purchases: int, thresholds: Thresholds) -> tuple[str | None, int | None]:
    """Return the tier above and the purchases it still takes; Nones at the top."""
    steps = [
        (LoyaltyTier.ONE_TIME, 1),
        (LoyaltyTier.OCCASIONAL, thresholds.occasional_from),
        (LoyaltyTier.REGULAR, thresholds.regular_from),
        (LoyaltyTier.FREQUENT, thresholds.frequent_from),
    ]
    for tier, needed in steps:
        if purchases < needed:
            return tier, needed - purchases
    return None, None


def is_repeat(purchases: int) -> bool:
    """Return True for two purchases or more."""
    return purchases >= 2  # noqa: PLR2004 - the definition itself


def is_high_value(purchases: int, spent: Decimal, thresholds: Thresholds) -> bool:
    """Return True if purchases and money spent reach both thresholds."""
    return (
        purchases >= thresholds.high_value_purchases
        and spent >= thresholds.high_value_spent
    )


def average(spent: Decimal, purchases: int, currency: str) -> Decimal | None:
    """Return money per purchase at the currency's precision; None without one."""
    return quantise(spent / purchases, currency) if purchases else None


def rate(part: int, whole: int) -> Decimal | None:
    """Return a fraction rounded half-even to four places; None of nothing."""
    if whole == 0:
        return None
    return (Decimal(part) / whole).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


def days_since(day: date | None, today: date) -> int | None:
    """Return whole days from a day to today; None without a day."""
    return (today - day).days if day else None


def is_new(joined_at: datetime, now: datetime) -> bool:
    """Return True for a customer who joined within the last seven times 24 hours."""
    return joined_at > now - NEW_FOR


def is_engaged(
    joined_at: datetime, last_login_at: datetime | None, now: datetime
) -> bool:
    """Return True if the customer joined or signed in within 30 times 24 hours."""
    since = now - ENGAGED_FOR
    return joined_at > since or (last_login_at is not None and last_login_at > since)
