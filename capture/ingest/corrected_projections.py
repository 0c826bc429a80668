"""Putting a correction in the place of what came, in every projection."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from capture.ingest.identity import LinkResult
from capture.ingest.projections import (
    TYPED,
    ParsedCapture,
    last_seen,
    parse_capture,
    project,
)
from capture.models import Capture, CaptureLink

_UNCHANGED_COLUMNS = {"id", "ip_address", "user_agent", "created_at"}


def replace_corrected(
    parsed: list[ParsedCapture], linked: LinkResult
) -> list[ParsedCapture]:
    """Give the corrected captures their new customer and typed row.

    Returns the corrected captures, parsed again. Runs no query when there is no
    correction among the messages.
    """
    corrections = {t.capture.corrects_id: t.capture for t in parsed}
    corrections.pop(None, None)
    if not corrections:
        return []
    captures = Capture.objects.filter(pk__in=list(corrections))
    result = []
    for capture in captures:
        correction = corrections[capture.pk]
        item = parse_capture(capture, correction)
        owner = linked.customers[correction.pk]
        CaptureLink.objects.filter(capture=capture).update(customer=owner)
        linked.customers[capture.pk] = owner
        _rewrite(item, owner)
        result.append(item)
    return result


def _rewrite(item: ParsedCapture, owner: UUID | None) -> None:
    model: Any = TYPED.get(item.capture.type)
    if model is None:
        return
    seen = last_seen([item.capture.pk]).get(item.capture.pk)
    projection: Any = project(item, owner, seen)
    stored = model.objects.filter(capture=item.capture).first()
    if stored is None:
        projection.save()
        return
    for field in model._meta.fields:
        if field.name not in _UNCHANGED_COLUMNS:
            setattr(stored, field.attname, getattr(projection, field.attname))
    stored.save()
