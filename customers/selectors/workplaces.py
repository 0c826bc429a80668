"""Where somebody works, and what they may do there."""

from __future__ import annotations

from dataclasses import dataclass

from audit.tenancy.actors import Actor
from customers.choices import Role
from customers.models import Business, Membership
from customers.roles import PERMISSIONS
from customers.selectors.customers import list_businesses

# The platform's owner sees them all; an answer names the first ones.
_MOST = 100


@dataclass(frozen=True)
class Workplace:
    """A business, the role that somebody has in it, and the rights of the role.

    The platform's owner has every right, and a role in none.
    """

    business: Business
    role: str | None
    is_default: bool
    permissions: list[str]


def list_workplaces(*, actor: Actor) -> list[Workplace]:
    """Return the businesses that a person works for now, by name; 100 at most."""
    if actor.business_ids is None:
        permissions = sorted(frozenset().union(*PERMISSIONS.values()))
        every = list_businesses(actor=actor).order_by("name", "pk")[:_MOST]
        return [
            Workplace(row, None, is_default=False, permissions=permissions)
            for row in every
        ]
    # The own ones, also of whoever may not see who works where.
    members = Membership.objects.filter(user=actor.user_id, ended_at=None)
    rows = members.select_related("business").order_by("business__name", "pk")[:_MOST]
    return [
        Workplace(
            row.business, row.role, row.is_default, sorted(PERMISSIONS[Role(row.role)])
        )
        for row in rows
    ]
