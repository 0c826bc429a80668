"""What every reader of a wire format returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.json_text import JsonObject
from capture.envelope import Identity, Issue


@dataclass(frozen=True)
class Item:
    """One message in our words. `type` is None where the route says it."""

    identity: Identity
    fields: JsonObject = field(default_factory=dict)
    sent_as: dict[str, str] = field(default_factory=dict)
    message_id: str | None = None
    timestamp: object = None
    sent_at: object = None
    issue: Issue | None = None
    type: str | None = None
    name: str | None = None
    clock_trusted: bool = False
    ip: str | None = None
    user_agent: str | None = None
    attempt: int | None = None
    gpc: bool | None = None
    # Of optional values that are not read.
    warnings: tuple[tuple[str, str], ...] = ()
