"""A client that sends a capture every tenth of a second, and notes each answer."""

from __future__ import annotations

import http.client
import math
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import UUID

from tests.e2e import live

_EVERY = 0.1
# As many may wait for their answers at once.
_SENDERS = 20


@dataclass
class Sent:
    """One capture: its id, what it was answered, and after how many seconds."""

    message_id: str
    status: int
    seconds: float


@dataclass
class Journal:
    """Sends while it is open; open-loop, so that a slow answer delays no other."""

    shop: live.Shop
    name: str
    sent: list[Sent] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: int = 0
    _began: float = 0.0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, daemon=True) for _ in range(_SENDERS)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                turn, self._turn = self._turn, self._turn + 1
            due = self._began + turn * _EVERY
            if self._stop.wait(max(due - time.monotonic(), 0)):
                return
            self.sent.append(self._send(f"{self.name}-{turn}", due))

    def _send(self, message_id: str, due: float) -> Sent:
        body = {
            "type": "event",
            "name": "drill",
            "email": f"{message_id}@example.org",
            "message_id": message_id,
        }
        try:
            status = self.shop.post("/api/v1/captures", body).status
        except (OSError, http.client.HTTPException):
            status = 0
        return Sent(message_id, status, time.monotonic() - due)

    # --- what came of it ----------------------------------------------------------

    @property
    def slowest(self) -> float:
        """The 99th percentile of the answers, in seconds."""
        times = sorted(sent.seconds for sent in self.sent)
        return times[math.ceil(len(times) * 0.99) - 1] if times else 0.0

    @property
    def refused(self) -> list[Sent]:
        """What got no 2xx."""
        return [sent for sent in self.sent if not 200 <= sent.status < 300]

    def lost(self) -> set[str]:
        """Return what was acknowledged and is not stored."""
        rows = self.shop.hub.database.rows(
            "SELECT message_id FROM capture_capture WHERE business_id = ?",
            UUID(self.shop.business),
        )
        kept = {message_id for (message_id,) in rows}
        return {s.message_id for s in self.sent if 200 <= s.status < 300} - kept


def told(journal: Journal) -> str:
    """Return one line for the report."""
    return (
        f"{journal.name:16} {len(journal.sent):6} captures, p99 "
        f"{journal.slowest:6.3f} s, {len(journal.refused)} refused, "
        f"{len(journal.lost())} lost"
    )
