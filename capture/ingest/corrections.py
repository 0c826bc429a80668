"""Corrections: new captures that refer to the corrected one, which never changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import log
from audit.ids import uuid7
from audit.json_text import JsonObject, JsonValue
from audit.tenancy.actors import Actor
from capture.adapters.values import DOES_NOT_FIT
from capture.choices import IngestStatus
from capture.envelope import Envelope
from capture.ingest.envelopes import build_envelope
from capture.ingest.fitting import sentence_for
from capture.ingest.pipeline import ingest
from capture.ingest.projections import read_stored
from capture.models import Capture, Source
from capture.parsing import ParseError, parse_body, payload_text, read_payload


@transaction.atomic
def correct_capture(
    capture: Capture,
    changes: dict[str, object],
    *,
    actor: Actor,
    reason: str,
) -> Capture:
    """Record a correction of captured values: a new capture that names the old one.

    `changes` are keys of the message and what they should say. The new record holds the
    old and new value of each, the reason and the person; the projections show the
    corrected value. The captured record itself is never touched. Raises
    ValidationError without a reason, without a change, or for a value that does not
    fit or is not taken; then nothing is saved, not even the event. One transaction.
    """
    actor.require_perm(capture.business_id, "capture.correct_capture")
    if not reason.strip():
        msg = _("Write why the value is corrected.")
        raise ValidationError(msg, code="required")
    source = Source.objects.select_related("business").get(pk=capture.source_id)
    body = current_payload(capture)
    former = {key: body.get(key) for key in changes}
    if former == changes:
        msg = _("Nothing differs from what stands.")
        raise ValidationError(msg, code="unchanged")
    corrected = {**body, **changes}
    envelope = _correction(_corrected(capture), corrected, source)
    _check_fit(envelope, changes)
    note = {"former": former, "changed": changes, "reason": reason}
    envelope = replace(envelope, body={**envelope.body, "correction": note})
    result = ingest([envelope], source=source, actor=actor)[0]
    if result.status != IngestStatus.ACCEPTED or result.capture_id is None:
        nothing = _("The correction was not taken. Nothing has changed.")
        msg = result.detail or nothing
        raise ValidationError(msg, code=result.code or "invalid")
    log.record(
        "capture.corrected",
        capture,
        actor=actor,
        business_id=capture.business_id,
        reason=reason,
        subjects=[result.customer_id] if result.customer_id else [],
    )
    return Capture.objects.get(pk=result.capture_id)


def _correction(capture: Capture, body: dict[str, object], source: Source) -> Envelope:
    try:
        parsed = parse_body(payload_text(body).encode())
    except ParseError as error:
        raise ValidationError(error.message, code=error.code) from error
    envelope = build_envelope(
        parsed.value,
        partial(read_stored, capture),
        capture.type,
        {
            "adapter": "correction",
            "business_id": source.business_id,
            "trust": capture.trust,
            "received_at": timezone.now(),
            "corrects": capture.pk,
        },
    )
    if envelope.issue is not None:
        raise ValidationError(
            f"{envelope.issue.pointer}: {envelope.issue.message}",
            code=envelope.issue.code,
        )
    return replace(
        envelope,
        # Of its own: one made from the content would be that of the captured message.
        message_id=f"correction:{uuid7()}",
        timestamp=capture.occurred_at.isoformat(),
        clock_trusted=True,
    )


def _corrected(capture: Capture) -> Capture:
    """Return the capture that came, for one of its corrections as well."""
    if capture.corrects_id is None:
        return capture
    return Capture.objects.get(pk=capture.corrects_id)


def _check_fit(envelope: Envelope, changes: Iterable[str]) -> None:
    """Raise ValidationError for a changed value that its column cannot have.

    What a program sent is noted and captured; a person can be told to mend it.
    """
    keys = {f"/{key}" for key in changes}
    for code, pointer in envelope.warnings:
        if code == DOES_NOT_FIT and f"/{pointer.split('/')[1]}" in keys:
            # In the words of the API: the message is JSON.
            msg = f"{pointer}: {sentence_for(pointer)}"
            raise ValidationError(msg, code=code)


def corrections_of(capture_id: UUID) -> list[Capture]:
    """Return the corrections of a capture, the newest first."""
    corrections = Capture.objects.filter(corrects_id=capture_id)
    return list(corrections.order_by("-received_at", "-pk"))


def current_payload(capture: Capture) -> JsonObject:
    """Return the message as corrections left it."""
    newest = next(iter(corrections_of(capture.corrects_id or capture.pk)), capture)
    body = read_payload(newest.payload)
    return {k: v for k, v in body.items() if k != "correction"}


def correction_note(correction: Capture) -> JsonObject:
    """Return what a correction says of itself: former and new values, the reason."""
    note = read_payload(correction.payload).get("correction", {})
    return note if isinstance(note, dict) else {}


def read_value(text: str) -> JsonValue:
    """Return the value of JSON text. Raises ValueError for anything else."""
    try:
        return parse_body(text.encode()).value
    except ParseError as error:
        raise ValueError(error.message) from error


def write_value(value: object) -> str:
    """Return a value as JSON, with the digits it came in."""
    return payload_text(value)
