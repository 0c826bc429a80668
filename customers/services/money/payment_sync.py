"""Bookings and refunds of confirmed payments, kept in sync with the payments."""

from __future__ import annotations

import hashlib
from collections import defaultdict
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

_REASON = "payment"
_LONGEST_ID = 255
_REFUND_COLUMNS = ("status", "amount", "currency", "customer", "booking")
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
    is_currency_assumed: bool = False


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
    refunds = _Refunds(business, list(former))
    for payment, bookings in zip(payments, matches, strict=True):
        if payment.customer_id is None:
            changed += [_voided(booking) for booking in bookings]
            continue
        if bookings:
            booking = bookings[0]
            # Two payments turned out to be one: the second booking is void.
            changed += [booking, *(_voided(other) for other in bookings[1:])]
        elif payment.is_settled:
            booking = _new(business, payment)
            new.append(booking)
        else:
            continue
        refunds.give_to(booking, bookings[1:])
        _update(booking, payment, refunds)
        paid.append((booking, payment))
    writer = Booking.objects.as_actor(actor, reason=_REASON)
    writer.bulk_create(new)
    # A repeated message of a payment mostly changes nothing.
    changed = [b for b in changed if _columns(b) != former[b.pk]]
    if changed:
        writer.bulk_update(changed, _COLUMNS)
    for booking, payment in paid:
        refunds.follow(booking, payment)
    refunds.save(actor)


def _columns(booking: Booking) -> list[object]:
    names = ["customer_id" if name == "customer" else name for name in _COLUMNS]
    return [getattr(booking, name) for name in names]


def _new(business: Business, payment: PaymentSnapshot) -> Booking:
    return Booking(
        business=business,
        external_id=_external_id(payment.references[0]),
        placed_at=payment.occurred_at,
    )


def _external_id(reference: str) -> str:
    """Return the external id of what a payment creates; a long one ends in a hash."""
    name = f"{OF_PAYMENT}{reference}"
    if len(name) <= _LONGEST_ID:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{name[: _LONGEST_ID - len(digest)]}{digest}"


def _find_bookings(
    business: Business, payments: list[PaymentSnapshot]
) -> list[list[Booking]]:
    """Return the bookings of each payment, those of staff and imports first."""
    ids = {name for payment in payments for name in payment.references}
    bare = {name.partition(":")[2] for name in ids}
    keys = [*bare, *map(_external_id, ids)]
    by_name: dict[str, Booking] = {}
    named_bookings = Booking.objects.filter(business=business).filter(
        Q(reference__in=bare) | Q(external_id__in=keys)
    )
    # Staff may record money for one of them at this moment.
    for booking in named_bookings.order_by("pk").select_for_update(no_key=True):
        by_name[booking.reference] = booking
        if booking.external_id:
            by_name[booking.external_id] = booking
    matches: list[list[Booking]] = []
    for payment in payments:
        names = [name.partition(":")[2] for name in payment.references]
        names += map(_external_id, payment.references)
        named = [by_name[name] for name in names if name in by_name]
        unique = {
            booking.pk: booking
            for booking in named
            if _is_synced(booking)
            or (
                booking.customer_id == payment.customer_id
                and _can_pay(payment, booking)
            )
        }
        matches.append(sorted(unique.values(), key=lambda b: (_is_synced(b), b.pk)))
    return matches


def _can_pay(payment: PaymentSnapshot, booking: Booking) -> bool:
    """Tell whether a booking of staff or an import can be what a payment paid.

    Money of another currency pays none that is still to be paid: it would enter as so
    many of the booking's. What is paid already is not bought a second time.
    """
    is_paid = booking.is_purchase and bool(booking.paid_amount)
    return is_paid or _is_alike(payment, booking)


def _is_alike(payment: PaymentSnapshot, booking: Booking) -> bool:
    return payment.is_currency_assumed or payment.currency == booking.currency


def _is_synced(instance: Booking | Refund) -> bool:
    """Return True for what a payment has created, which then follows the payment."""
    return (instance.external_id or "").startswith(OF_PAYMENT)


def _update(booking: Booking, payment: PaymentSnapshot, refunds: _Refunds) -> None:
    by_staff = refunds.by_staff.get(booking.pk, Decimal(0))
    if not _is_synced(booking):
        _pay_for(booking, payment, refunds)
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
    elif payment.is_refunded or 0 < payment.amount <= by_staff:
        # By the processor, or by staff before this message of the payment.
        booking.status = BookingStatus.REFUNDED


def _pay_for(booking: Booking, payment: PaymentSnapshot, refunds: _Refunds) -> None:
    """Pay a booking of staff or a file, who wrote what was bought."""
    if payment.is_settled:
        if _pays(booking, payment):
            _set_confirmed(booking, payment.amount)
        if not booking.is_purchase:
            booking.status = BookingStatus.COMPLETED
            booking.completed_at = booking.completed_at or payment.occurred_at
    by_staff = refunds.by_staff.get(booking.pk, Decimal(0))
    back = by_staff + refunds.amount_of(booking, payment)
    # Beside what was paid online there may be a deposit that nobody gave back.
    is_whole = not booking.confirmed_amount or back >= booking.paid_amount
    if payment.is_refunded and is_whole and booking.status == BookingStatus.COMPLETED:
        booking.status = BookingStatus.REFUNDED
    elif (
        booking.status == BookingStatus.REFUNDED
        and booking.pk in refunds.of_payments
        and not payment.is_refunded
        and back < booking.paid_amount
    ):
        # A refund of the processor that had made it so came to nothing.
        booking.status = BookingStatus.COMPLETED


def _pays(booking: Booking, payment: PaymentSnapshot) -> bool:
    """Tell whether a payment adds to what a booking of staff or a file has as paid.

    Not beside another payment that is confirmed. A deposit that was recorded stays, and
    what does not fit into the total with it is the same money: somebody recorded it, or
    a file had it, before the processor told of it.
    """
    if not _is_alike(payment, booking):
        return False
    if booking.confirmed_amount is None:
        # From before payments were recorded.
        return not booking.paid_amount and not booking.is_purchase
    if booking.is_purchase and booking.confirmed_amount:
        return False
    recorded = booking.paid_amount - booking.confirmed_amount
    left = booking.total_amount - booking.credit_used - recorded
    return not recorded or payment.amount <= left


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


class _Refunds:
    """The refunds of bookings: one of each payment, and those that staff gave.

    That of a payment is equal to what the processor took back, and fails with it.
    """

    def __init__(self, business: Business, booking_ids: list[UUID]) -> None:
        self._business = business
        self.of_payments: dict[UUID, Refund] = {}
        self.by_staff: dict[UUID, Decimal] = defaultdict(Decimal)
        self._new: list[Refund] = []
        self._failed: list[Refund] = []
        self._former: dict[UUID, list[object]] = {}
        if not booking_ids:
            return
        refunds = Refund.objects.filter(business=business, booking__in=booking_ids)
        for refund in refunds.order_by("pk"):
            if _is_synced(refund):
                self.of_payments.setdefault(refund.booking_id, refund)
                self._former[refund.pk] = _refund_columns(refund)
            elif refund.status == RefundStatus.SUCCEEDED:
                self.by_staff[refund.booking_id] += refund.amount

    def give_to(self, booking: Booking, void: list[Booking]) -> None:
        """Give the refund of a booking that is void now to the one that stays."""
        for other in filter(_is_synced, void):
            refund = self.of_payments.pop(other.pk, None)
            if refund is None:
                continue
            if booking.pk in self.of_payments:
                # Its money is that of the other refund.
                self._failed.append(refund)
                refund.status = RefundStatus.FAILED
            else:
                refund.booking = booking
                self.of_payments[booking.pk] = refund

    def amount_of(self, booking: Booking, payment: PaymentSnapshot) -> Decimal:
        """Return what went back by the processor, and not by staff's own refunds."""
        if not (_is_synced(booking) or _is_alike(payment, booking)):
            # Only that all went back is the same in both currencies.
            whole = booking.paid_amount if payment.is_refunded else Decimal(0)
            return max(whole - self.by_staff.get(booking.pk, Decimal(0)), Decimal(0))
        further = payment.refunded - self.by_staff.get(booking.pk, Decimal(0))
        return min(max(further, Decimal(0)), booking.paid_amount)

    def follow(self, booking: Booking, payment: PaymentSnapshot) -> None:
        """Make the refund of a payment what the processor says of it."""
        amount = self.amount_of(booking, payment)
        refund = self.of_payments.get(booking.pk)
        if refund is None and amount > 0:
            refund = Refund(
                business=self._business,
                booking=booking,
                reason_code=RefundReason.OTHER,
                settled_at=timezone.now(),
                external_id=_external_id(payment.references[0]),
            )
            self._new.append(refund)
        if refund is None:
            return
        refund.status = RefundStatus.SUCCEEDED if amount else RefundStatus.FAILED
        refund.amount = amount or refund.amount
        refund.customer_id, refund.currency = booking.customer_id, booking.currency

    def save(self, actor: Actor) -> None:
        """Write what is new or has changed; two statements, or none."""
        writer = Refund.objects.as_actor(actor, reason=_REASON)
        writer.bulk_create(self._new)
        changed = [
            refund
            for refund in (*self.of_payments.values(), *self._failed)
            if _refund_columns(refund) != self._former[refund.pk]
        ]
        if changed:
            writer.bulk_update(changed, _REFUND_COLUMNS)


def _refund_columns(refund: Refund) -> list[object]:
    return [
        refund.status,
        refund.amount,
        refund.currency,
        refund.customer_id,
        refund.booking_id,
    ]
