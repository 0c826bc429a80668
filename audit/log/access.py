"""Who saw what and what was refused: noted in a request, written at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import models, transaction

from audit.log.recording import new_event, record, record_together
from audit.log.refusals import record_refusals
from audit.models import Event
from audit.privacy.classes import business_of, subject_of
from audit.tenancy.actors import AccessNote, Actor

# What an operation tried and was not let.
REFUSED = "access.denied"


def note_shown(
    action: str,
    rows: Iterable[Any],
    *,
    actor: Actor,
    target: models.Model | None = None,
    query: str | None = None,
) -> None:
    """Note that a request shows these rows; the edge writes the event at its end.

    Rows are of models that say in `subject_id` whom they are about. A request that
    shows rows of two businesses makes an event in each, so that both can read theirs.
    """
    found: dict[UUID | None, list[Any]] = defaultdict(list)
    for row in rows:
        found[business_of(row)].append(row)
    if query and not found:
        # Nobody was found, and yet somebody was looked for.
        found[actor.sole_business_id] = []
    for business_id, own in found.items():
        subjects = {pk for row in own if (pk := subject_of(row)) is not None}
        note_subjects(
            action,
            subjects,
            actor=actor,
            business_id=business_id,
            target=target,
            query=query,
            count=len(own),
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
    """Note that a request shows what belongs to these people."""
    label = target._meta.label_lower if target is not None else ""
    object_id = str(target.pk) if target is not None else ""
    shown = AccessNote(
        action,
        business_id if business_id is not None else actor.sole_business_id,
        tuple(sorted(set(subjects))),
        label,
        object_id,
        query,
        count=count,
    )
    if shown not in actor.operation.shown:
        actor.operation.shown.append(shown)
    actor.operation.reader = actor


@transaction.atomic
def record_reveal(
    row: models.Model, *, actor: Actor, subject: UUID, reason: str
) -> None:
    """Write that somebody has a person's contact data shown in clear, and why.

    Pages and endpoints call it before they show anything.
    """
    record("field.revealed", row, actor=actor, subjects=[subject], reason=reason[:500])


def write_notes(actor: Actor) -> None:
    """Write what an operation has shown and what it was refused.

    In as many statements for somebody of two hundred businesses as of two. A refusal
    that somebody repeats is only counted, see `record_refusal`. Its own transaction,
    after the one of the act has ended either way. The caller does not hand out an
    answer whose access could not be written.
    """
    operation = actor.operation
    with transaction.atomic():
        shown = [_access_event(each, actor) for each in _joined(operation.shown)]
        record_together(shown, actor=actor)
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


def _access_event(shown: AccessNote, actor: Actor) -> Event:
    return new_event(
        shown.action,
        actor=actor,
        business_id=shown.business_id,
        subjects=shown.subjects,
        query=shown.query,
        object_label=shown.label,
        object_id=shown.object_id,
        data={"count": shown.count} if shown.count else {},
    )


def _joined(noted: list[AccessNote]) -> list[AccessNote]:
    """Return one entry for each business: the first says what was done."""
    joined: dict[UUID | None, AccessNote] = {}
    for shown in noted:
        first = joined.get(shown.business_id)
        if first is None:
            joined[shown.business_id] = shown
            continue
        joined[shown.business_id] = AccessNote(
            first.action,
            first.business_id,
            tuple(sorted({*first.subjects, *shown.subjects})),
            first.label or shown.label,
            first.object_id or shown.object_id,
            first.query or shown.query,
            count=max(first.count, shown.count),
        )
    return list(joined.values())
