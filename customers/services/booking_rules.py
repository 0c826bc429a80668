"""Which columns of a booking people write, and when; kept wherever one is saved.

Payments and refunds write past this: they say what has happened.
"""

from __future__ import annotations

from typing import NoReturn

from django.core.exceptions import ValidationError
from django.db.models import Sum

from customers.choices import CLAIMING_STATUSES, BookingStatus
from customers.models import Booking, Refund
from customers.money import from_database
from customers.services.showing import shown_money

# How the external id of a booking begins that a payment has made.
OF_PAYMENT = "payment:"
# What an invoice says; it was sent like that.
_INVOICED = (
    "invoice_number",
    "total_amount",
    "original_amount",
    "discount_amount",
    "currency",
    "lines",
)


def check_new_booking(row: Booking) -> None:
    """Raise ValidationError for a new booking that only others may make so.

    An import may: it brings what an earlier system says.
    """
    if row.status == BookingStatus.REFUNDED:
        _refuse_status()
    if (row.external_id or "").startswith(OF_PAYMENT):
        _refuse_id()


def check_changed_booking(row: Booking) -> None:
    """Raise ValidationError for a change of what is not simply written.

    `refunded_by_refunds`, `reserved_id`, `credit_used_by_credit`, `invoiced`,
    `paid_below_refunded`. The caller has locked the customer.
    """
    stored = Booking.objects.get(pk=row.pk)
    if row.status != stored.status and BookingStatus.REFUNDED in (
        row.status,
        stored.status,
    ):
        _refuse_status()
    ids = (row.external_id or "", stored.external_id or "")
    if ids[0] != ids[1] and any(name.startswith(OF_PAYMENT) for name in ids):
        _refuse_id()
    if row.credit_used != stored.credit_used:
        msg = "Credit is used by spending it on the booking. Leave this as it is."
        raise ValidationError(msg, code="credit_used_by_credit")
    _check_invoiced(row, stored)
    if row.paid_amount < stored.paid_amount:
        _check_paid(row)


def _check_invoiced(row: Booking, stored: Booking) -> None:
    if not stored.invoice_number:
        return
    if any(getattr(row, name) != getattr(stored, name) for name in _INVOICED):
        msg = (
            "The booking is invoiced, so its sums and lines stay. Give credit, or "
            "cancel it and make a new one."
        )
        raise ValidationError(msg, code="invoiced")


def _check_paid(row: Booking) -> None:
    claims = Refund.objects.filter(booking=row.pk, status__in=CLAIMING_STATUSES)
    claimed = from_database(claims.aggregate(n=Sum("amount"))["n"])
    if row.paid_amount < claimed:
        least = shown_money(claimed, row.currency)
        msg = f"Refunds of this booking claim {least}. Write at least that as paid."
        raise ValidationError(msg, code="paid_below_refunded")


def _refuse_status() -> NoReturn:
    msg = "A booking becomes refunded by its refunds. Refund it, or leave the status."
    raise ValidationError(msg, code="refunded_by_refunds")


def _refuse_id() -> NoReturn:
    msg = "External ids of payments are given by payments. Take another, or leave it."
    raise ValidationError(msg, code="reserved_id")
