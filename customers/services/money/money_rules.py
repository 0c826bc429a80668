"""The rules of refunds and credit, kept wherever such a row is saved.

Whoever writes money locks in one order: the business (only for its numbers), the
customer, the booking. Captured payments and the figures take the customer first too,
so nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers.choices import (
    CLAIMING_STATUSES,
    BookingStatus,
    CreditKind,
    RefundStatus,
)
from customers.models import Booking, Credit, Refund
from customers.money import check_amount, from_database
from customers.services.locking import hand_down, lock_customer
from customers.services.money.amounts import shown_money
from customers.services.money.balances import balances_of
from customers.services.money.refund_limits import (
    EXCEED_LIMIT,
    PAID_OUT,
    exceeds_refund_limit,
    releases_refund,
)
from customers.services.writing import Write
from customers.services.stats import local_day

# Asks the person to confirm an act: its digest, and what it does in plain words.
Confirm = Callable[[str, str], object]


def lock_booking(booking: Booking) -> Booking:
    """Lock a booking after its customer, and return it with that one, as they are now.

    Raises ValidationError when it has become another customer's meanwhile.
    """
    customer = lock_customer(booking.customer_id)
    locked = Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
    if locked.customer_id != customer.pk:
        msg = "The booking has moved to another customer. Look again and repeat."
        raise ValidationError(msg, code="booking_moved")
    hand_down(customer, locked)
    return locked


def refunded_of(booking: Booking) -> Decimal:
    """Return what has gone back of a booking."""
    refunds = Refund.objects.filter(booking=booking.pk, status=RefundStatus.SUCCEEDED)
    return from_database(refunds.aggregate(total=Sum("amount"))["total"])


def refundable_amount(booking: Booking, *, besides: Refund | None = None) -> Decimal:
    """Return what was paid less what has gone back or is asked for; lock it first."""
    others = Refund.objects.filter(booking=booking.pk, status__in=CLAIMING_STATUSES)
    if besides is not None:
        others = others.exclude(pk=besides.pk)
    claimed = from_database(others.aggregate(total=Sum("amount"))["total"])
    return booking.paid_amount - claimed


def check_claim(row: Refund, booking: Booking) -> None:
    """Raise ValidationError for more than is left, or for parts of the smallest coin.

    The whole rest may go back whatever its decimals.
    """
    left = refundable_amount(booking, besides=row)
    if row.amount > left:
        amount_text = shown_money(max(left, Decimal(0)), booking.currency)
        msg = f"Only {amount_text} of this booking can still be refunded."
        raise ValidationError(msg, code="refund_exceeds_paid")
    if row.amount != left:
        check_amount(row.amount, booking.currency)


def check_second_person(row: Refund, actor: Actor) -> None:
    """Raise ValidationError for a person who would approve what they asked for."""
    if actor.user_id is not None and row.requested_by_id == actor.user_id:
        msg = (
            "You asked for this refund yourself. Leave it requested: a second person "
            "approves it."
        )
        raise ValidationError(msg, code="second_person")


def credit_balance(customer_id: UUID, currency: str) -> Decimal:
    """Return what a customer can still spend in one currency."""
    rows = Credit.objects.filter(customer=customer_id, currency=currency)
    entries = list(rows.select_related("business"))
    if not entries:
        return Decimal(0)
    return balances_of(entries, entries[0].business)[currency]


# --- how such a row is saved ---------------------------------------------------------


def save_refund(write: Write[Refund]) -> None:
    """Check and write a refund; the status of its booking follows.

    More than the limit goes in two steps: one person asks, another with the right to
    exceed it lets the money go. Who raises an amount has asked for it anew.
    """
    row, actor = write.instance, write.actor
    if write.customer is None or row.booking.customer is not write.customer:
        row.booking = lock_booking(Booking.objects.get(pk=row.booking_id))
    booking = row.booking
    write.customer = booking.customer
    row.customer_id, row.currency = booking.customer_id, booking.currency
    stored = write.stored
    _name_requester(row, stored, actor)
    if row.status == RefundStatus.SUCCEEDED:
        row.settled_at = row.settled_at or timezone.now()
    if row.status in CLAIMING_STATUSES:
        _check_limit(row, stored, actor)
        check_claim(row, booking)
    write.save()
    was_gone = stored is not None and stored.status == RefundStatus.SUCCEEDED
    _follow_refund(row, booking, actor, was_gone=was_gone)
    write.refresh()


def _name_requester(row: Refund, stored: Refund | None, actor: Actor) -> None:
    if stored is None:
        row.requested_by_id = actor.user_id or row.requested_by_id
        return
    is_raised = row.amount > stored.amount
    row.requested_by_id = stored.requested_by_id
    if is_raised and actor.user_id is not None:
        row.requested_by_id = actor.user_id
    if row.status == RefundStatus.REQUESTED:
        row.approved_by_id = None


def _check_limit(row: Refund, stored: Refund | None, actor: Actor) -> None:
    # What waited was above the limit when it was asked for, and may be so no more.
    waited = releases_refund(row)
    if not waited and not exceeds_refund_limit(row):
        return
    if row.status in PAID_OUT:
        require_permission(row, actor)
        if waited or stored is None or row.amount > stored.amount:
            check_second_person(row, actor)
            row.approved_by_id = actor.user_id
    _require_confirmed(actor)


def require_permission(row: Refund | Credit, actor: Actor) -> None:
    if actor.has_perm(EXCEED_LIMIT, row.business_id):
        return
    business = row.business
    if business.refund_limit is None:
        msg = "This needs somebody with the right to exceed the limit."
    else:
        limit = shown_money(business.refund_limit, business.currency)
        msg = f"More than {limit} needs somebody with the right to exceed the limit."
    if isinstance(row, Refund):
        msg += " Save it as requested; then such a person approves it."
    raise ValidationError(msg, code="limit_exceeded")


def _require_confirmed(actor: Actor) -> None:
    """Raise ValidationError for a person who has not confirmed.

    What was below the limit when the page asked may be above it by now.
    """
    if actor.user_id is not None and actor.operation.grant_id is None:
        msg = "This has to be confirmed by now. Send it again, and confirm it."
        raise ValidationError(msg, code="confirm_again")


def _follow_refund(
    row: Refund, booking: Booking, actor: Actor, *, was_gone: bool
) -> None:
    """Keep the rule that a purchase whose money is gone has the status refunded.

    A booking that is no purchase, as a cancelled one, keeps its status.
    """
    if not was_gone and row.status != RefundStatus.SUCCEEDED:
        return
    is_gone = 0 < booking.paid_amount <= refunded_of(booking)
    if is_gone and booking.status == BookingStatus.COMPLETED:
        booking.status, reason = BookingStatus.REFUNDED, "refunded in full"
    elif not is_gone and was_gone and booking.status == BookingStatus.REFUNDED:
        booking.status, reason = BookingStatus.COMPLETED, "no longer refunded in full"
    else:
        return
    booking.as_actor(actor, reason=reason).save(update_fields=["status"])


def save_credit(write: Write[Credit]) -> None:
    """Write an entry: never below zero, nothing reversed twice, limits kept."""
    # One credit of a customer after the other: they count together.
    write.lock()
    row, actor = write.instance, write.actor
    if row.kind == CreditKind.REVERSED:
        _check_reversal(row)
    else:
        check_amount(row.amount, row.currency)
        _check_end(row)
    if (
        row.amount < 0
        and credit_balance(row.customer_id, row.currency) + row.amount < 0
    ):
        msg = "The customer has less credit than that. Look at the balance first."
        raise ValidationError(msg, code="credit_exceeds_balance")
    if exceeds_refund_limit(row):
        require_permission(row, actor)
        _require_confirmed(actor)
    row.created_by_id = row.created_by_id or actor.user_id
    row.operation_id = actor.operation.id
    write.save()


def _check_end(row: Credit) -> None:
    if row.expires_on is None:
        return
    if row.kind != CreditKind.ISSUED:
        msg = "Only credit that is given has an end. Leave the day out."
        raise ValidationError(msg, code="no_end")
    if row.expires_on < local_day(timezone.now(), row.business):
        msg = "Credit cannot have run out before it is given. Write a day to come."
        raise ValidationError(msg, code="expired")


def _check_reversal(row: Credit) -> None:
    entry = row.reverses
    if entry is None or entry.kind == CreditKind.REVERSED:
        msg = "A reversal names an entry that is none itself. Issue or spend instead."
        raise ValidationError(msg, code="not_reversible")
    if Credit.objects.filter(reverses=entry.pk).exists():
        msg = "This entry is reversed already."
        raise ValidationError(msg, code="already_reversed")
    same = (-entry.amount, entry.currency, entry.customer_id)
    if (row.amount, row.currency, row.customer_id) != same:
        msg = "A reversal is the exact opposite of its entry."
        raise ValidationError(msg, code="not_opposite")
