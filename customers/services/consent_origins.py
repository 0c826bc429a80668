"""By what answers about contacting came: a page, a server, a file, staff."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple
from uuid import UUID

from customers.models import ConsentEvent

# A program is one that no capture names, such as a command.
PAGE, SERVER, WEBHOOK, STAFF, FILE, PROGRAM = ORIGINS = (
    "page",
    "server",
    "webhook",
    "staff",
    "file",
    "program",
)
_IMPORTED, _CAPTURED = "import", "captured"


class Origin(NamedTuple):
    """By what an answer came, one of ORIGINS, and the name of the source if any."""

    kind: str
    name: str = ""


_OriginSource = Callable[[Collection[UUID]], Mapping[UUID, Origin]]
_origin_sources: list[_OriginSource] = []


def register_origin_source(source: _OriginSource) -> None:
    """Add who knows where captures are from: a function of their ids."""
    _origin_sources.append(source)


def origins_of(events: Collection[ConsentEvent]) -> dict[UUID, Origin]:
    """Return by what each answer came; one statement, or none without captures."""
    ids = {event.capture_id for event in events if event.capture_id is not None}
    captured: dict[UUID, Origin] = {}
    for source in _origin_sources if ids else ():
        captured |= source(ids)
    return {event.pk: _origin_of(event, captured) for event in events}


def _origin_of(event: ConsentEvent, captured: Mapping[UUID, Origin]) -> Origin:
    if event.capture_id is not None and event.capture_id in captured:
        return captured[event.capture_id]
    if event.method == _IMPORTED:
        return Origin(FILE)
    if event.method == _CAPTURED or event.recorded_by_id is None:
        return Origin(PROGRAM)
    return Origin(STAFF)
