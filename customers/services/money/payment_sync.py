"""Bookings and refunds of confirmed payments, kept equal to what the payments say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, Sum
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers.choices import (
    BookingKind,
    BookingStatus,
    RefundReason,
    RefundStatus,
)
from customers.models import Booking, Business, Refund
from customers.money import from_database
from customers.services.money.booking_rules import OF_PAYMENT

_REASON = "payment"
_OURS = OF_PAYMENT
_COLUMNS = (
    "customer",
    "status",
    "placed_at",
    "completed_at",
    "cancelled_at",
    "total_amount",
    "paid_amount",
    "original_amount",
    "discount_amount",
    "currency",
    "payment_method",
    "kind",
)


@dataclass(frozen=True)
class PaymentSnapshot:
    """What a payment says about money. Amounts are in `currency`, major units.

    `references` are all ids by which the processor knows it; a booking that has one
    of them as reference or external id is the booking that was paid. A payment that
    lost its customer takes its booking back.
    """

    customer_id: UUID | None
    references: list[str]
    is_settled: bool
    is_refunded: bool
    occurred_at: datetime
    currency: str
    amount: Decimal
    original: Decimal | None
    discount: Decimal
    refunded: Decimal
    plan: str | None
    method: str | None


def settle_payments(
    business: Business, settlements: list[PaymentSnapshot], *, actor: Actor
) -> None:
    """Make, complete or take back the bookings of payments, in a few statements.

    Runs in the caller's transaction, which refreshes the figures afterwards.
    """
    if not settlements:
        return
    new, changed = [], []
    paid: list[tuple[Booking, PaymentSnapshot]] = []
    matches = _find(business, settlements)
    former = {row.pk: _columns(row) for rows in matches for row in rows}
    refunded = _refunded(rows[0] for rows in matches if rows)
    for item, rows in zip(settlements, matches, strict=True):
        booking = rows[0] if rows else None
        if item.customer_id is None:
            changed += [_withdrawn(row) for row in rows]
            continue
        if booking is not None:
            changed.append(booking)
        elif item.is_settled:
            booking = _new(business, item)
            new.append(booking)
        if booking is not None:
            _write(booking, item, refunded.get(booking.pk, Decimal(0)))
            paid.append((booking, item))
        # Two payments turned out to be one: the second booking never was.
        changed += [_withdrawn(other) for other in rows[1:]]
    Booking.objects.as_actor(actor, reason=_REASON).bulk_create(new)
    # A payment that is told again mostly says the same.
    changed = [row for row in changed if _columns(row) != former[row.pk]]
    if changed:
        Booking.objects.as_actor(actor, reason=_REASON).bulk_update(changed, _COLUMNS)
    _refund(business, paid, actor)


def _columns(booking: Booking) -> list[Any]:
    names = ["customer_id" if name == "customer" else name for name in _COLUMNS]
    return [getattr(booking, name) for name in names]


def _new(business: Business, item: PaymentSnapshot) -> Booking:
    return Booking(
        business=business,
        external_id=f"{_OURS}{item.references[0]}"[:255],
        placed_at=item.occurred_at,
    )


def _find(
    business: Business, settlements: list[PaymentSnapshot]
) -> list[list[Booking]]:
    """Return the bookings of each payment, those of staff and imports first."""
    ids = {name for item in settlements for name in item.references}
    bare = {name.partition(":")[2] for name in ids}
    rows = Booking.objects.filter(business=business)
    by_name: dict[str, Booking] = {}
    keys = [*bare, *(f"{_OURS}{name}" for name in ids)]
    for row in rows.filter(Q(reference__in=bare) | Q(external_id__in=keys)):
        by_name[row.reference] = row
        if row.external_id:
            by_name[row.external_id] = row
    matches: list[list[Booking]] = []
    for item in settlements:
        names = [name.partition(":")[2] for name in item.references]
        names += [f"{_OURS}{name}" for name in item.references]
        of_customer = {
            by_name[name].pk: by_name[name]
            for name in names
            if name in by_name and by_name[name].customer_id == item.customer_id
        }
        synced = {
            by_name[name].pk: by_name[name]
            for name in names
            if name in by_name and _is_ours(by_name[name])
        }
        unique = {**of_customer, **synced}
        matches.append(sorted(unique.values(), key=lambda b: (_is_ours(b), b.pk)))
    return matches


def _is_ours(booking: Booking) -> bool:
    return (booking.external_id or "").startswith(_OURS)


def _refunded(bookings: Iterable[Booking]) -> dict[UUID, Decimal]:
    """Return what staff gave back of those that are refunded, mostly none."""
    ids = [b.pk for b in bookings if b.status == BookingStatus.REFUNDED]
    if not ids:
        return {}
    rows = Refund.objects.filter(booking__in=ids, status=RefundStatus.SUCCEEDED)
    by_staff = rows.exclude(external_id__startswith=_OURS)
    sums = by_staff.order_by().values("booking").annotate(total=Sum("amount"))
    return {row["booking"]: from_database(row["total"]) for row in sums}


def _write(booking: Booking, item: PaymentSnapshot, refunded: Decimal) -> None:
    if not _is_ours(booking):
        # Somebody else says what was bought; the payment says that it is paid.
        if item.is_settled and not booking.is_purchase:
            booking.status = BookingStatus.COMPLETED
            booking.completed_at = booking.completed_at or item.occurred_at
            booking.paid_amount = booking.paid_amount or item.amount
        if item.is_refunded and booking.status == BookingStatus.COMPLETED:
            booking.status = BookingStatus.REFUNDED
        return
    booking.customer_id = item.customer_id or booking.customer_id
    booking.kind = BookingKind.PLAN if item.plan else BookingKind.ORDER
    booking.currency, booking.payment_method = item.currency, item.method
    booking.total_amount = booking.paid_amount = item.amount
    booking.original_amount, booking.discount_amount = item.original, item.discount
    # An earlier word of the payment may come later.
    booking.placed_at = booking.completed_at = item.occurred_at
    booking.cancelled_at = None
    booking.status = BookingStatus.COMPLETED
    if not item.is_settled:
        booking.status = BookingStatus.CANCELLED
        booking.paid_amount, booking.cancelled_at = Decimal(0), item.occurred_at
    elif item.is_refunded or 0 < item.amount <= refunded:
        # By the processor, or by staff before the payment was told again.
        booking.status = BookingStatus.REFUNDED


def _withdrawn(booking: Booking) -> Booking:
    if _is_ours(booking):
        booking.status = BookingStatus.DRAFT
        booking.paid_amount = booking.total_amount = Decimal(0)
    return booking


def _refund(
    business: Business, paid: list[tuple[Booking, PaymentSnapshot]], actor: Actor
) -> None:
    """Keep one refund of each payment at what the processor says went back."""
    stored = Refund.objects.filter(
        business=business, booking__in=[booking.pk for booking, _ in paid]
    )
    refunds = {
        row.booking_id: row
        for row in stored
        if (row.external_id or "").startswith(_OURS)
    }
    refunded = {
        row["booking"]: from_database(row["total"])
        for row in stored.filter(status=RefundStatus.SUCCEEDED)
        .exclude(pk__in=[row.pk for row in refunds.values()])
        .order_by()
        .values("booking")
        .annotate(total=Sum("amount"))
    }
    new, changed = [], []
    for booking, item in paid:
        # What staff refunded is part of what the processor reports.
        amount = max(item.refunded - refunded.get(booking.pk, Decimal(0)), Decimal(0))
        amount = min(amount, booking.paid_amount)
        row = refunds.get(booking.pk)
        if row is None and amount > 0:
            new.append(
                Refund(
                    business=business,
                    customer_id=booking.customer_id,
                    booking=booking,
                    amount=amount,
                    currency=booking.currency,
                    status=RefundStatus.SUCCEEDED,
                    reason_code=RefundReason.OTHER,
                    settled_at=timezone.now(),
                    external_id=f"{_OURS}{item.references[0]}",
                )
            )
        elif row is not None and row.amount != amount:
            row.status = RefundStatus.SUCCEEDED if amount else RefundStatus.FAILED
            row.amount = amount or row.amount
            row.customer_id = booking.customer_id
            changed.append(row)
    Refund.objects.as_actor(actor, reason=_REASON).bulk_create(new)
    if changed:
        columns = ("status", "amount", "customer")
        Refund.objects.as_actor(actor, reason=_REASON).bulk_update(changed, columns)
