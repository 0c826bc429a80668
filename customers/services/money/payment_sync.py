"""Bookings and refunds of confirmed payments, kept in sync with the payments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers.choices import BookingKind, BookingStatus, RefundReason, RefundStatus
from customers.models import Booking, Business, Refund
from customers.models.booking import OF_PAYMENT
from customers.services.money.booking_rules import amounts_by_booking

_REASON = "payment"
_COLUMNS = (
    "customer",
    "status",
    "placed_at",
    "completed_at",
    "cancelled_at",
    "total_amount",
    "paid_amount",
    "confirmed_amount",
    "original_amount",
    "discount_amount",
    "currency",
    "payment_method",
    "kind",
)


@dataclass(frozen=True)
class PaymentSnapshot:
    """The state of a payment. Amounts are in `currency`, major units.

    `references` are all ids that the processor uses for it; a booking that has one of
    them as reference or external id is the paid one. A payment without a customer voids
    the booking that it created.
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
    business: Business, payments: list[PaymentSnapshot], *, actor: Actor
) -> None:
    """Create, complete or void the bookings of payments, in a few statements.

    Runs in the caller's transaction, which refreshes the figures afterwards.
    """
    if not payments:
        return
    new, changed = [], []
    paid: list[tuple[Booking, PaymentSnapshot]] = []
    matches = _find_bookings(business, payments)
    former = {b.pk: _columns(b) for bookings in matches for b in bookings}
    refunded = _refunded_by_staff(bookings[0] for bookings in matches if bookings)
    for payment, bookings in zip(payments, matches, strict=True):
        booking = bookings[0] if bookings else None
        if payment.customer_id is None:
            changed += [_voided(booking) for booking in bookings]
            continue
        if booking is not None:
            changed.append(booking)
        elif payment.is_settled:
            booking = _new(business, payment)
            new.append(booking)
        if booking is not None:
            _update(booking, payment, refunded.get(booking.pk, Decimal(0)))
            paid.append((booking, payment))
        # Two payments turned out to be one: the second booking is void.
        changed += [_voided(other) for other in bookings[1:]]
    Booking.objects.as_actor(actor, reason=_REASON).bulk_create(new)
    # A repeated message of a payment mostly changes nothing.
    changed = [
        booking for booking in changed if _columns(booking) != former[booking.pk]
    ]
    if changed:
        Booking.objects.as_actor(actor, reason=_REASON).bulk_update(changed, _COLUMNS)
    _sync_refunds(business, paid, actor)


def _columns(booking: Booking) -> list[object]:
    names = ["customer_id" if name == "customer" else name for name in _COLUMNS]
    return [getattr(booking, name) for name in names]


def _new(business: Business, payment: PaymentSnapshot) -> Booking:
    return Booking(
        business=business,
        external_id=f"{OF_PAYMENT}{payment.references[0]}"[:255],
        placed_at=payment.occurred_at,
    )


def _find_bookings(
    business: Business, payments: list[PaymentSnapshot]
) -> list[list[Booking]]:
    """Return the bookings of each payment, those of staff and imports first."""
    ids = {name for payment in payments for name in payment.references}
    bare = {name.partition(":")[2] for name in ids}
    keys = [*bare, *(f"{OF_PAYMENT}{name}" for name in ids)]
    by_name: dict[str, Booking] = {}
    for booking in Booking.objects.filter(business=business).filter(
        Q(reference__in=bare) | Q(external_id__in=keys)
    ):
        by_name[booking.reference] = booking
        if booking.external_id:
            by_name[booking.external_id] = booking
    matches: list[list[Booking]] = []
    for payment in payments:
        names = [name.partition(":")[2] for name in payment.references]
        names += [f"{OF_PAYMENT}{name}" for name in payment.references]
        named = [by_name[name] for name in names if name in by_name]
        unique = {
            booking.pk: booking
            for booking in named
            if booking.customer_id == payment.customer_id or _is_synced(booking)
        }
        matches.append(sorted(unique.values(), key=lambda b: (_is_synced(b), b.pk)))
    return matches


def _is_synced(instance: Booking | Refund) -> bool:
    """Return True for what a payment has created, which then follows the payment."""
    return (instance.external_id or "").startswith(OF_PAYMENT)


def _refunded_by_staff(bookings: Iterable[Booking]) -> dict[UUID, Decimal]:
    """Return the refunds by staff of those bookings that are refunded, mostly none."""
    ids = [b.pk for b in bookings if b.status == BookingStatus.REFUNDED]
    if not ids:
        return {}
    refunds = Refund.objects.filter(booking__in=ids, status=RefundStatus.SUCCEEDED)
    return amounts_by_booking(refunds.exclude(external_id__startswith=OF_PAYMENT))


def _update(booking: Booking, payment: PaymentSnapshot, refunded: Decimal) -> None:
    if not _is_synced(booking):
        # Staff or an import wrote what was bought; the payment only pays it.
        if payment.is_settled and not booking.is_purchase:
            booking.status = BookingStatus.COMPLETED
            booking.completed_at = booking.completed_at or payment.occurred_at
            # Where money was recorded before, this is the same money.
            if not booking.paid_amount:
                _set_confirmed(booking, payment.amount)
        if payment.is_refunded and booking.status == BookingStatus.COMPLETED:
            booking.status = BookingStatus.REFUNDED
        return
    booking.customer_id = payment.customer_id or booking.customer_id
    booking.kind = BookingKind.PLAN if payment.plan else BookingKind.ORDER
    booking.currency, booking.payment_method = payment.currency, payment.method
    booking.total_amount = payment.amount
    _set_confirmed(booking, payment.amount)
    booking.original_amount = payment.original
    booking.discount_amount = payment.discount
    # Messages of a payment may arrive out of order.
    booking.placed_at = booking.completed_at = payment.occurred_at
    booking.cancelled_at = None
    booking.status = BookingStatus.COMPLETED
    if not payment.is_settled:
        booking.status = BookingStatus.CANCELLED
        booking.cancelled_at = payment.occurred_at
        _set_confirmed(booking, Decimal(0))
    elif payment.is_refunded or 0 < payment.amount <= refunded:
        # By the processor, or by staff before this message of the payment.
        booking.status = BookingStatus.REFUNDED


def _voided(booking: Booking) -> Booking:
    if _is_synced(booking):
        booking.status = BookingStatus.DRAFT
        booking.total_amount = Decimal(0)
        _set_confirmed(booking, Decimal(0))
    return booking


def _set_confirmed(booking: Booking, amount: Decimal) -> None:
    """Set what captured payments say; what staff recorded stays beside it."""
    recorded = Decimal(0)
    if booking.confirmed_amount is not None:
        recorded = booking.paid_amount - booking.confirmed_amount
    booking.confirmed_amount = amount
    booking.paid_amount = amount + recorded


def _sync_refunds(
    business: Business, paid: list[tuple[Booking, PaymentSnapshot]], actor: Actor
) -> None:
    """Keep one refund of each payment equal to what the processor refunded."""
    stored = Refund.objects.filter(
        business=business, booking__in=[booking.pk for booking, _ in paid]
    )
    refunds = {refund.booking_id: refund for refund in stored if _is_synced(refund)}
    refunded = amounts_by_booking(
        stored.filter(status=RefundStatus.SUCCEEDED).exclude(
            pk__in=[refund.pk for refund in refunds.values()]
        )
    )
    new, changed = [], []
    for booking, payment in paid:
        # What staff refunded is part of what the processor reports.
        further = payment.refunded - refunded.get(booking.pk, Decimal(0))
        amount = min(max(further, Decimal(0)), booking.paid_amount)
        refund = refunds.get(booking.pk)
        if refund is None and amount > 0:
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
                    external_id=f"{OF_PAYMENT}{payment.references[0]}",
                )
            )
        elif refund is not None and refund.amount != amount:
            refund.status = RefundStatus.SUCCEEDED if amount else RefundStatus.FAILED
            refund.amount = amount or refund.amount
            refund.customer_id = booking.customer_id
            changed.append(refund)
    Refund.objects.as_actor(actor, reason=_REASON).bulk_create(new)
    if changed:
        columns = ("status", "amount", "customer")
        Refund.objects.as_actor(actor, reason=_REASON).bulk_update(changed, columns)
