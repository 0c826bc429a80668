"""The server does not start on a database whose guards were tampered with."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.databases import Database, environment, migrated

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(tmp_path_factory, tmp_path) -> Iterator[Database]:
    copy = migrated(tmp_path_factory).copy(tmp_path)
    yield copy
    copy.drop()


def test_a_missing_trigger_stops_the_start_and_migrate_mends_it(database, tmp_path):
    env = environment(database, tmp_path)

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    def start() -> list[subprocess.CompletedProcess[str]]:
        """Load the application as both kinds of server do."""
        return [run("-c", f"import config.{name}") for name in ("wsgi", "asgi")]

    assert [started.returncode for started in start()] == [0, 0]

    drop_guard(database)

    for refused in start():
        assert refused.returncode != 0
        assert "customers_credit is missing" in refused.stderr
        assert "manage.py migrate" in refused.stderr

    assert run("manage.py", "migrate").returncode == 0
    assert [started.returncode for started in start()] == [0, 0]


def drop_guard(database: Database) -> None:
    """Take away what refuses to delete a credit, as its owner could."""
    if database.is_sqlite:
        with closing(sqlite3.connect(database.name)) as connection:
            connection.execute("DROP TRIGGER holdfast_delete_customers_credit")
    else:
        with psycopg.connect(database.url) as connection:
            connection.execute("DROP TRIGGER holdfast_guard ON customers_credit")
