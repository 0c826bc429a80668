"""Putting a correction in the place of what came, in every projection."""

from __future__ import annotations

from capture.ingest.identity import LinkResult, links_of
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
    corrections = {
        item.capture.corrects_id: item.capture
        for item in parsed
        if item.capture.corrects_id is not None
    }
    if not corrections:
        return []
    captures = Capture.objects.filter(pk__in=list(corrections))
    # Who loses a capture: figures are theirs too, until they are computed again.
    linked.touched |= {pk for pk in links_of(corrections).values() if pk is not None}
    result = []
    for capture in captures:
        correction = corrections[capture.pk]
        item = parse_capture(capture, correction)
        owner = linked.customers[correction.pk]
        CaptureLink.objects.filter(capture=capture).update(
            customer=owner, review=linked.reviews.get(correction.pk)
        )
        linked.customers[capture.pk] = owner
        if capture.type in TYPED:
            seen = last_seen([capture.pk]).get(capture.pk)
            write_over(TYPED[capture.type], [project(item, owner, seen)])
        result.append(item)
    return result
