"""Writing the trail: one entry for one act, in the transaction of the act."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models, transaction

from audit.actors import Actor
from audit.models import Event, Operation, Outcome
from audit.tenancy import reach_also

# As many as the longest page shows.
MAX_SUBJECTS = 200


def ensure_operation(actor: Actor) -> None:
    """Write the actor's operation unless it is there; rows that name it call this."""
    Operation.objects.ensure(actor)


def record(
    action: str,
    target: models.Model | None = None,
    *,
    actor: Actor,
    subjects: Iterable[UUID] = (),
    business_id: UUID | None = None,
    outcome: str = Outcome.DONE,
    code: str = "",
    reason: str | None = None,
    query: str | None = None,
    data: dict[str, Any] | None = None,
    object_label: str = "",
    object_id: str = "",
    grant_id: UUID | None = None,
) -> Event:
    """Write one event and, with the first of an operation, the operation itself.

    Call it inside the transaction of the act, so that act and entry stand or fall
    together. Without a business of its own or of its target it belongs to the one its
    actor works for, if that is one. `subjects` are ids of customers, the first 200 are
    kept; `data` takes text, whole numbers, yes and no, and never a personal value.
    `grant_id` is the step-up behind the act; without it, the one that the operation has
    taken up.
    """
    Operation.objects.ensure(actor)
    people = list(subjects)
    if business_id is None:
        business_id = getattr(target, "business_id", None) or actor.only_business
    event = Event(
        action=action,
        business_id=business_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        key_id=actor.key_id,
        via=actor.operation.via,
        subjects=[str(subject) for subject in people[:MAX_SUBJECTS]],
        subject_id=people[0] if len(people) == 1 else None,
        object_label=target._meta.label_lower if target is not None else object_label,
        object_id=str(target.pk) if target is not None else object_id,
        operation_id=actor.operation.id,
        outcome=outcome,
        code=code,
        grant_id=grant_id or actor.operation.grant_id,
        reason=reason,
        query=query,
        data=data or {},
    )
    with reach_also(business_id):
        event.save(force_insert=True)
    return event


# For acts that change no row, and so have no transaction of their own.
record_alone = transaction.atomic(record)
