"""Items that failed: stored in quarantine, and replayed or discarded."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit import log
from audit.crypto import hmac_hex
from audit.json_text import JsonValue
from audit.tenancy.actors import Actor
from capture.choices import Decision
from capture.envelope import Envelope, Issue
from capture.ingest.normalisation import read_time, storable, stored_message_id
from capture.models import Quarantine, QuarantineDecision, Sighting, Source
from capture.parsing import fingerprint, payload_text

# With Global Privacy Control, only the fact that an item came is stored.
_NOT_STORED = "consent_denied_record"
# The stages at which an item fails: `UNREAD` is text, of one item or of a whole body.
UNREAD, UNTAKEN = "parsing", "validation"


def quarantine(
    wrong: list[tuple[Envelope, Issue]], *, source: Source, actor: Actor
) -> list[UUID]:
    """Store items with their issues; return the id of each, in order.

    The same item with the same issue is stored once; its repeats are sightings. Runs in
    the caller's transaction.
    """
    if not wrong:
        return []
    candidates = [
        _build_quarantine(envelope, issue, source, actor) for envelope, issue in wrong
    ]
    first: dict[tuple[str, str], Quarantine] = {}
    for candidate in candidates:
        first.setdefault((candidate.fingerprint, candidate.code), candidate)
    ordered = [first[key] for key in sorted(first)]
    Quarantine.objects.bulk_create(ordered, ignore_conflicts=True)
    stored = Quarantine.objects.filter(
        source=source, fingerprint__in=[candidate.fingerprint for candidate in ordered]
    )
    ids = {(item_fingerprint, code): pk for item_fingerprint, code, pk in
           stored.values_list("fingerprint", "code", "pk")}  # fmt: skip
    stored_ids = [
        ids[candidate.fingerprint, candidate.code] for candidate in candidates
    ]
    Sighting.objects.bulk_create(
        [
            Sighting(
                business_id=source.business_id,
                source=source,
                quarantine_id=stored_id,
                key_id=candidate.key_id,
                operation_id=candidate.operation_id,
                message_id=candidate.message_id,
                received_at=candidate.received_at,
                sent_at=candidate.sent_at,
                attempt=envelope.attempt,
            )
            for candidate, stored_id, (envelope, _) in zip(
                candidates, stored_ids, wrong, strict=True
            )
            if stored_id != candidate.pk
        ]
    )
    return stored_ids


def _build_quarantine(
    envelope: Envelope, issue: Issue, source: Source, actor: Actor
) -> Quarantine:
    body = envelope.text if envelope.body is None else envelope.body
    item_fingerprint = hmac_hex(str(source.pk), fingerprint(body).hex())
    text = envelope.text
    if envelope.body is not None:
        text = payload_text(_with_gpc(envelope))
    is_stored = issue.code != _NOT_STORED
    return Quarantine(
        business_id=source.business_id,
        source=source,
        key_id=envelope.key_id,
        operation_id=actor.operation.id,
        position=envelope.position,
        adapter=envelope.adapter,
        trust=envelope.trust,
        type=envelope.type,
        stage=UNREAD if envelope.body is None else UNTAKEN,
        code=issue.code,
        message=issue.message[:300],
        message_id=stored_message_id(envelope, source),
        received_at=envelope.received_at,
        sent_at=read_time(envelope.sent_at),
        fingerprint=item_fingerprint,
        item=storable(text) if is_stored else None,
        raw=envelope.raw if is_stored else None,
        pointer=storable(issue.pointer)[:300] if is_stored else None,
    )


def _with_gpc(envelope: Envelope) -> JsonValue:
    """Return the item, with the wish not to be followed that may have been a header."""
    if envelope.gpc and isinstance(envelope.body, dict):
        return {**envelope.body, "gpc": True}
    return envelope.body


@transaction.atomic
def discard_quarantined(
    quarantined: Quarantine, *, actor: Actor, reason: str
) -> QuarantineDecision:
    """Decide that an item stays out. Raises ValidationError without a reason."""
    actor.require_perm(quarantined.business_id, "capture.discard_quarantine")
    if not reason.strip():
        msg = _("Write why the item is discarded.")
        raise ValidationError(msg, code="required")
    return decide(quarantined, Decision.DISCARDED, None, actor=actor, reason=reason)


def decide(
    quarantined: Quarantine,
    decision: str,
    capture_id: UUID | None,
    *,
    actor: Actor,
    reason: str | None,
) -> QuarantineDecision:
    """Write a decision and its event, in the caller's transaction."""
    log.record(
        f"quarantine.{decision}",
        quarantined,
        actor=actor,
        business_id=quarantined.business_id,
        code=quarantined.code,
        reason=reason,
    )
    return QuarantineDecision.objects.create(
        business_id=quarantined.business_id,
        quarantine=quarantined,
        decision=decision,
        capture_id=capture_id,
        decided_by_id=actor.user_id,
        operation_id=actor.operation.id,
        reason=reason,
    )
