"""UUIDs: version 7 (RFC 9562) is the primary key of every table."""

from __future__ import annotations

import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def uuid7() -> UUID:
    """Return a new UUIDv7, greater than every one this process made before.

    The twelve bits after the millisecond hold its fraction (RFC 9562, method 3), so
    that rows of one process sort in the order they were made.
    """
    global _last  # noqa: PLW0603 - the counter is the process's own
    with _lock:
        _last = max(time.time_ns() * 4096 // 1_000_000, _last + 1)
        ticks = _last
    millisecond, fraction = divmod(ticks, 4096)
    return UUID(
        int=millisecond << 80
        | 7 << 76
        | fraction << 64
        | 2 << 62
        | secrets.randbits(62)
    )


def parse_uuid(text: str) -> UUID | None:
    """Return the UUID that a text is, in whichever spelling; None if it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
