"""The doors to staff accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from audit.actors import Actor
from audit.models import User


def list_users(*, actor: Actor) -> QuerySet[User]:
    """Return the accounts the actor may see: all, or the own one and colleagues'."""
    if actor.business_ids is None:
        return User.objects.all()
    return User.objects.filter(
        Q(pk=actor.id) | Q(pk__in=_find_staff(actor.business_ids))
    )


def names_of(ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """Return the user names of accounts, for pages that say who did something."""
    users = User.objects.filter(pk__in={pk for pk in ids if pk is not None})
    return dict(users.values_list("pk", "username"))


def _nobody(_business_ids: Iterable[UUID]) -> Any:
    return ()


_find_staff: Callable[[Iterable[UUID]], Any] = _nobody


def register_staff_source(source: Callable[[Iterable[UUID]], Any]) -> None:
    """Let the app that knows memberships say who works for businesses: ids of users."""
    global _find_staff  # noqa: PLW0603 - set once, in AppConfig.ready()
    _find_staff = source
