"""The figures of a whole business, from the projection; few queries at any size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Aggregate, Count, Q, Sum
from django.db.models.functions import TruncWeek
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers import metrics
from customers.choices import PURCHASE_STATUSES, CustomerStatus, RefundStatus
from customers.models import Booking, Business, CustomerStats, Refund
from customers.money import from_database, quantise
from customers.selectors.customers import list_customers


class SignupsOfWeek(NamedTuple):
    """How many customers joined in the week that begins with this Monday."""

    week: date
    signups: int


@dataclass(frozen=True)
class BusinessFigures:
    """Every figure as of one moment. Rates are fractions, None of nothing."""

    as_of: datetime
    total_customers: int
    active_customers: int
    inactive_customers: int
    new_this_week: int
    new_this_month: int
    marketing_opt_ins: int
    opt_in_rate: Decimal | None
    total_orders: int
    completed_orders: int
    cancelled_orders: int
    refunded_orders: int
    total_purchases: int
    total_items: Decimal
    lifetime_value: dict[str, Decimal]
    open_tickets: int
    urgent_tickets: int
    buyers: int
    repeat_customers: int
    repeat_share: Decimal | None
    loyalty: dict[str, int]
    high_value_customers: int
    logins: int


def get_business_figures(
    business: Business, *, actor: Actor, now: datetime | None = None
) -> BusinessFigures:
    """Return the figures of the live customers of a business.

    `now` decides who is new and engaged. Money is never added across currencies.
    """
    actor.require_perm(business.pk, "customers.view_customerstats")
    now = now or timezone.now()
    live = list_customers(actor=actor, business_id=business.pk)
    customer_counts = live.aggregate(**_customer_counts(business, now))
    stats = CustomerStats.objects.filter(
        business=business, customer__archived_at=None, customer__erased_at=None
    )
    sums = stats.aggregate(**_sums())
    total, buyers = customer_counts["total"], sums["buyers"]
    return BusinessFigures(
        as_of=now,
        total_customers=total,
        active_customers=customer_counts["active"],
        inactive_customers=total - customer_counts["active"],
        new_this_week=customer_counts["week"],
        new_this_month=customer_counts["month"],
        marketing_opt_ins=sums["opted_in"],
        opt_in_rate=metrics.rate(sums["opted_in"], total),
        total_orders=sums["orders"] or 0,
        completed_orders=sums["completed"] or 0,
        cancelled_orders=sums["cancelled"] or 0,
        refunded_orders=sums["refunded"] or 0,
        total_purchases=sums["purchases"] or 0,
        total_items=from_database(sums["items"]),
        lifetime_value=_lifetime_value(business),
        open_tickets=sums["open"] or 0,
        urgent_tickets=sums["urgent"] or 0,
        buyers=buyers,
        repeat_customers=sums["repeat"],
        repeat_share=metrics.rate(sums["repeat"], buyers),
        loyalty=dict(
            stats.order_by()
            .exclude(repeat_frequency=None)
            .values_list("repeat_frequency")
            .annotate(n=Count("pk"))
        ),
        high_value_customers=sums["high_value"],
        logins=sums["logins"] or 0,
    )


def get_signups_per_week(
    business: Business, *, actor: Actor, since: datetime
) -> list[SignupsOfWeek]:
    """Return how many live customers joined in each ISO week, the oldest first."""
    weeks = (
        list_customers(actor=actor, business_id=business.pk)
        .filter(joined_at__gte=since)
        .order_by()
        .annotate(week=TruncWeek("joined_at", tzinfo=business.zone))
        .values("week")
        .annotate(n=Count("pk"))
        .order_by("week")
    )
    return [SignupsOfWeek(each["week"].date(), each["n"]) for each in weeks]


def get_channels(business: Business, *, actor: Actor) -> dict[str, int]:
    """Return how many live customers came from each source."""
    groups = (
        list_customers(actor=actor, business_id=business.pk)
        .order_by()
        .values_list("source")
        .annotate(n=Count("pk"))
    )
    return {source or "unknown": n for source, n in groups}


def _customer_counts(business: Business, now: datetime) -> dict[str, Aggregate]:
    engaged_since = now - metrics.ENGAGED_FOR
    local = now.astimezone(business.zone)
    month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    engaged = Q(joined_at__gt=engaged_since) | Q(stats__last_login_at__gt=engaged_since)
    active = Q(status=CustomerStatus.ACTIVE) & engaged
    return {
        "total": Count("pk"),
        "active": Count("pk", filter=active),
        "week": Count("pk", filter=Q(joined_at__gt=now - metrics.NEW_FOR)),
        "month": Count("pk", filter=Q(joined_at__gte=month, joined_at__lte=now)),
    }


def _sums() -> dict[str, Aggregate]:
    return {
        "orders": Sum("total_orders"),
        "completed": Sum("completed_orders"),
        "cancelled": Sum("cancelled_orders"),
        "refunded": Sum("refunded_orders"),
        "purchases": Sum("total_purchases"),
        "items": Sum("total_items_bought"),
        "open": Sum("open_tickets"),
        "urgent": Sum("urgent_tickets"),
        "logins": Sum("login_count"),
        "opted_in": Count("pk", filter=Q(is_opted_in=True)),
        "buyers": Count("pk", filter=Q(total_purchases__gte=1)),
        "repeat": Count("pk", filter=Q(is_repeat_customer=True)),
        "high_value": Count("pk", filter=Q(is_high_value=True)),
    }


def _lifetime_value(business: Business) -> dict[str, Decimal]:
    """Return money received and kept, per currency, of the live customers."""
    alive = Q(customer__archived_at=None, customer__erased_at=None)
    bought = (
        Booking.objects.filter(alive, business=business, status__in=PURCHASE_STATUSES)
        .order_by()
        .values_list("currency")
        .annotate(total=Sum("paid_amount"))
    )
    totals = {currency: from_database(total) for currency, total in bought}
    returned = (
        Refund.objects.filter(
            alive,
            business=business,
            status=RefundStatus.SUCCEEDED,
            booking__status__in=PURCHASE_STATUSES,
        )
        .order_by()
        .values_list("currency")
        .annotate(total=Sum("amount"))
    )
    for currency, total in returned:
        totals[currency] = totals.get(currency, Decimal(0)) - from_database(total)
    return {code: quantise(total, code) for code, total in sorted(totals.items())}
