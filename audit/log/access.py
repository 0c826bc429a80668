"""Who saw what and what was refused: noted in a request, written at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.db import models, transaction

from audit.log.recording import new_event, record, record_together
from audit.log.refusals import record_refusals
from audit.models import Event
from audit.privacy.classes import business_of, subject_of
from audit.tenancy.actors import AccessNote, Actor

# What an operation tried and was not let.
REFUSED = "access.denied"


def note_access(
    action: str,
    instances: Iterable[object],
    *,
    actor: Actor,
    target: models.Model | None = None,
    query: str | None = None,
) -> None:
    """Note that a request shows these instances; the event is written at its end.

    Rows are of models that say in `subject_id` whom they are about. A request that
    shows rows of two businesses makes an event in each, so that both can read theirs.
    """
    by_business: dict[UUID | None, list[object]] = defaultdict(list)
    for instance in instances:
        by_business[business_of(instance)].append(instance)
    if query and not by_business:
        # A search without results is still logged.
        by_business[actor.sole_business_id] = []
    for business_id, seen in by_business.items():
        subjects = {pk for instance in seen if (pk := subject_of(instance)) is not None}
        note_subjects(
            action,
            subjects,
            actor=actor,
            business_id=business_id,
            target=target,
            query=query,
            count=len(seen),
        )


def note_subjects(
    action: str,
    subjects: Iterable[UUID],
    *,
    actor: Actor,
    business_id: UUID | None = None,
    target: models.Model | None = None,
    query: str | None = None,
    count: int = 0,
) -> None:
    """Note that a request shows data of these persons."""
    label = target._meta.label_lower if target is not None else ""
    object_id = str(target.pk) if target is not None else ""
    note = AccessNote(
        action,
        business_id if business_id is not None else actor.sole_business_id,
        tuple(sorted(set(subjects))),
        label,
        object_id,
        query,
        count=count,
    )
    if note not in actor.operation.accesses:
        actor.operation.accesses.append(note)
    actor.operation.reader = actor


@transaction.atomic
def record_reveal(
    person: models.Model, *, actor: Actor, subject: UUID, reason: str
) -> None:
    """Record that the actor sees a person's contact data unmasked, and why.

    Pages and endpoints call it before they show anything.
    """
    why = reason[:500]
    record("field.revealed", person, actor=actor, subjects=[subject], reason=why)


def write_notes(actor: Actor) -> None:
    """Write the access and refusal events that an operation has noted.

    In as many statements for two hundred businesses as for two. A repeated refusal
    is only counted, see `record_refusal`. Its own transaction,
    after the one of the act has ended either way. The caller does not hand out an
    answer whose access could not be written.
    """
    operation = actor.operation
    with transaction.atomic():
        events = [_access_event(each, actor) for each in _joined(operation.accesses)]
        record_together(events, actor=actor)
        if operation.refused is not None:
            # Whose row was meant is not always known: each business of the person
            # reads of it.
            record_refusals(
                REFUSED,
                actor=actor,
                business_ids=actor.business_ids or [None],
                code=operation.refused.code,
                object_label=operation.refused.label,
                object_id=operation.refused.object_id,
            )


def _access_event(note: AccessNote, actor: Actor) -> Event:
    return new_event(
        note.action,
        actor=actor,
        business_id=note.business_id,
        subjects=note.subjects,
        query=note.query,
        object_label=note.label,
        object_id=note.object_id,
        data={"count": note.count} if note.count else {},
    )


def _joined(noted: list[AccessNote]) -> list[AccessNote]:
    """Return one entry for each business: the first says what was done."""
    joined: dict[UUID | None, AccessNote] = {}
    for note in noted:
        first = joined.get(note.business_id)
        if first is None:
            joined[note.business_id] = note
            continue
        joined[note.business_id] = AccessNote(
            first.action,
            first.business_id,
            tuple(sorted({*first.subjects, *note.subjects})),
            first.label or note.label,
            first.object_id or note.object_id,
            first.query or note.query,
            count=max(first.count, note.count),
        )
    return list(joined.values())
