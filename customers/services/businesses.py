"""Creating businesses, and saving them and their memberships."""

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
# Figures of so many customers are updated after the request, of more by a job.
_FEW = 500
# Columns of a business that no figure depends on; all others count as if one did.
_NO_FIGURE = {"slug", "name", "country", "refund_limit", "created_at", "updated_at"}


@transaction.atomic
def create_business(
    slug: str, *, actor: Actor, name: str = "", **columns: Any
) -> Business:
    """Create a business. Raises ValidationError, with the field, for a wrong value."""
    business = Business(slug=slug, name=name or slug, **columns)
    clean_instance(business)
    save_business(Write(business, actor=actor))
    return business


def save_business(write: Write[Business]) -> None:
    """Write a business, and refresh all figures if one depends on what changed."""
    business, stored = write.instance, write.stored
    write.save()
    if stored is not None and changed_columns(business, stored) - _NO_FIGURE:
        _follow_figures(business.pk, write.actor)


def _follow_figures(business_id: UUID, actor: Actor) -> None:
    """Refresh the figures of all customers: few after the commit, many by a job."""
    total = Customer.objects.filter(business=business_id).count()
    if total <= _FEW:
        transaction.on_commit(partial(_refresh_all, business_id))
        return
    # By its path: tasks import services.
    task = import_string("customers.tasks.refresh_figures")
    task.using(actor=actor, business_id=business_id, total=total).enqueue()


def _refresh_all(business_id: UUID) -> None:
    """Refresh the figures of a business whose change has been committed.

    If it fails half way, the change is committed all the same, and
    `rebuild_projections` finds what is left.
    """
    try:
        refresh_business_stats(business_id)
    except Exception:
        logger.exception("figures are behind a change: run rebuild_projections")


def save_membership(write: Write[Membership]) -> None:
    """Write a membership; end the user's sessions when their only one changes or ends.

    Permissions are read with each request. A user with another membership stays signed
    in: else the admin of one business could sign out the staff of all others.
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
