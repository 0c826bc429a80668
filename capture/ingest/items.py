"""One message on its way through the pipeline, and the key by which it is the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Self
from uuid import UUID

from audit.emails import normal_form
from capture.choices import IngestStatus, Trust
from capture.envelope import Envelope, Issue
from capture.ingest.projections import ParsedCapture
from capture.models import Capture

INTERNAL = Issue("internal_error", "", "This is our fault. The item is kept.")


class MessageKey(NamedTuple):
    """By what messages of one source are the same: those of pages have ids apart."""

    is_page: bool
    message_id: str

    @classmethod
    def of(cls, trust: str, message_id: str) -> Self:
        """Return the key of a message."""
        return cls(trust == Trust.BROWSER, message_id)


@dataclass
class IngestItem:
    """One message in the pipeline."""

    position: int
    envelope: Envelope
    capture: Capture | None = None
    issue: Issue | None = None
    status: str = IngestStatus.ACCEPTED
    capture_id: UUID | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def parsed(self) -> ParsedCapture:
        """The capture and its fields."""
        capture, envelope = capture_of(self), self.envelope
        typed = envelope.identity.email
        email = normal_form("NFKC", typed) if typed else None
        return ParsedCapture(
            capture, envelope.fields, capture.facts, capture.received_at, email
        )


def capture_of(item: IngestItem) -> Capture:
    """Return the capture of an item that has one; others are a mistake of ours."""
    if item.capture is None:
        raise AssertionError
    return item.capture


def key_of(item: IngestItem) -> MessageKey:
    """Return by what the capture of an item is the same as another one."""
    capture = capture_of(item)
    return MessageKey.of(capture.trust, capture.message_id)
