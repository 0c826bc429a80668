"""Saving customers, businesses, memberships, and what is written under a name."""

from __future__ import annotations

import logging
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from audit import accounts
from audit.tenancy.actors import Actor
from audit.tenancy.scope import reach
from customers.choices import ContactKind
from customers.models import (
    Business,
    ConsentEvent,
    Contact,
    Customer,
    Flag,
    Membership,
    Note,
    Preferences,
)
from customers.services.constraints import changed_columns
from customers.services.saving import Write, check_not_erased, save_plainly
from customers.services.stats import begin_stats, refresh_business_stats

logger = logging.getLogger(__name__)
# As many figures as a request may bring up to date.
_FEW = 500
# Columns of a business that no figure is computed from; all others are believed to.
_NO_FIGURE = {
    "slug",
    "name",
    "country",
    "refund_limit",
    "created_at",
    "updated_at",
}


def save_customer(write: Write[Customer]) -> None:
    """Write a customer: a new one begins with preferences and figures."""
    row, stored = write.row, write.stored
    if stored is None:
        write.save()
        # The document's three records: the person, the preferences, the figures.
        preferences = Preferences(customer=row, business_id=row.business_id)
        preferences.by(write.actor, reason=write.reason).save()
        begin_stats(row)
        return
    # As stored: a change cannot bring anybody back.
    check_not_erased(stored)
    write.save()
    if stored.email_key not in (None, row.email_key):
        _keep_findable(row, stored.email, write)
    write.refresh()


def _keep_findable(row: Customer, email: str | None, write: Write[Customer]) -> None:
    """Keep an e-mail as a contact, so that it finds the customer who left it."""
    former = Contact(
        business_id=row.business_id,
        customer=row,
        kind=ContactKind.EMAIL,
        email=email,
        valid_to=timezone.now(),
    )
    former.by(write.actor, reason=write.reason).save()


def save_business(write: Write[Business]) -> None:
    """Write a business. What decides everybody's figures lets them follow."""
    row, stored = write.row, write.stored
    write.save()
    if stored is not None and changed_columns(row, stored) - _NO_FIGURE:
        _follow_figures(row.pk, write.actor)


def _follow_figures(business_id: UUID, actor: Actor) -> None:
    """See to it that everybody's figures follow: of a few at once, else by a job."""
    total = Customer.objects.filter(business=business_id).count()
    if total <= _FEW:
        transaction.on_commit(partial(_refresh_everybody, business_id))
        return
    # By its path: tasks are made of services.
    task = import_string("customers.tasks.refresh_figures")
    task.using(actor=actor, business_id=business_id, total=total).enqueue()


def _refresh_everybody(business_id: UUID) -> None:
    """Refresh the figures of a business whose change has been committed.

    If it fails or ends half way, the change stands and `rebuild_projections` finds what
    is left.
    """
    try:
        refresh_business_stats(business_id)
    except Exception:
        logger.exception("figures are behind a change: run rebuild_projections")


def save_membership(write: Write[Membership]) -> None:
    """Write a membership, and put somebody out whose only role changes or ends.

    Rights are read anew with each request. Whoever works elsewhere too stays signed in,
    or the admin of one business could put out the people of all others.
    """
    row, stored = write.row, write.stored
    if stored is not None:
        has_ended = row.ended_at is not None and stored.ended_at is None
        if (has_ended or row.role != stored.role) and not _works_elsewhere(row):
            accounts.end_sessions(
                row.user, actor=write.actor, reason_code="membership_changed"
            )
    write.save()


def _works_elsewhere(row: Membership) -> bool:
    others = Membership.objects.filter(user=row.user_id, ended_at=None)
    # Businesses that the actor does not reach count as well.
    with reach(None):
        is_owner = row.user.is_superuser
        return is_owner or others.exclude(business=row.business_id).exists()


def save_note(write: Write[Note]) -> None:
    """Write a note under the name of whoever wrote it first."""
    if write.is_new:
        write.row.created_by_id = write.row.created_by_id or write.actor.user_id
    write.save()


def save_flag(write: Write[Flag]) -> None:
    """Write a flag under the name of whoever put it there."""
    if write.is_new:
        write.row.added_by_id = write.row.added_by_id or write.actor.user_id
    save_plainly(write)


def save_consent(write: Write[ConsentEvent]) -> None:
    """Write what a person said, with who recorded it and in which operation."""
    write.row.recorded_by_id = write.row.recorded_by_id or write.actor.user_id
    write.row.operation_id = write.actor.operation.id
    save_plainly(write)
