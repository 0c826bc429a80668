"""Where somebody works, and what they may do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from audit.tenancy.actors import Actor
from customers.choices import Role
from customers.models import Business, Membership
from customers.roles import PERMISSIONS
from customers.selectors.customers import list_businesses

if TYPE_CHECKING:
    from audit.models import User

# The platform's owner sees them all; an answer names the first ones.
_MOST = 100


@dataclass(frozen=True)
class Workplace:
    """A business, the role that somebody has in it, and the permissions of the role.

    The platform's owner has every permission, and a role in none.
    """

    business: Business
    role: str | None
    is_default: bool
    permissions: list[str]


def list_workplaces(*, actor: Actor) -> list[Workplace]:
    """Return the businesses that a person works for now, by name; 100 at most."""
    if actor.owns_platform:
        permissions = sorted(frozenset().union(*PERMISSIONS.values()))
        every = list_businesses(actor=actor).order_by("name", "pk")[:_MOST]
        return [
            Workplace(business, None, is_default=False, permissions=permissions)
            for business in every
        ]
    # Unscoped: a person may see their memberships, whatever their role.
    memberships = Membership.objects.filter(user=actor.user_id, ended_at=None)
    memberships = memberships.select_related("business")
    return [
        Workplace(
            membership.business,
            membership.role,
            membership.is_default,
            sorted(PERMISSIONS[Role(membership.role)]),
        )
        for membership in memberships.order_by("business__name", "pk")[:_MOST]
    ]


def list_colleagues(*, actor: Actor, business_id: UUID, permission: str) -> list[User]:
    """Return who may do this in a business now, by user name; 100 at most.

    For whoever works there too, whatever their role: it names colleagues alone.
    """
    actor.require_perm(business_id)
    roles = [role for role, names in PERMISSIONS.items() if permission in names]
    memberships = Membership.objects.filter(
        business=business_id, role__in=roles, ended_at=None, user__is_active=True
    )
    memberships = memberships.select_related("user").order_by("user__username")
    return [membership.user for membership in memberships[:_MOST]]
