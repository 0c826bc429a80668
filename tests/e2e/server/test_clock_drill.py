"""The clock of a real server is an hour behind, a day ahead, and right again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Database
from tests.e2e import live

# It stands between the server and the system's clock, and SQLite's is the same.
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
RATE = "5/20"
ANN, PASSWORD = "ann", "correct horse battery"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not LIBRARIES, reason="needs libfaketime"),
]


@pytest.fixture
def drilled(template: Database, tmp_path: Path) -> Iterator[live.Hub]:
    """A hub with narrow rates and one account; its server is not started yet."""
    if "sqlite" not in template.url:
        pytest.skip("PostgreSQL has a clock of its own.")
    hub = live.Hub(template.copy(tmp_path), tmp_path)
    rates = ("SECRET", "STRANGER", "VISITOR", "LOGIN", "STAFF")
    hub.server.environment = {
        **hub.environment,
        **{f"HOLDFAST_RATE_{name}": RATE for name in rates},
        "LD_PRELOAD": str(LIBRARIES[0]),
    }
    hub.environment["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    try:
        options = ("--noinput", f"--username={ANN}", "--email=ann@example.org")
        made = hub.manage("createsuperuser", *options)
        assert made.returncode == 0, made.stderr
        yield hub
    finally:
        hub.server.kill()
        hub.database.drop()


def start(hub: live.Hub, seconds: int) -> None:
    """Start the server again, with a clock so far ahead of ours, or behind."""
    hub.server.kill()
    hub.server.environment["FAKETIME"] = f"{seconds:+}s"
    hub.server.start()


def statuses(hub: live.Hub, shop: live.Shop) -> set[int]:
    """Send less than the quota, as a key, as nobody and as a visitor."""
    found = set()
    for n in range(10):
        event = {"type": "event", "name": "step", "user_id": "u1"}
        port = hub.server.port
        found.add(shop.post("/api/v1/captures", event).status)
        found.add(live.request(port, "POST", "/api/v1/captures", b"{}").status)
        found.add(live.request(port, "GET", "/admin/login/").status)
        time.sleep(0.2 * (n % 2))
    return found


def sign_in(hub: live.Hub, password: str = PASSWORD) -> int:
    body = json.dumps({"username": ANN, "password": password}).encode()
    kind = {"content-type": "application/json"}
    return live.request(
        hub.server.port, "POST", "/api/v1/auth/token", body, kind
    ).status


def test_quotas_stand_whatever_the_clock_does(drilled):
    shop = drilled.open_shops(1)[0]
    start(drilled, 0)
    usual = statuses(drilled, shop)
    assert usual == {200, 401}
    for seconds in (-3600, 86_400, 0):
        start(drilled, seconds)
        assert statuses(drilled, shop) == usual

    lines = drilled.server.log.read_text().splitlines()
    told = [line for line in lines if "lie ahead of the clock by" in line]
    # An hour back, and a day back: each of the two workers says so once at most.
    assert 2 <= len(told) <= 4
    assert drilled.server.faults() == []


def test_a_lock_of_the_day_ahead_ends_with_it(drilled):
    start(drilled, 86_400)
    assert sign_in(drilled) == 200
    answers = [sign_in(drilled, "wrong") for _ in range(11)]
    assert answers[-1] == 429
    assert sign_in(drilled) == 429

    start(drilled, 0)

    assert sign_in(drilled) == 200
