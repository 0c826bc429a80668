"""Entries of recorded payments, for bookings whose paid amount is written elsewhere."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from audit import log
from audit.history.bulk import insert_instances
from audit.tenancy.actors import Actor
from customers.choices import CHOSEN_METHODS, PaymentMethod
from customers.models import Booking, BookingPayment
from customers.services.writing import Write

ADD_PAYMENT = "customers.add_bookingpayment"


def method_of(booking: Booking, other: str = PaymentMethod.OTHER) -> str:
    """Return the method that a booking names in its own words, `other` for none."""
    name = (booking.payment_method or "").strip().casefold()
    return name if name in CHOSEN_METHODS else other


def new_entry(
    booking: Booking,
    amount: Decimal,
    *,
    actor: Actor,
    method: str,
    received_on: date | None = None,
    reason: str | None = None,
) -> BookingPayment:
    """Return an unsaved entry, by default received when the booking was bought."""
    bought_on = booking.business.local_day(booking.purchased_at)
    return BookingPayment(
        business=booking.business,
        booking=booking,
        amount=amount,
        currency=booking.currency,
        method=method,
        received_on=received_on or bought_on,
        reason=reason,
        created_by_id=actor.user_id,
        operation_id=actor.operation.id,
    )


def write_entry(
    booking: Booking, *, actor: Actor, method: str, reason: str | None = None
) -> BookingPayment:
    """Write the entry of what a booking has as paid, and its event.

    In the transaction that locked or created the booking, which is not changed. Raises
    PermissionDenied without the permission to record payments.
    """
    entry = new_entry(
        booking, booking.paid_amount, actor=actor, method=method, reason=reason
    )
    Write(entry, actor=actor, reason=reason, verb="recorded").save()
    return entry


def opening_entry(
    booking: Booking, paid: Decimal, *, actor: Actor
) -> BookingPayment | None:
    """Say of a booking from before which part of what it has as paid was confirmed.

    What no captured payment created becomes an unsaved entry, which can be reversed.
    """
    if booking.is_synced:
        booking.confirmed_amount = paid
        return None
    booking.confirmed_amount = Decimal(0)
    if not paid:
        return None
    return new_entry(booking, paid, actor=actor, method=PaymentMethod.EARLIER)


def entries_of_file(
    booking: Booking, before: Decimal, *, actor: Actor, reason: str
) -> list[BookingPayment]:
    """Return unsaved entries of what a file adds to the paid amount of a booking."""
    added = booking.paid_amount - before
    if not added:
        return []
    method = method_of(booking, PaymentMethod.IMPORTED)
    entries = [new_entry(booking, added, actor=actor, method=method, reason=reason)]
    if booking.confirmed_amount is None:
        opening = opening_entry(booking, before, actor=actor)
        entries = [opening, *entries] if opening else entries
    return entries


def insert_entries(
    entries: list[BookingPayment], *, actor: Actor, reason: str, batch: int
) -> None:
    """Write entries of one business for a batch of a file, and one event of them all.

    A constant number of statements. The caller has checked permissions.
    """
    insert_instances(entries)
    if not entries:
        return
    log.record(
        "payment.recorded",
        entries[0] if len(entries) == 1 else None,
        actor=actor,
        business_id=entries[0].business_id,
        subjects=dict.fromkeys(entry.booking.customer_id for entry in entries),
        reason=reason,
        data={"batch": batch, "payments": [entry.event_data for entry in entries]},
    )
