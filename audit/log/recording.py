"""Writing the trail: one entry for one act, in the transaction of the act."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, Unpack
from uuid import UUID

from django.db import models, transaction

from audit.database.batches import batched
from audit.json_text import JsonObject
from audit.models import Event, Operation, Outcome
from audit.tenancy.actors import Actor
from audit.tenancy.scope import extend_tenant_scope, tenant_scope

# As many as the longest page shows.
MAX_SUBJECTS = 200


def ensure_operation(actor: Actor) -> None:
    """Write the actor's operation unless it is there; rows that name it call this."""
    Operation.objects.ensure(actor)


class EventDetails(TypedDict, total=False):
    """What an event may say besides who did what, and where.

    `subjects` are ids of customers, the first 200 are kept; `data` takes text, whole
    numbers, yes and no, and never a personal value. `grant_id` is the step-up behind
    the act; without it, the one that the operation has taken up. `object_label` and
    `object_id` are for what has no row.
    """

    subjects: Iterable[UUID]
    outcome: str
    code: str
    reason: str | None
    query: str | None
    data: JsonObject | None
    object_label: str
    object_id: str
    grant_id: UUID | None


def record(
    action: str,
    target: models.Model | None = None,
    *,
    actor: Actor,
    business_id: UUID | None = None,
    **details: Unpack[EventDetails],
) -> Event:
    """Write one event and, with the first of an operation, the operation itself.

    Call it inside the transaction of the act, so that act and entry stand or fall
    together. Without a business of its own or of its target it belongs to the one its
    actor works for, if that is one.
    """
    Operation.objects.ensure(actor)
    event = new_event(action, target, actor=actor, business_id=business_id, **details)
    with extend_tenant_scope(event.business_id):
        event.save(force_insert=True)
    return event


def record_together(events: list[Event], *, actor: Actor) -> None:
    """Write events of one operation that `new_event` has made, in one statement.

    For what each business of a person reads: there may be hundreds. They are
    written whatever is within reach, so make none for a business of strangers.
    """
    if events:
        Operation.objects.ensure(actor)
        with tenant_scope(None):
            Event.objects.bulk_create(events)


def record_for_each(
    action: str,
    subjects: Iterable[UUID],
    *,
    actor: Actor,
    business_id: UUID,
    reason: str | None = None,
    object_label: str = "",
    object_id: str = "",
    grant_id: UUID | None = None,
) -> None:
    """Write an event about each of these persons, which the page of each shows.

    For acts whose persons are more than one event names. Some hundred at a time, each
    of which are committed in a transaction of their own.
    """
    for some in batched(subjects, MAX_SUBJECTS):
        events = [
            new_event(
                action,
                actor=actor,
                business_id=business_id,
                subjects=[subject],
                reason=reason,
                object_label=object_label,
                object_id=object_id,
                grant_id=grant_id,
            )
            for subject in some
        ]
        with transaction.atomic():
            record_together(events, actor=actor)


def new_event(
    action: str,
    target: models.Model | None = None,
    *,
    actor: Actor,
    business_id: UUID | None = None,
    **details: Unpack[EventDetails],
) -> Event:
    """Return an event that is not written yet, as `record` would write it."""
    subjects = list(details.get("subjects", ()))
    if business_id is None:
        business_id = getattr(target, "business_id", None) or actor.sole_business_id
    label, object_id = details.get("object_label", ""), details.get("object_id", "")
    if target is not None:
        label, object_id = target._meta.label_lower, str(target.pk)
    return Event(
        action=action,
        business_id=business_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        key_id=actor.key_id,
        via=actor.operation.via,
        subjects=[str(subject) for subject in subjects[:MAX_SUBJECTS]],
        subject_id=subjects[0] if len(subjects) == 1 else None,
        object_label=label,
        object_id=object_id,
        operation_id=actor.operation.id,
        outcome=details.get("outcome", Outcome.DONE),
        code=details.get("code", ""),
        grant_id=details.get("grant_id") or actor.operation.grant_id,
        reason=details.get("reason"),
        query=details.get("query"),
        data=details.get("data") or {},
    )


# For acts that change no row, and so have no transaction of their own.
record_alone = transaction.atomic(record)
