"""Which refunds and credits are above the limit of their business."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from customers.choices import CLAIMING_STATUSES, CreditKind, RefundStatus
from customers.models import Credit, Refund
from customers.money import from_database

EXCEED_LIMIT = "customers.exceed_limit_refund"
# What a customer was given back within this time counts together.
_TOGETHER = timedelta(hours=24)
# The status of a refund whose money leaves, or has left.
PAID_OUT = (RefundStatus.APPROVED, RefundStatus.SUCCEEDED)


def releases_refund(payout: Refund | Credit) -> bool:
    """Return True if this write pays out a pending refund, whatever the limit."""
    if not isinstance(payout, Refund) or payout.status not in PAID_OUT:
        return False
    stored = Refund.objects.filter(pk=payout.pk).values_list("status", flat=True)
    return not payout._state.adding and stored.first() not in PAID_OUT


def needs_step_up(payout: Refund | Credit) -> bool:
    """Return True if the person who saves this has to confirm it (step-up)."""
    return exceeds_refund_limit(payout) or releases_refund(payout)


def exceeds_refund_limit(payout: Refund | Credit) -> bool:
    """Return True if the amount is above the refund limit of its business.

    All refunds of one booking count together with those that the customer asked for
    within a day, and so does the credit of a day: otherwise parts of a large sum would
    pass one by one, over bookings made for it. An amount in another currency than the
    business's cannot be compared with the limit, so it counts as above it. A reversal
    gives nothing: it takes back an entry that was counted.
    """
    if isinstance(payout, Refund):
        gives = payout.status in CLAIMING_STATUSES
        business, currency = payout.booking.business, payout.booking.currency
    else:
        gives = payout.amount > 0 and payout.kind != CreditKind.REVERSED
        business, currency = payout.customer.business, payout.currency
    limit = business.refund_limit
    if limit is None or not gives:
        return False
    return (
        currency != business.currency or payout.amount + _counted_before(payout) > limit
    )


def _counted_before(payout: Refund | Credit) -> Decimal:
    """Return the earlier amounts that count together with this one."""
    others: QuerySet
    if isinstance(payout, Refund):
        booking = payout.booking
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
            customer=payout.customer_id,
            kind=CreditKind.ISSUED,
            currency=payout.currency,
            created_at__gt=timezone.now() - _TOGETHER,
        )
    return from_database(
        others.exclude(pk=payout.pk).aggregate(total=Sum("amount"))["total"]
    )
