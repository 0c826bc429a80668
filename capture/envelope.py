"""Envelopes, with their identity, issues and results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from audit.json_text import JsonObject, JsonValue


@dataclass(frozen=True)
class Identity:
    """The identifiers in a message, as they were sent."""

    email: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None
    phone: str | None = None
    provider_customer_id: str | None = None


@dataclass(frozen=True)
class Issue:
    """Why a message cannot be taken: a code, where, and a sentence without values."""

    code: str
    pointer: str
    message: str


@dataclass(frozen=True)
class Envelope:
    """One parsed message. `body` is what came, secrets redacted.

    `fields` has values under our names, and `sent_as` the key of each in the message.
    `text` is a message that could not be parsed, `raw` the exact bytes of a signed one.
    """

    adapter: str
    type: str
    trust: str
    received_at: datetime
    identity: Identity
    fields: JsonObject
    body: JsonValue
    sent_as: dict[str, str] = field(default_factory=dict)
    position: int = 0
    key_id: UUID | None = None
    name: str | None = None
    schema_version: int = 1
    message_id: str | None = None
    timestamp: object = None
    sent_at: object = None
    clock_trusted: bool = False
    text: str | None = None
    raw: bytes | None = None
    raw_signature: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    attempt: int | None = None
    gpc: bool | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    issue: Issue | None = None
    replay_of: UUID | None = None
    corrects: UUID | None = None


@dataclass(frozen=True)
class IngestResult:
    """The result of one message; `items` has one for each item of a batch."""

    position: int
    status: str
    capture_id: UUID | None = None
    quarantine_id: UUID | None = None
    customer_id: UUID | None = None
    message_id: str | None = None
    code: str | None = None
    pointer: str | None = None
    detail: str | None = None
    warnings: list[str] = field(default_factory=list)
    items: list[IngestResult] = field(default_factory=list)
