"""Recording what came in for a booking, and taking a wrong record back.

The paid amount of a booking is what these entries add up to, and what confirmed
payments of captures say (`payment_sync`). Nobody types it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.tenancy.actors import Actor
from customers.choices import BookingStatus
from customers.models import Booking, BookingPayment
from customers.money import format_money, to_column_decimals
from customers.services.constraints import clean_instance
from customers.services.figure_kinds import figures_from
from customers.services.money.booking_rules import claimed_by_refunds
from customers.services.money.money_rules import (
    follow_refunds,
    lock_booking,
    refunded_of,
)
from customers.services.money.payment_entries import (
    ADD_PAYMENT,
    new_entry,
    opening_entry,
)
from customers.services.money.payment_reports import count_reports, reports_of
from customers.services.stats import refresh_locked
from customers.services.writing import Write, check_live, check_not_erased
from customers.values.amount import check_amount


@transaction.atomic
def record_payment(
    booking: Booking,
    *,
    actor: Actor,
    method: str,
    amount: Decimal | None = None,
    currency: str | None = None,
    received_on: date | None = None,
    reference: str | None = None,
    external_id: str | None = None,
    reason: str | None = None,
) -> BookingPayment:
    """Record that money came in for a booking; its paid amount and figures follow.

    Without an amount, in the booking's currency, all that is left to pay. `received_on`
    is a day of the business, today if unsaid. With an `external_id` the call is
    idempotent: the stored entry is returned. Locks the customer, then the booking.
    Raises ValidationError: `currency_differs`, `too_many_decimals`, `in_future`,
    `payment_exceeds_total`, `booking_cancelled`, `external_id_taken` for another
    payment with that id, `archived` or `erased` for such a customer.
    """
    actor.require_perm(booking.business_id, ADD_PAYMENT)
    booking = lock_booking(booking)
    check_live(booking.customer)
    if currency is not None and currency != booking.currency:
        msg = _("The booking is in %(currency)s. Record the payment in it.") % {
            "currency": booking.currency
        }
        raise ValidationError({"currency": ValidationError(msg, "currency_differs")})
    if (stored := _payment_with(booking, external_id)) is not None:
        return _same_payment(stored, booking, amount, method)
    if amount is not None:
        check_amount(amount, None if booking.is_too_fine else booking.currency)
    left = max(booking.left_to_pay, Decimal(0))
    entry = new_entry(
        booking,
        left if amount is None else to_column_decimals(amount),
        actor=actor,
        method=method,
        received_on=received_on or booking.business.local_day(timezone.now()),
        reason=reason,
    )
    entry.reference, entry.external_id = reference, external_id
    write = Write(entry, actor=actor, reason=reason, customer=booking.customer)
    try:
        with transaction.atomic():
            save_payment(write, booking)
    except IntegrityError:
        # Of another customer, whom nobody has locked here, at the same moment.
        if (stored := _payment_with(booking, external_id)) is None:
            raise
        return _same_payment(stored, booking, amount, method)
    return entry


@transaction.atomic
def reverse_payment(
    payment: BookingPayment, *, actor: Actor, reason: str
) -> BookingPayment:
    """Take a recorded payment back by its opposite; the paid amount follows.

    For what was recorded by mistake. Money that goes back to the customer is a refund.
    Locks as `record_payment` does. Raises ValidationError: `already_reversed`,
    `not_reversible` for a reversal, `paid_below_refunded` where refunds claim more than
    would be left.
    """
    actor.require_perm(payment.business_id, ADD_PAYMENT)
    booking = lock_booking(payment.booking)
    check_not_erased(booking.customer)
    opposite = new_entry(
        booking,
        -payment.amount,
        actor=actor,
        method=payment.method,
        received_on=payment.received_on,
        reason=reason,
    )
    opposite.reverses = payment
    save_payment(
        Write(opposite, actor=actor, reason=reason, customer=booking.customer), booking
    )
    return opposite


@transaction.atomic
def reverse_earlier_payment(
    booking: Booking, *, actor: Actor, reason: str
) -> BookingPayment:
    """Take back what a booking had as paid before payments were recorded.

    Raises ValidationError `nothing_earlier` where there is no such amount, and
    otherwise as `reverse_payment`.
    """
    actor.require_perm(booking.business_id, ADD_PAYMENT)
    booking = lock_booking(booking)
    entry = _open(booking, actor)
    if entry is None:
        msg = _("Nothing of this booking was paid before payments were recorded.")
        raise ValidationError(msg, code="nothing_earlier")
    return reverse_payment(entry, actor=actor, reason=reason)


def save_payment(write: Write[BookingPayment], booking: Booking | None = None) -> None:
    """Check and write an entry; paid amount and status of its booking, and figures.

    `booking` is the locked one, unless it is to be locked here.
    """
    entry, actor = write.instance, write.actor
    booking = booking or lock_booking(entry.booking)
    entry.booking, entry.currency = booking, booking.currency
    entry.created_by_id = entry.created_by_id or actor.user_id
    entry.operation_id = actor.operation.id
    if entry.reverses is None:
        _check_payment(entry, booking)
        clean_instance(entry, exclude={"amount"} if booking.is_too_fine else ())
        write.verb = "recorded"
    else:
        _check_reversal(entry, entry.reverses, booking)
        write.verb = "reversed"
    _open(booking, actor)
    write.save()
    booking.paid_amount += entry.amount
    # What a payment says may be the same money as a record, and counts without it.
    count_reports(booking, reports_of([booking]).get(booking.pk, []))
    # What an import brought as refunded has no refunds to follow.
    reopens = refunded_of(booking) > 0
    names = {"paid_amount", "confirmed_amount"} | follow_refunds(
        booking, reopens=reopens
    )
    booking.as_actor(actor, reason=f"payment {write.verb}").save(update_fields=names)
    refresh_locked([booking.customer], figures_from(Booking, names))


def _open(booking: Booking, actor: Actor) -> BookingPayment | None:
    """Write the entry of what a booking from before has as paid, if there is none."""
    if booking.confirmed_amount is not None:
        return None
    entry = opening_entry(booking, booking.paid_amount, actor=actor)
    if entry is not None:
        Write(entry, actor=actor, verb="recorded").save()
    booking.as_actor(actor, reason="payment").save(update_fields=["confirmed_amount"])
    return entry


def _check_payment(entry: BookingPayment, booking: Booking) -> None:
    if booking.status == BookingStatus.CANCELLED:
        msg = _("The booking is cancelled. Change its status before you record money.")
        raise ValidationError(msg, code="booking_cancelled")
    left = booking.left_to_pay
    if entry.amount > left or left <= 0:
        amount_text = format_money(max(left, Decimal(0)), booking.currency)
        msg = _("Only %(amount)s of this booking is still to pay.") % {
            "amount": amount_text
        }
        raise ValidationError(msg, code="payment_exceeds_total")
    if entry.received_on > booking.business.local_day(timezone.now()):
        msg = _("This day is still to come. Write when the money came.")
        raise ValidationError({"received_on": ValidationError(msg, "in_future")})


def _check_reversal(
    entry: BookingPayment, payment: BookingPayment, booking: Booking
) -> None:
    if payment.amount < 0:
        msg = _("This is a reversal itself. Record the payment anew.")
        raise ValidationError(msg, code="not_reversible")
    if BookingPayment.objects.filter(reverses=payment.pk).exists():
        msg = _("This payment is reversed already.")
        raise ValidationError(msg, code="already_reversed")
    if (entry.amount, booking.pk) != (-payment.amount, payment.booking_id):
        msg = _("A reversal is the exact opposite of its payment.")
        raise ValidationError(msg, code="not_opposite")
    claimed = claimed_by_refunds([booking.pk]).get(booking.pk, Decimal(0))
    if booking.paid_amount + entry.amount < claimed:
        msg = _(
            "Refunds of this booking claim %(amount)s, and this would leave less as "
            "paid. Refuse or fail a refund first."
        ) % {"amount": format_money(claimed, booking.currency)}
        raise ValidationError(msg, code="paid_below_refunded")


def _payment_with(booking: Booking, external_id: str | None) -> BookingPayment | None:
    if external_id is None:
        return None
    stored = BookingPayment.objects.filter(
        business=booking.business_id, external_id=external_id
    )
    return stored.select_related("booking").first()


def _same_payment(
    entry: BookingPayment, booking: Booking, amount: Decimal | None, method: str
) -> BookingPayment:
    is_same = entry.booking_id == booking.pk and entry.method == method
    if not is_same or amount not in (None, entry.amount):
        msg = _("Another payment has this external id. Take one of its own.")
        raise ValidationError(msg, code="external_id_taken")
    return entry
