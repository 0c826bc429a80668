"""Twice as much as the hub can take, and a database that is held: answers in time.

Seconds are those of a busy machine; `bench.drills.overload` measures.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from bench.drills import overload
from tests.databases import Database
from tests.e2e import live
from tests.e2e.wire import Wire

pytestmark = pytest.mark.e2e
SECONDS = 6
# A request waits for the database for 1.5 seconds, and here for the processor.
IN_TIME = 2.5
ENTRANCES = [
    ("GET", "/admin/login/"),
    ("POST", "/admin/login/"),
    ("GET", "/admin/customers/customer/"),
    ("GET", "/api/v1/customers"),
    ("POST", "/api/v1/captures"),
    ("POST", "/v1/batch"),
]


@pytest.fixture
def served(template: Database, tmp_path: Path) -> Iterator[live.Hub]:
    """A hub of its own, which waits no longer than operators' do."""
    hub = live.Hub(template.copy(tmp_path), tmp_path)
    del hub.environment["HOLDFAST_QUEUE_SECONDS"]
    del hub.environment["HOLDFAST_DATABASE_WAIT_MS"]
    try:
        hub.server.start()
        yield hub
    finally:
        hub.server.kill()
        hub.database.drop()


def test_twice_the_load_is_shed_and_nothing_acknowledged_is_lost(served, capsys):
    target = overload.open_target(served)

    report = overload.drill(target, seconds=SECONDS)
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(report.lines()) + "\n")

    assert set(report.statuses) <= {200, 201, 429, 503}
    assert report.statuses[503] > 0, "It took all: the load was too small."
    assert report.silent == 0
    assert overload.at(report.accepted, 0.9) < 2 * IN_TIME
    assert set(report.page_statuses) == {200}
    assert overload.at(report.pages, 0.9) < 2 * IN_TIME
    assert report.idle_after < 10
    stored = {
        pk for (pk,) in served.database.rows("SELECT message_id FROM capture_capture")
    }
    assert set(report.acknowledged) <= stored


@contextlib.contextmanager
def held(database: Database) -> Iterator[None]:
    """Hold what each request writes to, as a long transaction of another program."""
    if database.is_sqlite:
        with contextlib.closing(sqlite3.connect(database.name, timeout=20)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.rollback()
        return
    with psycopg.connect(database.url) as other:
        other.execute("LOCK TABLE audit_ratelimitbucket")
        yield
        other.rollback()


def test_a_database_that_is_held_is_said_in_time_and_passes(served):
    target = overload.open_target(served)
    headers = {
        "cookie": target.cookie,
        "authorization": f"Bearer {target.key}",
        "content-type": "application/json",
    }
    with held(served.database):
        for method, path in ENTRANCES:
            began = time.monotonic()
            answer = live.request(target.port, method, path, b"{}", headers)
            assert time.monotonic() - began < IN_TIME, path
            assert (answer.status, path) == (503, path)
            assert answer.headers["Retry-After"], path
        assert live.request(target.port, "GET", "/healthz").status == 200
        if served.database.is_sqlite:
            ready = live.request(target.port, "GET", "/readyz")
            assert ready.status == 503
            assert ready.json()["checks"]["can_write"] == {"status": "failed"}

    for method, path in ENTRANCES:
        assert live.request(target.port, method, path, b"{}", headers).status < 500
    # The answer of a moment ago is told for a second.
    time.sleep(1.1)
    assert live.request(target.port, "GET", "/readyz").status == 200


def test_a_server_that_falls_silent_is_said_in_time_and_comes_back(served):
    if served.database.is_sqlite:
        pytest.skip("SQLite has no server that could fall silent.")
    target = overload.open_target(served)
    served.server.kill()
    there = urlsplit(served.database.url)
    wire = Wire(there.hostname or "", there.port or 5432)
    address = f"{there.username}:{there.password}@127.0.0.1:{wire.port}"
    served.server.environment |= {
        "DATABASE_URL": there._replace(netloc=address).geturl()
    }
    try:
        served.server.start()
        for silence in (True, False):
            # Connections that stay in the pool.
            for _ in range(4):
                assert ask_login(target)[0] == 200
            if silence:
                wire.fall_silent()
                for _ in range(6):
                    status, seconds, retry_after = ask_login(target)
                    assert (status, retry_after) == (503, "1")
                    assert seconds < IN_TIME
                ready = live.request(target.port, "GET", "/readyz")
                assert ready.json()["checks"]["database"] == {"status": "failed"}
                assert live.request(target.port, "GET", "/healthz").status == 200
                wire.speak()
            else:
                wire.cut()
            deadline = time.monotonic() + 10
            while ask_login(target)[0] != 200:
                assert time.monotonic() < deadline
                time.sleep(0.2)
    finally:
        wire.close()


def ask_login(target: overload.Target) -> tuple[int, float, str | None]:
    began = time.monotonic()
    answer = live.request(target.port, "GET", "/admin/login/")
    took = time.monotonic() - began
    return answer.status, took, answer.headers.get("Retry-After")
