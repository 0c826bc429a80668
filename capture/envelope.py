"""What an adapter hands on: one message in our words, not yet judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Identity:
    """Whom a message is about, as given."""

    email: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    previous_id: str | None = None
    phone: str | None = None


@dataclass(frozen=True)
class Problem:
    """Why a message cannot be taken: a code, where, and a sentence without values."""

    code: str
    pointer: str
    message: str


@dataclass(frozen=True)
class Envelope:
    """One message. `body` is what came, secrets redacted; `fields` are our names.

    `sent_as` tells for each of our names the key under which it came.
    """

    adapter: str
    type: str
    trust: str
    received_at: datetime
    identity: Identity
    fields: dict[str, Any]
    body: dict[str, Any]
    sent_as: dict[str, str] = field(default_factory=dict)
    index: int = 0
    key_id: UUID | None = None
    name: str | None = None
    schema_version: int = 1
    message_id: str | None = None
    timestamp: Any = None
    sent_at: Any = None
    ip: str | None = None
    user_agent: str | None = None
    attempt: int | None = None
    gpc: bool | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Verdict:
    """What became of one message."""

    index: int
    status: str
    capture_id: UUID
    customer_id: UUID | None = None
    warnings: list[str] = field(default_factory=list)
