"""Making businesses, and saving them and who works there."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.module_loading import import_string

from audit import accounts
from audit.tenancy.actors import Actor
from audit.tenancy.scope import tenant_scope
from customers.models import Business, Customer, Membership
from customers.services.constraints import changed_columns, clean_instance
from customers.services.stats import refresh_business_stats
from customers.services.writing import Write

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


@transaction.atomic
def create_business(
    slug: str, *, actor: Actor, name: str = "", **columns: Any
) -> Business:
    """Make a business. Raises ValidationError with the field when a value is wrong."""
    business = Business(slug=slug, name=name or slug, **columns)
    clean_instance(business)
    save_business(Write(business, actor=actor))
    return business


def save_business(write: Write[Business]) -> None:
    """Write a business. What decides everybody's figures lets them follow."""
    business, stored = write.instance, write.stored
    write.save()
    if stored is not None and changed_columns(business, stored) - _NO_FIGURE:
        _follow_figures(business.pk, write.actor)


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
    membership, stored = write.instance, write.stored
    if stored is not None:
        has_ended = membership.ended_at is not None and stored.ended_at is None
        if (has_ended or membership.role != stored.role) and not _works_elsewhere(
            membership
        ):
            accounts.end_sessions(
                membership.user, actor=write.actor, reason_code="membership_changed"
            )
    write.save()


def _works_elsewhere(membership: Membership) -> bool:
    others = Membership.objects.filter(user=membership.user_id, ended_at=None)
    # Businesses that the actor does not reach count as well.
    with tenant_scope(None):
        is_owner = membership.user.is_superuser
        return is_owner or others.exclude(business=membership.business_id).exists()
