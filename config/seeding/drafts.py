"""What all made-up rows share: their moments, their models, and how an order looks."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from django.apps import apps
from django.utils import timezone

if TYPE_CHECKING:
    from customers.models import Booking

REASON = "demo data"
# The version of the consent wording that counts, and one that no longer does.
WORDING, FORMER_WORDING = "v3", "v1"

# The customer and the business of a row.
Owners: TypeAlias = dict[str, Any]


def today() -> datetime:
    """Return noon of this day (UTC): the moment that all of the demo counts from.

    So that somebody is new this week on whatever day the demo is made.
    """
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def this_minute() -> datetime:
    """Return the present minute: for what happened today, minutes or hours ago."""
    return timezone.now().replace(second=0, microsecond=0)


@cache
def model(name: str) -> Any:
    """Return a model of `customers`; rows of several kinds are made alike."""
    return apps.get_model("customers", name)


def new_booking(
    whose: Owners, reference: str, line: tuple[str, datetime, str, Decimal, int]
) -> Booking:
    """Return an unsaved booking; `line` is status, moment, goods, price, quantity."""
    status, moment, goods, price, quantity = line
    amount = price * quantity
    is_purchase = status in ("completed", "refunded")
    booking: Booking = model("Booking")(
        reference=reference,
        status=status,
        placed_at=moment,
        completed_at=moment if is_purchase else None,
        cancelled_at=moment if status == "cancelled" else None,
        cancelled_by="customer" if status == "cancelled" else None,
        items_count=quantity,
        lines=[
            {
                "description": goods,
                "quantity": str(quantity),
                "unit_price": str(price),
                "amount": str(amount),
            }
        ],
        total_amount=amount,
        paid_amount=amount if is_purchase else 0,
        currency=whose["business"].currency,
        **whose,
    )
    return booking
