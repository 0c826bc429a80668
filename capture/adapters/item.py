"""What every reader of a wire format returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from capture.envelope import Identity, Issue


@dataclass(frozen=True)
class Item:
    """One message in our words. `type` is None where the route says it."""

    identity: Identity
    fields: dict[str, Any]
    sent_as: dict[str, str]
    message_id: str | None
    timestamp: Any
    sent_at: Any
    issue: Issue | None
    type: str | None = None
    name: str | None = None
    clock_trusted: bool = False
    consent: dict[str, Any] | None = None
    ip: str | None = None
    user_agent: str | None = None
    attempt: int | None = None
    gpc: bool | None = None
