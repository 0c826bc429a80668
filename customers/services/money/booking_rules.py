"""Saving bookings: which of their columns users may write, and when.

Payments and refunds bypass these rules: they record what has happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from types import SimpleNamespace
from typing import NoReturn
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.choices import CLAIMING_STATUSES, PURCHASE_STATUSES, BookingStatus
from customers.models import Booking, Refund
from customers.models.booking import OF_PAYMENT
from customers.money import from_database
from customers.services.money.payment_entries import method_of, write_entry
from customers.services.writing import Write, save_plainly

# The columns that an invoice shows.
_INVOICED = (
    "invoice_number",
    "total_amount",
    "original_amount",
    "discount_amount",
    "currency",
    "lines",
)


def stamp_booking(booking: Booking) -> None:
    """Set the times that belong to the status, before the rules are checked.

    A booking that is created as completed was so when placed, any other one now.
    """
    now = timezone.now()
    if booking.status in PURCHASE_STATUSES and booking.completed_at is None:
        booking.completed_at = (
            min(booking.placed_at, now) if booking._state.adding else now
        )
    if booking.status == BookingStatus.CANCELLED and booking.cancelled_at is None:
        booking.cancelled_at = now


def save_booking(write: Write[Booking]) -> None:
    """Write a booking, unless a column changes that payments or refunds decide.

    What a new one has as paid is recorded as a payment. Raises ValidationError:
    `refunded_by_refunds`, `reserved_id`, `credit_used_by_credit`, `invoiced`,
    `paid_by_payments`, `currency_paid`.
    """
    # The customer before the booking: see `money_rules`.
    write.lock()
    booking, stored = write.instance, write.stored
    stamp_booking(booking)
    if stored is not None:
        check_booking_change(booking, stored)
    save_plainly(write)
    if stored is None and booking.paid_amount:
        method = method_of(booking)
        write_entry(booking, actor=write.actor, method=method, reason=write.reason)


def check_new_booking(booking: Booking) -> None:
    """Raise ValidationError for values that only payments and refunds may set.

    Not for imports, which bring the state of an earlier system.
    """
    if booking.status == BookingStatus.REFUNDED:
        _refuse_status()
    if (booking.external_id or "").startswith(OF_PAYMENT):
        _refuse_id()


def check_booking_change(
    booking: Booking,
    stored: Booking | SimpleNamespace,
    *,
    records_payments: bool = False,
) -> None:
    """Raise as `save_booking` does, for columns that were read already.

    `stored` has the former columns. Whoever records a payment of the difference says
    so by `records_payments`; less than before is paid by a reversal alone.
    """
    if booking.status != stored.status and BookingStatus.REFUNDED in (
        booking.status,
        stored.status,
    ):
        _refuse_status()
    ids = (booking.external_id or "", stored.external_id or "")
    if ids[0] != ids[1] and any(name.startswith(OF_PAYMENT) for name in ids):
        _refuse_id()
    if booking.credit_used != stored.credit_used:
        msg = _("Credit is used by spending it on the booking. Leave this as it is.")
        raise ValidationError(msg, code="credit_used_by_credit")
    _check_invoiced(booking, stored)
    is_raised = booking.paid_amount > stored.paid_amount
    if booking.paid_amount != stored.paid_amount and not (
        is_raised and records_payments
    ):
        msg = _(
            "What is paid follows from payments. Record one at the booking "
            "(…/payments), or reverse one that is wrong."
        )
        raise ValidationError(msg, code="paid_by_payments")
    if booking.currency != stored.currency and stored.paid_amount:
        msg = _("Money was paid in %(currency)s, so the currency stays.") % {
            "currency": stored.currency
        }
        raise ValidationError(msg, code="currency_paid")


def _check_invoiced(booking: Booking, stored: Booking | SimpleNamespace) -> None:
    if not stored.invoice_number:
        return
    if any(getattr(booking, name) != getattr(stored, name) for name in _INVOICED):
        msg = _(
            "The booking is invoiced, so its sums and lines stay. Give credit, or "
            "cancel it and make a new one."
        )
        raise ValidationError(msg, code="invoiced")


def claimed_by_refunds(booking_ids: Iterable[UUID]) -> dict[UUID, Decimal]:
    """Return what refunds claim of each of these bookings; one statement."""
    refunds = Refund.objects.filter(booking__in=list(booking_ids))
    return amounts_by_booking(refunds.filter(status__in=CLAIMING_STATUSES))


def amounts_by_booking(refunds: QuerySet[Refund]) -> dict[UUID, Decimal]:
    """Return the sum of these refunds for each of their bookings."""
    sums = refunds.order_by().values("booking_id").annotate(total=Sum("amount"))
    return {group["booking_id"]: from_database(group["total"]) for group in sums}


def _refuse_status() -> NoReturn:
    msg = _(
        "A booking becomes refunded by its refunds. Refund it, or leave the status."
    )
    raise ValidationError(msg, code="refunded_by_refunds")


def _refuse_id() -> NoReturn:
    msg = _(
        "External ids of payments are given by payments. Take another, or leave it."
    )
    raise ValidationError(msg, code="reserved_id")
