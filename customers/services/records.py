"""The one way to write a row of the hub: admin, API, import and services use it.

A change, its history, its entry in the trail and the figures that depend on it stand
or fall together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.module_loading import import_string

from audit import services as audit
from audit.actors import Actor
from audit.tenancy import reach
from audit.tracking import TrackedModel
from customers.choices import (
    PURCHASE_STATUSES,
    AuthorKind,
    BookingStatus,
    ContactKind,
    TicketStatus,
)
from customers.models import (
    Address,
    Booking,
    Business,
    ConsentEvent,
    Contact,
    Credit,
    Customer,
    Flag,
    Membership,
    Note,
    Preferences,
    Refund,
    Ticket,
    TicketMessage,
)
from customers.services.booking_rules import check_changed_booking
from customers.services.captured import lock_customers
from customers.services.money_rules import prepare_credit, prepare_refund
from customers.services.stats import (
    Figures,
    begin_stats,
    refresh_business_stats,
    refresh_stats,
)

logger = logging.getLogger(__name__)
# As many figures as a request may bring up to date.
_FEW = 500

_Row = TypeVar("_Row", bound=models.Model)


@transaction.atomic
def save_record(
    row: _Row, *, actor: Actor, reason: str | None = None, verb: str = ""
) -> _Row:
    """Write a row as the actor: history, event and figures in one transaction.

    `verb` is what the event says, unless it is "created" or "changed". Where a business
    changes what decides everybody's figures, these follow after the commit.

    Raises PermissionDenied for another business's row and without the right to add or
    change such rows there, ValidationError for a broken rule that needs other rows.
    The caller has validated the row itself.
    """
    is_new = row._state.adding
    business_id = _check_permission(row, actor)
    _check_owner(row)
    prepare = _PREPARE.get(type(row))
    follow = prepare(row, actor) if prepare else None
    former = None if is_new else _former_email(row)
    decides = not is_new and _decides_figures(row)
    if isinstance(row, TrackedModel):
        row.by(actor, reason=reason).save()
    else:
        row.save()
    verb = verb or ("created" if is_new else "changed")
    customer_id = _customer_id(row)
    audit.record(
        f"{row._meta.model_name}.{verb}",
        row,
        actor=actor,
        business_id=business_id,
        subjects=[customer_id] if customer_id else [],
        reason=reason,
    )
    if former is not None:
        former.by(actor, reason=reason).save()
    if follow:
        follow()
    if is_new and isinstance(row, Customer):
        # The document's three records: the person, the preferences, the figures.
        preferences = Preferences(customer=row, business_id=row.business_id)
        preferences.by(actor, reason=reason).save()
        begin_stats(row)
    elif decides:
        _follow_figures(row.pk, actor)
    elif customer_id and (figures := _FIGURES.get(type(row), Figures.ALL)):
        refresh_stats([customer_id], figures)
    return row


def _check_permission(row: models.Model, actor: Actor) -> UUID:
    """Return the business of a row that the actor may add or change there."""
    business_id: UUID = row.pk if isinstance(row, Business) else row.business_id  # type: ignore[attr-defined]  # set at run time, not on the type
    is_new = row._state.adding
    if not (is_new and isinstance(row, Business) and actor.business_ids is None):
        act = "add" if is_new else "change"
        name = f"{row._meta.app_label}.{act}_{row._meta.model_name}"
        actor.require(business_id, name)
    return business_id


def _follow_figures(business_id: UUID, actor: Actor) -> None:
    """See to it that everybody's figures follow: of a few at once, else by a job."""
    people = Customer.objects.filter(business=business_id).count()
    if people <= _FEW:
        transaction.on_commit(partial(_refresh_everybody, business_id))
        return
    # By its path: tasks are made of services.
    task = import_string("customers.tasks.refresh_figures")
    task.using(actor=actor, business_id=business_id, total=people).enqueue()


def check_not_erased(customer: Customer) -> None:
    """Raise ValidationError `erased` for a customer of whom nothing is kept."""
    if customer.erased_at is not None:
        msg = "This customer was erased, which is for good. Create a new one."
        raise ValidationError(msg, code="erased")


def check_live(customer: Customer) -> None:
    """Raise ValidationError, `erased` or `archived`, unless a customer is live."""
    check_not_erased(customer)
    if customer.is_archived:
        msg = "This customer is archived. Restore the customer first."
        raise ValidationError(msg, code="archived")


def _check_owner(row: models.Model) -> None:
    """Raise ValidationError where a row belongs to a customer who was erased.

    The act of erasing itself is not done here.
    """
    if isinstance(row, TicketMessage):
        check_not_erased(row.ticket.customer)
    elif isinstance(row, Customer):
        # As stored: a change cannot bring anybody back.
        for stored in Customer.objects.filter(pk=row.pk).exclude(erased_at=None):
            check_not_erased(stored)
    elif getattr(row, "customer_id", None):
        check_not_erased(row.customer)  # type: ignore[attr-defined]  # set at run time, not on the type


def _decides_figures(row: models.Model) -> bool:
    """Tell whether a change of a business changes everybody's figures.

    They are refreshed in short transactions after the commit.
    """
    if not isinstance(row, Business):
        return False
    stored = Business.objects.get(pk=row.pk)
    columns = {f.attname for f in Business._meta.concrete_fields} - _NO_FIGURE
    return any(getattr(stored, name) != getattr(row, name) for name in columns)


def _refresh_everybody(business_id: UUID) -> None:
    """Refresh the figures of a business whose change has been committed.

    If it fails or ends half way, the change stands and `rebuild_projections` finds what
    is left.
    """
    try:
        refresh_business_stats(business_id)
    except Exception:
        logger.exception("figures are behind a change: run rebuild_projections")


# Columns of a business that no figure is computed from; all others are believed to.
_NO_FIGURE = {
    "slug",
    "name",
    "country",
    "refund_limit",
    "created_at",
    "updated_at",
}
# What a row of each kind can change of its customer's figures; all others everything.
_FIGURES: dict[type[models.Model], Figures] = {
    Address: Figures.ADDRESSES,
    Booking: Figures.PURCHASES | Figures.CONSENT,
    ConsentEvent: Figures.CONSENT,
    Contact: Figures.CONTACTS,
    Credit: Figures(0),
    Customer: Figures.CONSENT,
    Flag: Figures.CONSENT,
    Note: Figures(0),
    Preferences: Figures.CONSENT,
    Refund: Figures.PURCHASES,
    Ticket: Figures.TICKETS,
    TicketMessage: Figures(0),
}


def _customer_id(row: models.Model) -> UUID | None:
    if isinstance(row, Customer):
        return row.pk
    if isinstance(row, TicketMessage):
        return row.ticket.customer_id
    return getattr(row, "customer_id", None)


def _former_email(row: models.Model) -> Contact | None:
    """Return the contact that keeps an e-mail findable after the customer left it."""
    if not isinstance(row, Customer):
        return None
    stored = Customer.objects.filter(pk=row.pk).first()
    row.derive()
    if stored is None or stored.email_key in (None, row.email_key):
        return None
    return Contact(
        business_id=row.business_id,
        customer=row,
        kind=ContactKind.EMAIL,
        email=stored.email,
        valid_to=timezone.now(),
    )


def stamp_booking(row: Booking) -> None:
    """Set the times that its status asks for; before its rules are checked.

    What comes in completed was so when it was placed; what is completed later, now.
    """
    now = timezone.now()
    if row.status in PURCHASE_STATUSES and row.completed_at is None:
        row.completed_at = min(row.placed_at, now) if row._state.adding else now
    if row.status == BookingStatus.CANCELLED and row.cancelled_at is None:
        row.cancelled_at = now


def _prepare_booking(row: Booking, actor: Actor) -> None:
    # The customer before the booking, as everybody who writes money does.
    lock_customers([row.customer_id])
    stamp_booking(row)
    if not row._state.adding:
        check_changed_booking(row)


def _prepare_ticket(row: Ticket, actor: Actor) -> None:
    if row.number is None:
        # One writer at a time per business, so that no number is given twice.
        Business.objects.select_for_update(no_key=True).get(pk=row.business_id)
        newest = Ticket.objects.filter(business=row.business_id).aggregate(
            n=Max("number")
        )
        row.number = (newest["n"] or 0) + 1
    stamp_ticket(row)


def stamp_ticket(row: Ticket) -> None:
    """Set the times that its status asks for."""
    now = timezone.now()
    if row.status in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
        row.resolved_at = row.resolved_at or now
    if row.status == TicketStatus.CLOSED:
        row.closed_at = row.closed_at or now


def _prepare_message(row: TicketMessage, actor: Actor) -> None:
    if not row._state.adding or row.author_kind != AuthorKind.STAFF:
        return
    row.author_id = row.author_id or actor.user_id
    ticket = row.ticket
    if not row.is_internal and ticket.first_responded_at is None:
        ticket.first_responded_at = row.sent_at
        ticket.by(actor).save(update_fields=["first_responded_at"])


def _prepare_membership(row: Membership, actor: Actor) -> None:
    """Put somebody out whose only role changes or ends.

    Rights are read anew with each request. Whoever works elsewhere too stays signed in,
    or the admin of one business could put out the people of all others.
    """
    stored = Membership.objects.filter(pk=row.pk).first()
    if stored is None:
        return
    has_ended = row.ended_at is not None and stored.ended_at is None
    if (has_ended or row.role != stored.role) and not _works_elsewhere(row):
        audit.end_sessions(row.user, actor=actor, reason_code="membership_changed")


def _works_elsewhere(row: Membership) -> bool:
    others = Membership.objects.filter(user=row.user_id, ended_at=None)
    # Businesses that the actor does not reach count as well.
    with reach(None):
        is_owner = row.user.is_superuser
        return is_owner or others.exclude(business=row.business_id).exists()


def _prepare_note(row: Note, actor: Actor) -> None:
    if row._state.adding:
        row.created_by_id = row.created_by_id or actor.user_id


def _prepare_flag(row: Flag, actor: Actor) -> None:
    if row._state.adding:
        row.added_by_id = row.added_by_id or actor.user_id


def _prepare_consent(row: ConsentEvent, actor: Actor) -> None:
    row.recorded_by_id = row.recorded_by_id or actor.user_id
    row.operation_id = actor.operation.id


# Each may return what has to be done once the row is written.
_PREPARE: dict[type[models.Model], Callable[[Any, Actor], Any]] = {
    Booking: _prepare_booking,
    ConsentEvent: _prepare_consent,
    Credit: prepare_credit,
    Flag: _prepare_flag,
    Membership: _prepare_membership,
    Note: _prepare_note,
    Refund: prepare_refund,
    Ticket: _prepare_ticket,
    TicketMessage: _prepare_message,
}
