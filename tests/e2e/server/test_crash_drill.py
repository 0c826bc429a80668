"""The server is killed while clients send: what was acknowledged is there, once."""

from __future__ import annotations

import http.client
import itertools
import json
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Database
from tests.e2e import live

pytestmark = pytest.mark.e2e
KILLS = 3
CLIENTS = 4
# Between two kills the server works for this long, and takes so many messages.
SECONDS = 3
MESSAGES = 60


@pytest.fixture
def drilled(template: Database, tmp_path: Path) -> Iterator[live.Hub]:
    """A hub of its own, which may be killed."""
    with live.running(template, tmp_path) as running:
        yield running


class Sender(threading.Thread):
    """Sends messages with ids of its own, each until it is acknowledged."""

    def __init__(self, shop: live.Shop, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.shop, self.number, self.stop = shop, number, stop
        self.made = itertools.count(number * 1_000_000)
        self.sent: list[str] = []
        self.acknowledged: list[str] = []
        self.failures = 0
        self.refused: list[Any] = []

    def run(self) -> None:
        turn = 0
        while not self.stop.is_set():
            turn += 1
            items = [self._item() for _ in range(1 if turn % 3 else 6)]
            self.sent += [item["message_id"] for item in items]
            while not self._is_taken(items):
                self.failures += 1
                time.sleep(0.05)

    def _item(self) -> dict[str, Any]:
        n = next(self.made)
        kinds = ("payment", "signup", "event", "dashboard", "profile")
        return {
            "type": kinds[n % 5],
            # Some people are known to every client, and met by all at once.
            "email": f"person{n % 17}@example.org",
            "user_id": f"u-{n % 17}",
            "message_id": f"m-{n}",
            "transaction_id": f"t-{n // 10}",
            "payment_status": "completed",
            "final_price": "5.00",
            "currency": "EUR",
            "name": "Clicked",
            "dashboard_state": {"n": n},
        }

    def _is_taken(self, items: list[dict[str, Any]]) -> bool:
        path, body = "/api/v1/captures", json.dumps(items[0])
        if len(items) > 1:
            path, body = "/api/v1/captures/batch", json.dumps({"captures": items})
        try:
            answer = self.shop.post(path, body.encode())
            told = answer.json()
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return False
        if answer.status != 200:
            if answer.status != 503:
                self.refused.append((answer.status, told))
            return False
        for item, result in zip(items, told.get("results", [told]), strict=True):
            if result["status"] in ("accepted", "duplicate"):
                self.acknowledged.append(item["message_id"])
            else:
                self.refused.append(result)
        return True


def wait_for_more(senders: list[Sender]) -> None:
    """Return in the midst of the traffic, after some of it was acknowledged."""
    begin, before = time.monotonic(), sum(len(s.acknowledged) for s in senders)
    while sum(len(s.acknowledged) for s in senders) < before + MESSAGES:
        assert time.monotonic() - begin < 60, "The server takes no messages."
        time.sleep(0.01)
    time.sleep(max(0, begin + SECONDS - time.monotonic()))


def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(drilled, capsys):
    shop = drilled.open_shops(1)[0]
    stop = threading.Event()
    senders = [Sender(shop, n, stop) for n in range(CLIENTS)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        wait_for_more(senders)
        drilled.server.kill()
        drilled.server.start()
    wait_for_more(senders)
    stop.set()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive()

    sent = {pk for sender in senders for pk in sender.sent}
    acknowledged = [pk for sender in senders for pk in sender.acknowledged]
    failures = sum(sender.failures for sender in senders)
    stored = [pk for (pk,) in shop.rows("capture_capture", "message_id")]
    repeated = shop.count("capture_sighting")
    with capsys.disabled():
        sys.stdout.write(
            f"\n{drilled.database.engine}: {len(sent)} sent, {len(acknowledged)} "
            f"acknowledged, {len(stored)} stored, {repeated} repeats, "
            f"{failures} failed tries, {KILLS} kills\n"
        )

    assert [sender.refused for sender in senders] == [[]] * CLIENTS
    assert failures >= KILLS, "Nobody was sending when the server died."
    assert len(stored) == len(set(stored))
    assert len(acknowledged) == len(set(acknowledged))
    assert set(acknowledged) == set(stored) == sent
    assert_whole(drilled, shop)


def assert_whole(hub, shop):
    """Assert that no capture stands there half processed."""
    unlinked = hub.database.rows(
        "SELECT c.id FROM capture_capture c "
        "LEFT JOIN capture_capturelink l ON l.capture_id = c.id WHERE l.id IS NULL"
    )
    assert unlinked == []
    assert shop.count("customers_customer") == 17
    checked = hub.manage("rebuild_projections", "--check")
    assert checked.stdout == "0 differences.\n", checked.stdout + checked.stderr
    if hub.database.is_sqlite:
        with closing(sqlite3.connect(hub.database.name)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
