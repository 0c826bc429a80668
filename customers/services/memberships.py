"""Saving memberships: whoever loses a role is put out."""

from __future__ import annotations

from audit import accounts
from audit.tenancy.scope import reach
from customers.models import Membership
from customers.services.saving import Write


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
    with reach(None):
        is_owner = membership.user.is_superuser
        return is_owner or others.exclude(business=membership.business_id).exists()
