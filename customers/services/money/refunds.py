"""Refunds: asking for one, approving it, refusing it, and its failing."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit import accounts
from audit.tenancy.actors import Actor
from customers.choices import RefundStatus, within_sentence
from customers.models import Booking, Refund
from customers.models.booking import OF_PAYMENT
from customers.money import format_money, to_column_decimals
from customers.services.constraints import clean_instance
from customers.services.locking import lock_customers
from customers.services.money.money_rules import (
    StepUp,
    check_claim,
    check_second_person,
    lock_booking,
    refundable_amount,
    save_refund,
)
from customers.services.money.refund_limits import EXCEED_LIMIT, exceeds_refund_limit
from customers.services.writing import Write
from customers.values.amount import check_amount


@transaction.atomic
def request_refund(
    booking: Booking,
    *,
    actor: Actor,
    amount: Decimal | None = None,
    currency: str | None = None,
    reason_code: str,
    reason: str | None = None,
    method: str | None = None,
    step_up: StepUp | None = None,
) -> Refund:
    """Refund a booking, or request a second person's approval.

    Without an amount all that is left is refunded. Up to the business's limit the
    refund succeeds at once; above it a person's refund is requested, after `step_up`,
    and is pending until `approve_refund`. `method` says how it goes back: what a
    processor pays back, or is unsaid, is the same money as its messages tell of. Locks
    the customer, then the booking, until the commit. Raises ValidationError:
    `currency_differs`, `refund_exceeds_paid`, `too_many_decimals`.
    """
    actor.require_perm(booking.business_id, "customers.add_refund")
    booking = lock_booking(booking)
    if currency is not None and currency != booking.currency:
        msg = _("The booking was paid in %(currency)s. Refund that currency.") % {
            "currency": booking.currency
        }
        raise ValidationError({"currency": ValidationError(msg, "currency_differs")})
    if amount is not None:
        check_amount(amount, None if booking.is_too_fine else booking.currency)
    refund = Refund(
        business=booking.business,
        customer=booking.customer,
        booking=booking,
        amount=refundable_amount(booking)
        if amount is None
        else to_column_decimals(amount),
        currency=booking.currency,
        status=RefundStatus.SUCCEEDED,
        reason_code=reason_code,
        reason=reason,
        method=method,
    )
    if amount is None and refund.amount <= 0:
        msg = _("Nothing of this booking is left to refund.")
        raise ValidationError(msg, code="refund_exceeds_paid")
    refund.status = first_status(refund, actor=actor)
    clean_instance(refund)
    check_claim(refund, booking)
    if refund.status == RefundStatus.REQUESTED and step_up is not None:
        digest = accounts.digest_of(
            "request_refund",
            booking=str(booking.pk),
            amount=str(refund.amount),
            currency=refund.currency,
            reason_code=reason_code,
            reason=reason,
            method=method,
        )
        amount_text = format_money(refund.amount, refund.currency)
        step_up(digest, _("Ask to give back %(amount)s") % {"amount": amount_text})
    customer = booking.customer
    save_refund(Write(refund, actor=actor, reason=reason, customer=customer))
    return refund


def first_status(refund: Refund, *, actor: Actor) -> str:
    """Return the status in which a refund begins: above the limit it is requested."""
    refund.status = RefundStatus.REQUESTED
    waits = actor.user_id is not None and exceeds_refund_limit(refund)
    return RefundStatus.REQUESTED if waits else RefundStatus.SUCCEEDED


@transaction.atomic
def approve_refund(
    refund: Refund, *, actor: Actor, step_up: StepUp | None = None
) -> Refund:
    """Approve a pending refund (four-eyes).

    Raises PermissionDenied without the permission to exceed the limit, ValidationError:
    `second_person` for the person who requested it, `not_requested` for a refund that
    is not pending any more. Locks as `request_refund` does.
    """
    actor.require_perm(refund.business_id, EXCEED_LIMIT)
    refund = _lock_pending(refund)
    refund.status = RefundStatus.SUCCEEDED
    check_second_person(refund, actor)
    if step_up is not None:
        digest = accounts.digest_of(
            "approve_refund", refund=str(refund.pk), amount=str(refund.amount)
        )
        amount_text = format_money(refund.amount, refund.currency)
        step_up(digest, _("Give back %(amount)s") % {"amount": amount_text})
    refund.approved_by_id = actor.user_id
    save_refund(Write(refund, actor=actor, reason="approved", verb="approved"))
    return refund


@transaction.atomic
def refuse_refund(refund: Refund, *, actor: Actor, reason: str) -> Refund:
    """Refuse or withdraw a pending refund; its amount may be claimed again.

    Raises ValidationError `not_requested` for a refund that is not pending any more.
    """
    actor.require_perm(refund.business_id, "customers.change_refund")
    refund = _lock_pending(refund)
    refund.status = RefundStatus.REFUSED
    save_refund(Write(refund, actor=actor, reason=reason, verb="refused"))
    return refund


@transaction.atomic
def fail_refund(refund: Refund, *, actor: Actor, reason: str) -> Refund:
    """Say that money which was given back did not arrive; it may be claimed again.

    Raises ValidationError: `not_succeeded` for a refund that gave nothing back,
    `by_processor` for one that a captured payment says, which it then follows.
    """
    actor.require_perm(refund.business_id, "customers.change_refund")
    refund = _lock(refund)
    if refund.status != RefundStatus.SUCCEEDED:
        msg = _("This refund is %(status)s: no money went back.") % {
            "status": within_sentence(refund.get_status_display())
        }
        raise ValidationError(msg, code="not_succeeded")
    if (refund.external_id or "").startswith(OF_PAYMENT):
        msg = _("The processor of the payment says what became of this refund.")
        raise ValidationError(msg, code="by_processor")
    refund.status, refund.settled_at = RefundStatus.FAILED, None
    save_refund(Write(refund, actor=actor, reason=reason, verb="failed"))
    return refund


def _lock(refund: Refund) -> Refund:
    """Lock the customer, and return the refund as stored now."""
    lock_customers([refund.customer_id])
    return Refund.objects.select_related("booking__business").get(pk=refund.pk)


def _lock_pending(refund: Refund) -> Refund:
    """Lock the customer, and return the refund as stored now, which must be pending."""
    refund = _lock(refund)
    if refund.status != RefundStatus.REQUESTED:
        msg = _("This refund is %(status)s: nothing waits.") % {
            "status": within_sentence(refund.get_status_display())
        }
        raise ValidationError(msg, code="not_requested")
    return refund
