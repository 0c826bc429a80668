"""The doors to staff accounts."""

from __future__ import annotations

from django.db.models import QuerySet

from audit.actors import Actor
from audit.models import User


def list_users(*, actor: Actor) -> QuerySet[User]:
    """Return the accounts the actor may see: all, or only the own one."""
    if actor.business_ids is None:
        return User.objects.all()
    return User.objects.filter(pk__in=[actor.id])
