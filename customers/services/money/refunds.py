"""Refunds: asking for one, approving it, refusing it."""

from __future__ import annotations

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import accounts
from audit.tenancy.actors import Actor
from customers.choices import RefundStatus
from customers.models import Booking, Refund
from customers.money import to_column_decimals
from customers.services.constraints import check_row
from customers.services.locking import lock_customers
from customers.services.money.amounts import shown_money
from customers.services.money.money_rules import (
    Confirm,
    check_claim,
    check_second_person,
    lock_booking,
    refundable_amount,
    save_refund,
)
from customers.services.money.refund_limits import EXCEED_LIMIT, exceeds_refund_limit
from customers.services.writing import Write


@transaction.atomic
def request_refund(
    booking: Booking,
    *,
    actor: Actor,
    amount: Decimal | None = None,
    currency: str | None = None,
    reason_code: str,
    reason: str | None = None,
    confirm: Confirm | None = None,
) -> Refund:
    """Give money of a booking back, or ask a second person to.

    Without an amount all that is left goes back. Up to the business's limit the refund
    has succeeded at once; above it a person's refund is requested, after `confirm`, and
    waits for `approve_refund`. Locks the customer, then the booking, until the commit.
    Raises ValidationError: `currency_differs`, `refund_exceeds_paid`,
    `too_many_decimals`.
    """
    actor.require_perm(booking.business_id, "customers.add_refund")
    booking = lock_booking(booking)
    if currency is not None and currency != booking.currency:
        msg = f"The booking was paid in {booking.currency}. Refund that currency."
        raise ValidationError({"currency": ValidationError(msg, "currency_differs")})
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
    )
    if amount is None and refund.amount <= 0:
        msg = "Nothing of this booking is left to refund."
        raise ValidationError(msg, code="refund_exceeds_paid")
    if actor.user_id is not None and exceeds_refund_limit(refund):
        refund.status = RefundStatus.REQUESTED
    check_row(refund)
    check_claim(refund, booking)
    if refund.status == RefundStatus.REQUESTED and confirm is not None:
        digest = accounts.digest_of(
            "request_refund",
            booking=str(booking.pk),
            amount=str(refund.amount),
            currency=refund.currency,
            reason_code=reason_code,
            reason=reason,
        )
        amount_text = shown_money(refund.amount, refund.currency)
        confirm(digest, f"Ask to give back {amount_text}")
    customer = booking.customer
    save_refund(Write(refund, actor=actor, reason=reason, customer=customer))
    return refund


@transaction.atomic
def approve_refund(
    refund: Refund, *, actor: Actor, confirm: Confirm | None = None
) -> Refund:
    """Let the money of a requested refund go, as its second person.

    Raises PermissionDenied without the right to exceed the limit, ValidationError:
    `second_person` for whoever asked for it, whatever the limit is by now;
    `not_requested` for one
    that does not wait any more. Locks as `request_refund` does.
    """
    actor.require_perm(refund.business_id, EXCEED_LIMIT)
    row = _waiting(refund)
    row.status = RefundStatus.SUCCEEDED
    check_second_person(row, actor)
    if confirm is not None:
        digest = accounts.digest_of(
            "approve_refund", refund=str(row.pk), amount=str(row.amount)
        )
        confirm(digest, f"Give back {shown_money(row.amount, row.currency)}")
    row.approved_by_id = actor.user_id
    save_refund(Write(row, actor=actor, reason="approved"))
    return row


@transaction.atomic
def refuse_refund(refund: Refund, *, actor: Actor, reason: str) -> Refund:
    """Refuse or withdraw a requested refund; its amount may be claimed again.

    Raises ValidationError `not_requested` for one that does not wait any more.
    """
    actor.require_perm(refund.business_id, "customers.change_refund")
    row = _waiting(refund)
    row.status = RefundStatus.REFUSED
    save_refund(Write(row, actor=actor, reason=reason))
    return row


def _waiting(refund: Refund) -> Refund:
    """Lock the customer, and return the refund as it is now."""
    lock_customers([refund.customer_id])
    row = Refund.objects.select_related("booking__business").get(pk=refund.pk)
    if row.status != RefundStatus.REQUESTED:
        msg = f"This refund is {row.get_status_display().lower()}: nothing waits."
        raise ValidationError(msg, code="not_requested")
    return row
