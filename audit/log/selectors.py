"""Reading the trail and step-up: who may read which entries."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import pgettext_lazy

from audit.ids import parse_uuid
from audit.models import Event, Grant, Operation, PinCredential, User
from audit.privacy.classes import subject_of
from audit.tenancy.actors import Actor

_KINDS = {
    "user": pgettext_lazy("who did it", "user"),
    "key": pgettext_lazy("who did it", "key"),
    "system": pgettext_lazy("who did it", "system"),
    "anonymous": pgettext_lazy("who did it", "anonymous"),
}


def list_events(
    *, actor: Actor, permission: str = "audit.view_event"
) -> QuerySet[Event]:
    """Return the events of the actor's businesses, newest first.

    With `permission` those of businesses where the actor has that one, for lists of
    events of one kind.
    """
    events = Event.objects.all()
    ids = actor.businesses_for(permission)
    return events if ids is None else events.filter(business_id__in=ids)


def list_events_about(subject: models.Model, *, actor: Actor) -> QuerySet[Event]:
    """Return the events about one person, newest first; the caller has checked access.

    What was shown in a list of many is in the events of all, not here.
    """
    events = Event.objects.filter(subject_id=subject_of(subject))
    ids = actor.business_ids
    return events if ids is None else events.filter(business_id__in=ids)


def list_operations(*, actor: Actor) -> QuerySet[Operation]:
    """Return the operations of the actor's businesses, newest first."""
    operations = Operation.objects.all()
    ids = actor.businesses_for("audit.view_operation")
    return operations if ids is None else operations.filter(business_id__in=ids)


def find_operation(pk: UUID) -> Operation | None:
    """Return the operation of a row that the caller may see, if it still exists."""
    return Operation.objects.filter(pk=pk).first()


def list_pins(*, actor: Actor) -> QuerySet[PinCredential]:
    """Return whose PINs the actor may see the state of: all, or their own."""
    pins = PinCredential.objects.select_related("user")
    return pins if actor.owns_platform else pins.filter(user__in=[actor.user_id])


def list_step_ups(*, actor: Actor) -> QuerySet[Grant]:
    """Return the confirmations the actor may see: all, or their own."""
    grants = Grant.objects.select_related("user")
    return grants if actor.owns_platform else grants.filter(user__in=[actor.user_id])


def search_operations(
    operations: QuerySet[Operation], text: str
) -> QuerySet[Operation]:
    """Keep the operation of an id, or those whose route begins with the text."""
    text = text.strip()
    if not text:
        return operations
    pk = parse_uuid(text)
    return operations.filter(pk=pk) if pk else operations.filter(route__startswith=text)


def kind_text(kind: str) -> str:
    """Return what a page says of a kind of actor that has no name."""
    return str(_KINDS.get(kind, kind))


def usernames_by_id(ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """Return the user names of accounts, for pages that say who did something."""
    users = User.objects.filter(pk__in={pk for pk in ids if pk is not None})
    return dict(users.values_list("pk", "username"))
