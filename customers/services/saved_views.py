"""Saving views of the list of customers, and the layout of a person's list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import log
from audit.privacy.masking import mask_text
from audit.tenancy.actors import Actor
from customers.models import Business, ListLayout, SavedView
from customers.selectors.customers import SEE_CUSTOMERS
from customers.selectors.saved_views import list_views, require_person

MOST_VIEWS = 50
_LONGEST_VALUE = 100
# Who may put away what somebody shared and left behind.
_TIDY = "customers.change_business"


@transaction.atomic
def save_view(
    business: Business,
    *,
    actor: Actor,
    name: str,
    filters: Mapping[str, str],
    sort: str = "",
    columns: Iterable[str] = (),
    is_shared: bool = False,
) -> SavedView:
    """Save a view of a business. Raises ValidationError.

    One person has at most fifty, and none keeps somebody's address or number.
    """
    actor.require_perm(business.pk, SEE_CUSTOMERS)
    owner_id = require_person(actor)
    if list_views(actor=actor).filter(owner_id=owner_id).count() >= MOST_VIEWS:
        msg = _("You have %(count)s views. Delete one first.") % {"count": MOST_VIEWS}
        raise ValidationError(msg, code="too_many")
    for value in filters.values():
        if len(value) > _LONGEST_VALUE or mask_text(value) != value:
            msg = _(
                "A view keeps no text that may be somebody's. Take that filter away."
            )
            raise ValidationError(msg, code="invalid")
    view = SavedView(
        business=business,
        owner_id=owner_id,
        name=_checked_name(name),
        filters=dict(filters),
        sort=sort,
        columns=list(columns),
        is_shared=is_shared,
    )
    _save(view, "created", actor=actor)
    return view


@transaction.atomic
def change_view(
    view: SavedView, *, actor: Actor, name: str, is_shared: bool
) -> SavedView:
    """Rename or share one's own view. Raises ValidationError, PermissionDenied."""
    if not owns_view(view, actor=actor):
        raise PermissionDenied
    view.name, view.is_shared = _checked_name(name), is_shared
    _save(view, "changed", actor=actor)
    return view


@transaction.atomic
def archive_view(view: SavedView, *, actor: Actor) -> None:
    """Put a view away: one's own, or a shared one for who looks after the business."""
    if not may_archive_view(view, actor=actor):
        raise PermissionDenied
    view.archived_at = timezone.now()
    _save(view, "archived", actor=actor)


def owns_view(view: SavedView, *, actor: Actor) -> bool:
    """Tell whether a view is the actor's own."""
    return view.owner_id == actor.user_id


def may_archive_view(view: SavedView, *, actor: Actor) -> bool:
    """Tell whether the actor may put a view away that they may open."""
    is_tidied = view.is_shared and actor.has_perm(_TIDY, view.business_id)
    return owns_view(view, actor=actor) or is_tidied


@transaction.atomic
def save_layout(*, actor: Actor, columns: Iterable[str], page_size: int) -> ListLayout:
    """Store the columns of the actor's list, and how many rows a page has.

    Without columns it has the usual ones. Raises ValidationError.
    """
    layout, _ = ListLayout.objects.get_or_create(user_id=require_person(actor))
    layout.columns, layout.page_size = list(columns), page_size
    layout.full_clean(exclude=["user", "columns"])
    layout.save()
    return layout


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if mask_text(name) != name:
        msg = _("Give a name without an address or a number of somebody.")
        raise ValidationError({"name": ValidationError(msg, code="invalid")})
    return name


def _save(view: SavedView, verb: str, *, actor: Actor) -> None:
    view.full_clean(exclude=["columns"])
    view.save()
    log.record(f"savedview.{verb}", view, actor=actor, business_id=view.business_id)
