"""Quarantined items that are taken after all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.actors import Actor
from capture.choices import CaptureType, Decision, Status
from capture.envelope import Envelope, Verdict
from capture.models import Capture, Quarantine, QuarantineDecision, Source
from capture.services.ingest import ingest
from capture.services.quarantining import decide, read_item
from capture.services.reading import build_again


@transaction.atomic
def replay_quarantined(
    row: Quarantine,
    *,
    actor: Actor,
    text: str | None = None,
    reason: str | None = None,
) -> Verdict:
    """Take a quarantined item as it is, or as `text` corrects it; the original stays.

    The capture has the item's own arrival time and message id, or `replay:<id>` when
    that id is taken. Repeating a replay returns the same capture. The verdict says
    what is still wrong; then nothing was decided. Raises ValidationError for text that
    is no JSON.
    """
    actor.require(row.business_id, "capture.replay_quarantine")
    done = QuarantineDecision.objects.filter(
        quarantine=row, decision=Decision.REPLAYED
    ).first()
    if done is not None:
        return Verdict(0, Status.DUPLICATE, capture_id=done.capture_id)
    source = Source.objects.select_related("business").get(pk=row.source_id)
    item = read_item(row, text)
    found = build_again(
        row.adapter,
        row.type or CaptureType.EVENT,
        item,
        source,
        trust=row.trust,
        key_id=row.key_id,
        received_at=row.received_at,
        replay_of=row.pk,
    )
    envelopes = [_free(envelope, row, source) for envelope in found]
    if envelopes[0].problem is not None:
        problem = envelopes[0].problem
        return Verdict(
            0,
            Status.QUARANTINED,
            quarantine_id=row.pk,
            code=problem.code,
            pointer=problem.pointer,
            detail=problem.message,
        )
    verdict = ingest(envelopes, source=source, actor=actor)[0]
    if verdict.status in (Status.ACCEPTED, Status.DUPLICATE):
        decide(row, Decision.REPLAYED, verdict.capture_id, actor=actor, reason=reason)
    return verdict


def replay_all(rows: Any, *, actor: Actor, reason: str | None = None) -> int:
    """Replay many items, each on its own; return how many were taken."""
    verdicts = []
    for row in rows:
        try:
            verdicts.append(replay_quarantined(row, actor=actor, reason=reason))
        except ValidationError:
            continue
    return sum(v.status in (Status.ACCEPTED, Status.DUPLICATE) for v in verdicts)


def _free(envelope: Envelope, row: Quarantine, source: Source) -> Envelope:
    taken = (
        envelope.message_id
        and Capture.objects.filter(
            business=source.business_id, source=source, message_id=row.message_id
        ).exists()
    )
    if envelope.message_id and not taken:
        return envelope
    return replace(envelope, message_id=f"replay:{row.pk}")
