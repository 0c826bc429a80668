"""Bookings and refunds of confirmed payments, kept in sync with the payments."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from decimal import Decimal
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers.choices import (
    BookingKind,
    BookingStatus,
    RefundMethod,
    RefundReason,
    RefundStatus,
)
from customers.models import Booking, Business, Refund
from customers.models.booking import OF_PAYMENT
from customers.services.money.payment_reports import (
    PaymentSnapshot,
    count_reports,
    counted_reports,
    is_alike,
    reports_of,
    set_confirmed,
    with_report,
)

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


def settle_payments(
    business: Business, payments: list[PaymentSnapshot], *, actor: Actor
) -> None:
    """Create, complete or void the bookings of payments, in a few statements.

    Runs in the caller's transaction, which refreshes the figures afterwards.
    """
    if not payments:
        return
    new, changed = [], []
    paid: list[tuple[Booking, list[PaymentSnapshot]]] = []
    matches = _find_bookings(business, payments)
    former = {b.pk: _columns(b) for bookings in matches for b in bookings}
    reports = reports_of([bookings[0] for bookings in matches if bookings])
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
        reported = with_report(payment, reports.get(booking.pk, []))
        _update(booking, reported, payment, refunds)
        paid.append((booking, reported))
    writer = Booking.objects.as_actor(actor, reason=_REASON)
    writer.bulk_create(new)
    # A repeated message of a payment mostly changes nothing.
    changed = [b for b in changed if _columns(b) != former[b.pk]]
    if changed:
        writer.bulk_update(changed, _COLUMNS)
    for booking, reported in paid:
        refunds.follow(booking, reported)
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
    return is_paid or is_alike(payment, booking)


def _is_synced(instance: Booking | Refund) -> bool:
    """Return True for what a payment has created, which then follows the payment."""
    return (instance.external_id or "").startswith(OF_PAYMENT)


def _update(
    booking: Booking,
    reported: list[PaymentSnapshot],
    payment: PaymentSnapshot,
    refunds: _Refunds,
) -> None:
    by_staff = refunds.by_staff.get(booking.pk, Decimal(0))
    if not _is_synced(booking):
        _pay_for(booking, reported, payment, refunds)
        return
    booking.customer_id = payment.customer_id or booking.customer_id
    booking.kind = BookingKind.PLAN if payment.plan else BookingKind.ORDER
    booking.currency, booking.payment_method = payment.currency, payment.method
    booking.total_amount = payment.amount
    set_confirmed(booking, payment.amount)
    booking.original_amount = payment.original
    booking.discount_amount = payment.discount
    # Messages of a payment may arrive out of order.
    booking.placed_at = booking.completed_at = payment.occurred_at
    booking.cancelled_at = None
    booking.status = BookingStatus.COMPLETED
    if not payment.is_settled:
        booking.status = BookingStatus.CANCELLED
        booking.cancelled_at = payment.occurred_at
        set_confirmed(booking, Decimal(0))
    elif payment.is_refunded or 0 < payment.amount <= by_staff:
        # By the processor, or by staff before this message of the payment.
        booking.status = BookingStatus.REFUNDED


def _pay_for(
    booking: Booking,
    reported: list[PaymentSnapshot],
    payment: PaymentSnapshot,
    refunds: _Refunds,
) -> None:
    """Pay a booking of staff or a file, who wrote what was bought."""
    count_reports(booking, reported)
    if payment.is_settled and not booking.is_purchase:
        booking.status = BookingStatus.COMPLETED
        booking.completed_at = booking.completed_at or payment.occurred_at
    is_refunded = any(one.is_refunded for one in reported)
    by_staff = refunds.by_staff.get(booking.pk, Decimal(0))
    back = by_staff + sum(refunds.amounts_of(booking, reported), Decimal(0))
    # Beside what was paid online there may be a deposit that nobody gave back.
    is_whole = not booking.confirmed_amount or back >= booking.paid_amount
    if is_refunded and is_whole and booking.status == BookingStatus.COMPLETED:
        booking.status = BookingStatus.REFUNDED
    elif (
        booking.status == BookingStatus.REFUNDED
        and refunds.has_any_of_payments(booking)
        and not is_refunded
        and back < booking.paid_amount
    ):
        # A refund of the processor that had made it so came to nothing.
        booking.status = BookingStatus.COMPLETED


def _voided(booking: Booking) -> Booking:
    """Leave of what a payment created what staff recorded there; nothing, if nothing.

    That money came in beside the payment, so its booking is a purchase of so much.
    """
    if _is_synced(booking):
        set_confirmed(booking, Decimal(0))
        booking.total_amount = booking.paid_amount
        if not booking.paid_amount:
            booking.status = BookingStatus.DRAFT
    return booking


class _Refunds:
    """The refunds of bookings: one of each payment, and those that staff gave.

    That of a payment is equal to what the processor took back, and fails with it. Two
    processors may have payments of one booking, each with a refund of its own.
    """

    def __init__(self, business: Business, booking_ids: list[UUID]) -> None:
        self._business = business
        self._of_payments: dict[UUID, list[Refund]] = defaultdict(list)
        self.by_staff: dict[UUID, Decimal] = defaultdict(Decimal)
        # Of that, what processors may have told of, too.
        self._same_money: dict[UUID, Decimal] = defaultdict(Decimal)
        self._new: list[Refund] = []
        self._former: dict[UUID, tuple[Refund, list[object]]] = {}
        if not booking_ids:
            return
        refunds = Refund.objects.filter(business=business, booking__in=booking_ids)
        for refund in refunds.order_by("pk"):
            if _is_synced(refund):
                self._of_payments[refund.booking_id].append(refund)
                self._former[refund.pk] = (refund, _refund_columns(refund))
            elif refund.status == RefundStatus.SUCCEEDED:
                self.by_staff[refund.booking_id] += refund.amount
                if refund.method in (None, RefundMethod.PROCESSOR):
                    self._same_money[refund.booking_id] += refund.amount

    def has_any_of_payments(self, booking: Booking) -> bool:
        """Tell whether a payment has, or had, a refund of this booking."""
        return bool(self._of_payments.get(booking.pk))

    def give_to(self, booking: Booking, void: list[Booking]) -> None:
        """Give the refunds of bookings that are void now to the one that stays."""
        for other in filter(_is_synced, void):
            for refund in self._of_payments.pop(other.pk, []):
                refund.booking = booking
                self._of_payments[booking.pk].append(refund)

    def amounts_of(
        self, booking: Booking, reported: list[PaymentSnapshot]
    ) -> list[Decimal]:
        """Return what went back by each processor, and not by staff's own refunds."""
        by_staff = self._same_money.get(booking.pk, Decimal(0))
        left, amounts = booking.paid_amount, []
        counted = (
            counted_reports(booking, reported) if booking.confirmed_amount else reported
        )
        for payment in reported:
            back = max(payment.refunded, Decimal(0))
            if len(reported) > 1 and payment not in counted:
                # It was paid a second time, beside what the booking has as paid.
                back = Decimal(0)
            if not (_is_synced(booking) or is_alike(payment, booking)):
                # Only that all went back is the same in both currencies.
                back = booking.paid_amount if payment.is_refunded else Decimal(0)
            again = min(back, by_staff)
            by_staff -= again
            amounts.append(min(back - again, left))
            left -= amounts[-1]
        return amounts

    def follow(self, booking: Booking, reported: list[PaymentSnapshot]) -> None:
        """Make the refund of each payment what its processor says of it."""
        amounts = self.amounts_of(booking, reported)
        for payment, amount in zip(reported, amounts, strict=True):
            self._follow(booking, payment, amount)

    def _follow(
        self, booking: Booking, payment: PaymentSnapshot, amount: Decimal
    ) -> None:
        names = set(map(_external_id, payment.references))
        ours = [r for r in self._of_payments[booking.pk] if r.external_id in names]
        # Of payments that turned out to be one the refunds are the same money.
        for further in ours[1:]:
            further.status = RefundStatus.FAILED
        if not ours and amount > 0:
            refund = Refund(
                business=self._business,
                booking=booking,
                reason_code=RefundReason.OTHER,
                settled_at=timezone.now(),
                external_id=_external_id(payment.references[0]),
            )
            self._new.append(refund)
            self._of_payments[booking.pk].append(refund)
            ours = [refund]
        for refund in ours[:1]:
            refund.status = RefundStatus.SUCCEEDED if amount else RefundStatus.FAILED
            refund.amount = amount or refund.amount
            refund.booking = booking
            refund.customer_id, refund.currency = booking.customer_id, booking.currency

    def save(self, actor: Actor) -> None:
        """Write what is new or has changed; two statements, or none."""
        writer = Refund.objects.as_actor(actor, reason=_REASON)
        writer.bulk_create(self._new)
        changed = [
            refund
            for refund, former in self._former.values()
            if _refund_columns(refund) != former
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
