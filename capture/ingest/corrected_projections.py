"""Putting a correction in the place of what came, in every projection."""

from __future__ import annotations

from capture.ingest.identity import LinkResult
from capture.ingest.projections import (
    TYPED,
    ParsedCapture,
    last_seen,
    parse_capture,
    project,
    write_over,
)
from capture.models import Capture, CaptureLink


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
        if capture.type in TYPED:
            seen = last_seen([capture.pk]).get(capture.pk)
            write_over(TYPED[capture.type], [project(item, owner, seen)])
        result.append(item)
    return result
