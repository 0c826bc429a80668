"""Credit of a customer: entries that are added and never changed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit import accounts
from audit.tenancy.actors import Actor
from customers.choices import CreditKind, CreditReason
from customers.models import Booking, Credit, Customer
from customers.money import format_money, quantise, to_column_decimals
from customers.selectors.money import list_credits
from customers.services.constraints import clean_instance
from customers.services.locking import lock_customer
from customers.services.money.balances import balances_of
from customers.services.money.money_rules import (
    StepUp,
    lock_booking,
    require_permission,
    save_credit,
)
from customers.services.money.refund_limits import exceeds_refund_limit
from customers.services.writing import Write
from customers.values.amount import check_amount


def credit_balance(customer: Customer, *, actor: Actor) -> dict[str, Decimal]:
    """Return the balance in each currency, in its own decimals.

    Expired credit does not count: see `balances`.
    """
    entries = list_credits(customer, actor=actor)
    balances = balances_of(entries, customer.business)
    return {code: quantise(amount, code) for code, amount in balances.items()}


@transaction.atomic
def issue_credit(
    customer: Customer,
    *,
    actor: Actor,
    amount: Decimal,
    currency: str | None = None,
    reason_code: str = CreditReason.OTHER,
    reason: str | None = None,
    expires_on: date | None = None,
    step_up: StepUp | None = None,
) -> Credit:
    """Issue credit to a customer, by default in the business's currency.

    Locks the customer. Above the business's limit it needs the permission to exceed the
    limit, and `step_up`. It expires after `expires_on`, in the business's time zone.
    Raises ValidationError: `too_many_decimals`, `limit_exceeded`, `expired`.
    """
    actor.require_perm(customer.business_id, "customers.add_credit")
    locked = lock_customer(customer.pk)
    currency = currency or locked.business.currency
    check_amount(amount, currency)
    entry = Credit(
        business=locked.business,
        customer=locked,
        kind=CreditKind.ISSUED,
        amount=to_column_decimals(amount),
        currency=currency,
        reason_code=reason_code,
        reason=reason,
        expires_on=expires_on,
    )
    clean_instance(entry)
    if exceeds_refund_limit(entry):
        require_permission(entry, actor)
        digest = accounts.digest_of(
            "issue_credit",
            customer=str(customer.pk),
            amount=str(entry.amount),
            currency=entry.currency,
            reason_code=reason_code,
            reason=reason,
            expires_on=None if expires_on is None else expires_on.isoformat(),
        )
        if step_up is not None:
            amount_text = format_money(entry.amount, entry.currency)
            step_up(digest, _("Give %(amount)s of credit") % {"amount": amount_text})
    save_credit(Write(entry, actor=actor, reason=reason, customer=locked))
    return entry


@transaction.atomic
def spend_credit(
    customer: Customer,
    *,
    actor: Actor,
    amount: Decimal,
    currency: str | None = None,
    booking: Booking | None = None,
    reason: str | None = None,
) -> Credit:
    """Spend credit, for a booking if one is given; its `credit_used` follows.

    Locks the customer, then the booking. Raises ValidationError:
    `credit_exceeds_balance`; with a booking also `booking_differs` for one of another
    customer or currency, and `credit_exceeds_total` for more than is still to pay.
    """
    actor.require_perm(customer.business_id, "customers.add_credit")
    locked = lock_customer(customer.pk)
    if booking is not None:
        booking = _payable(booking, customer, currency, amount)
        currency = booking.currency
    currency = currency or locked.business.currency
    check_amount(amount, currency)
    entry = Credit(
        business=locked.business,
        customer=locked,
        kind=CreditKind.SPENT,
        amount=-to_column_decimals(amount),
        currency=currency,
        booking=booking,
        reason=reason,
    )
    clean_instance(entry)
    save_credit(Write(entry, actor=actor, reason=reason, customer=locked))
    if booking is not None:
        _use(booking, -entry.amount, actor)
    return entry


@transaction.atomic
def reverse_credit(entry: Credit, *, actor: Actor, reason: str) -> Credit:
    """Reverse an entry by its opposite; the booking's `credit_used` follows.

    Locks as `spend_credit` does. Raises ValidationError: `already_reversed`,
    `not_reversible` for a reversal, `credit_exceeds_balance` for credit that has been
    spent meanwhile.
    """
    actor.require_perm(entry.business_id, "customers.add_credit")
    locked = lock_customer(entry.customer_id)
    booking = None if entry.booking is None else lock_booking(entry.booking)
    opposite = Credit(
        business_id=entry.business_id,
        customer_id=entry.customer_id,
        kind=CreditKind.REVERSED,
        amount=-entry.amount,
        currency=entry.currency,
        reason_code=entry.reason_code,
        reason=reason,
        booking=booking,
        reverses=entry,
    )
    save_credit(Write(opposite, actor=actor, reason=reason, customer=locked))
    if booking is not None:
        _use(booking, entry.amount, actor)
    return opposite


def _payable(
    booking: Booking, customer: Customer, currency: str | None, amount: Decimal
) -> Booking:
    booking = lock_booking(booking)
    if booking.customer_id != customer.pk or currency not in (None, booking.currency):
        msg = _(
            "The booking is another customer's, or of another currency. Look again."
        )
        raise ValidationError(msg, code="booking_differs")
    left = booking.left_to_pay
    if amount > left:
        amount_text = format_money(max(left, Decimal(0)), booking.currency)
        msg = _("Only %(amount)s of this booking is still to pay.") % {
            "amount": amount_text
        }
        raise ValidationError(msg, code="credit_exceeds_total")
    return booking


def _use(booking: Booking, amount: Decimal, actor: Actor) -> None:
    booking.credit_used = max(booking.credit_used + amount, Decimal(0))
    booking.as_actor(actor, reason="credit").save(update_fields=["credit_used"])
