"""The rules of refunds and credit, checked wherever one is saved.

Lock order of everything that writes money: the business (only for its numbers), the
customer, the booking. Captured payments and figures lock the customer first too, so
there are no deadlocks.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.tenancy.actors import Actor
from customers.choices import CLAIMING_STATUSES, BookingStatus, CreditKind, RefundStatus
from customers.models import Booking, Credit, Refund
from customers.money import format_money, from_database
from customers.services.locking import attach_customer, lock_customer
from customers.services.money.balances import balances_of
from customers.services.money.refund_limits import (
    EXCEED_LIMIT,
    PAID_OUT,
    exceeds_refund_limit,
    releases_refund,
)
from customers.services.writing import Write
from customers.values.amount import check_amount

# Requires step-up of the person: the digest of the act, and what it does in words.
StepUp = Callable[[str, str], object]


def lock_booking(booking: Booking) -> Booking:
    """Lock a booking after its customer, and return both as they are now.

    Raises ValidationError when the booking has moved to another customer meanwhile.
    """
    customer = lock_customer(booking.customer_id)
    locked = Booking.objects.select_for_update(no_key=True).get(pk=booking.pk)
    if locked.customer_id != customer.pk:
        msg = _("The booking has moved to another customer. Look again and repeat.")
        raise ValidationError(msg, code="booking_moved")
    attach_customer(customer, locked)
    return locked


def refunded_of(booking: Booking) -> Decimal:
    """Return how much of a booking was refunded."""
    refunds = Refund.objects.filter(booking=booking.pk, status=RefundStatus.SUCCEEDED)
    return from_database(refunds.aggregate(total=Sum("amount"))["total"])


def refundable_amount(booking: Booking, *, besides: Refund | None = None) -> Decimal:
    """Return what was paid minus what is refunded or requested; lock it first."""
    others = Refund.objects.filter(booking=booking.pk, status__in=CLAIMING_STATUSES)
    if besides is not None:
        others = others.exclude(pk=besides.pk)
    claimed = from_database(others.aggregate(total=Sum("amount"))["total"])
    return booking.paid_amount - claimed


def check_claim(refund: Refund, booking: Booking) -> None:
    """Raise ValidationError for more than is left, or for too many decimals.

    The whole rest may be refunded whatever its decimals.
    """
    left = refundable_amount(booking, besides=refund)
    if refund.amount > left:
        amount_text = format_money(max(left, Decimal(0)), booking.currency)
        msg = _("Only %(amount)s of this booking can still be refunded.") % {
            "amount": amount_text
        }
        raise ValidationError(msg, code="refund_exceeds_paid")
    if refund.amount != left:
        check_amount(refund.amount, booking.currency)


def check_second_person(refund: Refund, actor: Actor) -> None:
    """Raise ValidationError if the person approves a refund they requested."""
    if actor.user_id is not None and refund.requested_by_id == actor.user_id:
        msg = _(
            "You asked for this refund yourself. Leave it requested: a second person "
            "approves it."
        )
        raise ValidationError(msg, code="second_person")


def _spendable(customer_id: UUID, currency: str) -> Decimal:
    """Return what a customer can still spend in one currency."""
    entries = Credit.objects.filter(customer=customer_id, currency=currency)
    entries = entries.select_related("business")
    if not entries:
        return Decimal(0)
    return balances_of(entries, entries[0].business)[currency]


# --- saving --------------------------------------------------------------------------


def save_refund(write: Write[Refund]) -> None:
    """Check and write a refund; the status of its booking follows.

    A refund above the limit takes two people: one requests it, another, who has the
    permission to exceed the limit, approves it. Raising the amount is a new request.
    """
    refund, actor = write.instance, write.actor
    if write.customer is None or refund.booking.customer is not write.customer:
        refund.booking = lock_booking(Booking.objects.get(pk=refund.booking_id))
    booking = refund.booking
    write.customer = booking.customer
    refund.customer_id, refund.currency = booking.customer_id, booking.currency
    stored = write.stored
    _name_requester(refund, stored, actor)
    if refund.status == RefundStatus.SUCCEEDED:
        refund.settled_at = refund.settled_at or timezone.now()
    if refund.status in CLAIMING_STATUSES:
        _check_limit(refund, stored, actor)
        check_claim(refund, booking)
    write.save()
    was_paid_out = stored is not None and stored.status == RefundStatus.SUCCEEDED
    _follow_refund(refund, booking, actor, was_paid_out=was_paid_out)
    write.refresh()


def _name_requester(refund: Refund, stored: Refund | None, actor: Actor) -> None:
    if stored is None:
        refund.requested_by_id = actor.user_id or refund.requested_by_id
        return
    is_raised = refund.amount > stored.amount
    refund.requested_by_id = stored.requested_by_id
    if is_raised and actor.user_id is not None:
        refund.requested_by_id = actor.user_id
    if refund.status == RefundStatus.REQUESTED:
        refund.approved_by_id = None


def _check_limit(refund: Refund, stored: Refund | None, actor: Actor) -> None:
    # A pending refund was above the limit when requested; the limit may be higher now.
    was_pending = releases_refund(refund)
    if not was_pending and not exceeds_refund_limit(refund):
        return
    if refund.status in PAID_OUT:
        require_permission(refund, actor)
        if was_pending or stored is None or refund.amount > stored.amount:
            check_second_person(refund, actor)
            refund.approved_by_id = actor.user_id
    _require_step_up(actor)


def require_permission(payout: Refund | Credit, actor: Actor) -> None:
    if actor.has_perm(EXCEED_LIMIT, payout.business_id):
        return
    business = payout.business
    if business.refund_limit is None:
        messages = [_("This needs somebody who may exceed the limit.")]
    else:
        limit = format_money(business.refund_limit, business.currency)
        msg = _("More than %(limit)s needs somebody who may exceed the limit.")
        messages = [msg % {"limit": limit}]
    if isinstance(payout, Refund):
        messages.append(_("Save it as requested; then such a person approves it."))
    raise ValidationError(" ".join(messages), code="limit_exceeded")


def _require_step_up(actor: Actor) -> None:
    """Raise ValidationError for a person who has not confirmed (step-up).

    What was below the limit when the page was made may be above it by now.
    """
    if actor.user_id is not None and actor.operation.grant_id is None:
        msg = _("This has to be confirmed by now. Send it again, and confirm it.")
        raise ValidationError(msg, code="confirm_again")


def _follow_refund(
    refund: Refund, booking: Booking, actor: Actor, *, was_paid_out: bool
) -> None:
    """Keep the rule that a fully refunded purchase has the status refunded.

    A booking that is no purchase, as a cancelled one, keeps its status.
    """
    if not was_paid_out and refund.status != RefundStatus.SUCCEEDED:
        return
    names = follow_refunds(booking, reopens=was_paid_out)
    if names:
        is_refunded = booking.status == BookingStatus.REFUNDED
        reason = "refunded in full" if is_refunded else "no longer refunded in full"
        booking.as_actor(actor, reason=reason).save(update_fields=names)


def follow_refunds(booking: Booking, *, reopens: bool) -> set[str]:
    """Set the status of a purchase that is refunded in full or, if `reopens`, is not.

    Returns the columns that changed. Lock the booking first, and save it after.
    """
    is_full = 0 < booking.paid_amount <= refunded_of(booking)
    if is_full and booking.status == BookingStatus.COMPLETED:
        booking.status = BookingStatus.REFUNDED
    elif reopens and not is_full and booking.status == BookingStatus.REFUNDED:
        booking.status = BookingStatus.COMPLETED
    else:
        return set()
    return {"status"}


def save_credit(write: Write[Credit]) -> None:
    """Write an entry: no negative balance, no second reversal, limits enforced."""
    # Serialised by customer: the entries count together.
    write.lock()
    entry, actor = write.instance, write.actor
    if entry.kind == CreditKind.REVERSED:
        _check_reversal(entry)
    else:
        _check_end(entry)
    if (
        entry.amount < 0
        and _spendable(entry.customer_id, entry.currency) + entry.amount < 0
    ):
        msg = _("The customer has less credit than that. Look at the balance first.")
        raise ValidationError(msg, code="credit_exceeds_balance")
    if exceeds_refund_limit(entry):
        require_permission(entry, actor)
        _require_step_up(actor)
    entry.created_by_id = entry.created_by_id or actor.user_id
    entry.operation_id = actor.operation.id
    write.save()


def _check_end(entry: Credit) -> None:
    if entry.expires_on is None:
        return
    if entry.kind != CreditKind.ISSUED:
        msg = _("Only credit that is given has an end. Leave the day out.")
        raise ValidationError(msg, code="no_end")
    if entry.expires_on < entry.business.local_day(timezone.now()):
        msg = _("Credit cannot have run out before it is given. Write a day to come.")
        raise ValidationError(msg, code="expired")


def _check_reversal(entry: Credit) -> None:
    original = entry.reverses
    if original is None or original.kind == CreditKind.REVERSED:
        msg = _(
            "A reversal names an entry that is none itself. Issue or spend instead."
        )
        raise ValidationError(msg, code="not_reversible")
    if Credit.objects.filter(reverses=original.pk).exists():
        msg = _("This entry is reversed already.")
        raise ValidationError(msg, code="already_reversed")
    same = (-original.amount, original.currency, original.customer_id)
    if (entry.amount, entry.currency, entry.customer_id) != same:
        msg = _("A reversal is the exact opposite of its entry.")
        raise ValidationError(msg, code="not_opposite")
