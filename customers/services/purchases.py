"""Purchases of a customer: history, figures, and new sales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.tenancy.actors import Actor
from customers import metrics
from customers.choices import BookingKind, BookingStatus
from customers.models import Booking, Business, Customer, CustomerStats
from customers.models.booking import BookingQuerySet
from customers.services.constraints import clean_instance
from customers.services.money.booking_rules import save_booking
from customers.services.writing import Write


def days_since_purchase(customer: Customer) -> int | None:
    """Return whole days since the last purchase, in the business's time zone."""
    today = customer.business.local_day(timezone.now())
    return metrics.days_since(customer.stats.last_purchase_date, today)


@dataclass(frozen=True)
class CustomerMetrics:
    """A customer's figures, stored ones and those computed on reading."""

    as_of: datetime
    customer: Customer
    stats: CustomerStats
    currency: str
    days_since_last_purchase: int | None
    next_tier: str | None
    purchases_to_next_tier: int | None
    is_new: bool
    is_engaged: bool


def get_purchase_history(customer: Customer, *, actor: Actor) -> BookingQuerySet:
    """Return what the customer bought, refunded or not, the newest first."""
    return Booking.objects.visible_to(actor).purchases().filter(customer=customer)


def get_customer_metrics(
    customer: Customer,
    *,
    actor: Actor,
    now: datetime | None = None,
    stats: CustomerStats | None = None,
) -> CustomerMetrics:
    """Return the customer's figures as of `now`; `stats` if they were just loaded."""
    actor.require_perm(customer.business_id, "customers.view_customerstats")
    now = now or timezone.now()
    stats = stats or CustomerStats.objects.get(customer=customer)
    business: Business = customer.business
    tier, missing = metrics.next_tier(stats.total_purchases, business)
    return CustomerMetrics(
        as_of=now,
        customer=customer,
        stats=stats,
        currency=business.currency,
        days_since_last_purchase=metrics.days_since(
            stats.last_purchase_date, business.local_day(now)
        ),
        next_tier=tier,
        purchases_to_next_tier=missing,
        is_new=metrics.is_new(customer.joined_at, now),
        is_engaged=metrics.is_engaged(customer.joined_at, stats.last_login_at, now),
    )


@transaction.atomic
def update_purchase_history(
    customer: Customer,
    *,
    actor: Actor,
    total_amount: Decimal,
    items_count: Decimal | int = 0,
    reference: str | None = None,
    currency: str | None = None,
    **columns: object,
) -> Booking:
    """Create one completed sale, and update the figures in the same transaction.

    With a `reference` the call is idempotent: the stored sale is returned. Raises
    ValidationError when another customer has the reference, and with the field for a
    wrong value. `columns` are those of `Booking`.
    """
    actor.require_perm(customer.business_id, "customers.add_booking")
    if reference is not None:
        sales = Booking.objects.filter(business=customer.business_id)
        if existing := sales.filter(reference=reference).first():
            return _same_sale(existing, customer)
        columns["reference"] = reference
    values: dict[str, Any] = {
        "kind": BookingKind.SALE,
        "status": BookingStatus.COMPLETED,
        "completed_at": columns.get("placed_at") or timezone.now(),
        "paid_amount": total_amount,
        **columns,
    }
    sale = Booking(
        business=customer.business,
        customer=customer,
        total_amount=total_amount,
        items_count=items_count,
        currency=currency or customer.business.currency,
        **values,
    )
    clean_instance(sale)
    save_booking(Write(sale, actor=actor))
    return sale


def _same_sale(sale: Booking, customer: Customer) -> Booking:
    if sale.customer_id != customer.pk:
        msg = _("The reference %(reference)s belongs to another customer's sale.") % {
            "reference": repr(sale.reference)
        }
        raise ValidationError(msg, code="reference_taken")
    return sale
