"""Who waits for the one lock of SQLite, how often they look, and how long."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections

from config.backends.sqlite3.base import DatabaseWrapper
from config.backends.waiting import once

WAIT_SECONDS = 1.5


@pytest.fixture
def wrapper(tmp_path, django_db_blocker) -> Iterator[DatabaseWrapper]:
    """A connection as a server has it, to a file of its own."""
    path = tmp_path / "hub.sqlite3"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE t (x)")
    given: dict[str, Any] = {
        **connections.configure_settings({"default": {}})["default"],
        "ENGINE": "config.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": WAIT_SECONDS},
    }
    made = DatabaseWrapper(given, "of its own")
    made.inc_thread_sharing()
    with django_db_blocker.unblock():
        yield made
        made.close()


@contextmanager
def taken_again_and_again(wrapper: DatabaseWrapper) -> Iterator[None]:
    """Hold the lock but for 40 ms of each 100: after those in which SQLite looks.

    SQLite itself looks at 328, 428, 528, ... milliseconds.
    """
    path = Path(wrapper.settings_dict["NAME"])
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        raw = sqlite3.connect(path, timeout=5, isolation_level=None)
        raw.execute("BEGIN IMMEDIATE")
        is_held.set()
        time.sleep(0.35)
        while not is_over.is_set():
            raw.execute("ROLLBACK")
            time.sleep(0.04)
            raw.execute("BEGIN IMMEDIATE")
            time.sleep(0.06)
        raw.close()

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait()
    try:
        yield
    finally:
        is_over.set()
        holder.join()


@pytest.mark.parametrize(
    "sql", ["BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)"], ids=["atomic", "autocommit"]
)
def test_a_request_gets_the_lock_in_the_first_gap(wrapper, sql):
    with taken_again_and_again(wrapper), once(), wrapper.cursor() as cursor:
        started = time.monotonic()
        cursor.execute(sql)
        waited = time.monotonic() - started
        wrapper.connection.rollback()

    assert waited < 1


@pytest.mark.parametrize("sql", ["BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)"])
def test_a_lock_that_nobody_lets_go_is_waited_for_once(wrapper, sql):
    raw = sqlite3.connect(wrapper.settings_dict["NAME"], isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")

    with once(), wrapper.cursor() as cursor:
        started = time.monotonic()
        with pytest.raises(OperationalError, match="locked"):
            cursor.execute(sql)
        waited = time.monotonic() - started
        with pytest.raises(OperationalError, match="failed before"):
            cursor.execute(sql)

    raw.close()
    assert WAIT_SECONDS - 0.1 < waited < WAIT_SECONDS + 0.5


def test_afterwards_the_connection_waits_as_long_as_before(wrapper):
    with once(), wrapper.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("INSERT INTO t VALUES (1)")
        wrapper.connection.commit()
        (wait,) = cursor.execute("PRAGMA busy_timeout").fetchone()

    assert wait == WAIT_SECONDS * 1000
