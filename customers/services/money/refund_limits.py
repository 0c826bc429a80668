"""Which refunds and credits are above the limit of their business."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum
from django.utils import timezone

from customers.choices import CLAIMING_STATUSES, CreditKind, RefundStatus
from customers.models import Credit, Refund
from customers.money import from_database

EXCEED_LIMIT = "customers.exceed_limit_refund"
# What a customer was given back within this time counts together.
_TOGETHER = timedelta(hours=24)
# Money that somebody has let go.
PAID_OUT = (RefundStatus.APPROVED, RefundStatus.SUCCEEDED)


def releases_refund(row: Refund | Credit) -> bool:
    """Tell whether money goes that waited: whatever the limit is by now."""
    if not isinstance(row, Refund) or row._state.adding or row.status not in PAID_OUT:
        return False
    before = Refund.objects.filter(pk=row.pk).values_list("status", flat=True).first()
    return before not in PAID_OUT


def needs_confirming(row: Refund | Credit) -> bool:
    """Tell whether writing this row is an act that its person confirms."""
    return exceeds_refund_limit(row) or releases_refund(row)


def exceeds_refund_limit(row: Refund | Credit) -> bool:
    """Tell whether money given back is more than the limit of its business.

    All refunds of one booking count together with those that the customer asked for
    within a day, and so does the credit of a day: otherwise parts of a large sum would
    pass one by one, over bookings made for it. Amounts of another
    currency than the business's cannot be compared with the limit, so each of them is.
    A reversal gives nothing: it takes back an entry that was counted.
    """
    if isinstance(row, Refund):
        gives = row.status in CLAIMING_STATUSES
        business, currency = row.booking.business, row.booking.currency
    else:
        gives = row.amount > 0 and row.kind != CreditKind.REVERSED
        business, currency = row.customer.business, row.currency
    limit = business.refund_limit
    if limit is None or not gives:
        return False
    return currency != business.currency or row.amount + _before(row) > limit


def _before(row: Refund | Credit) -> Decimal:
    """Return what was given back already and counts together with a row."""
    others: Any
    if isinstance(row, Refund):
        booking = row.booking
        of_today = Q(
            customer=booking.customer_id,
            currency=booking.currency,
            created_at__gt=timezone.now() - _TOGETHER,
        )
        others = Refund.objects.filter(
            Q(booking=booking.pk) | of_today, status__in=CLAIMING_STATUSES
        )
    else:
        others = Credit.objects.filter(
            customer=row.customer_id,
            kind=CreditKind.ISSUED,
            currency=row.currency,
            created_at__gt=timezone.now() - _TOGETHER,
        )
    return from_database(
        others.exclude(pk=row.pk).aggregate(total=Sum("amount"))["total"]
    )
