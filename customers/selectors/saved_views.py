"""Reading saved views of the list of customers, and the layout of a person's list."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet

from audit.tenancy.actors import Actor
from customers.models import ListLayout, SavedView
from customers.selectors.customers import SEE_CUSTOMERS, list_visible


def list_views(*, actor: Actor) -> QuerySet[SavedView]:
    """Return the views that the actor may open: the own ones, and shared ones."""
    views = list_visible(SavedView, actor=actor, permission=SEE_CUSTOMERS)
    mine = Q(owner_id=actor.user_id) | Q(is_shared=True)
    return views.filter(mine, archived_at=None).order_by("name", "pk")


def get_view(pk: UUID, *, actor: Actor) -> SavedView:
    """Return one view that the actor may open. Raises DoesNotExist.

    A colleague's private one, an archived and a foreign one are as missing as any.
    """
    return list_views(actor=actor).get(pk=pk)


def get_layout(*, actor: Actor) -> ListLayout:
    """Return how a person likes the list; one of the defaults if nothing is stored."""
    user_id = require_person(actor)
    layout = ListLayout.objects.filter(user_id=user_id).first()
    return layout or ListLayout(user_id=user_id)


def require_person(actor: Actor) -> UUID:
    """Return the id of the person who acts. Raises PermissionDenied for keys."""
    if actor.user_id is None:
        raise PermissionDenied
    return actor.user_id
