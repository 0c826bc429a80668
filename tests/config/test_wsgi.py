"""The server does not start on a database whose guards were tampered with."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.databases import migrated

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def run(database: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"],
        "HOLDFAST_NO_BOOTSTRAP": "1",
        "HOLDFAST_DEBUG": "true",
        "DATABASE_URL": f"sqlite:///{database}",
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_trigger_stops_the_start_and_migrate_mends_it(
    tmp_path, tmp_path_factory
):
    database = tmp_path / "hub.sqlite3"
    shutil.copyfile(migrated(tmp_path_factory).name, database)
    assert [started.returncode for started in start(database)] == [0, 0]

    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TRIGGER holdfast_delete_customers_credit")

    for refused in start(database):
        assert refused.returncode != 0
        assert "customers_credit is missing" in refused.stderr
        assert "manage.py migrate" in refused.stderr

    assert run(database, "manage.py", "migrate").returncode == 0
    assert [started.returncode for started in start(database)] == [0, 0]


def start(database: Path) -> list[subprocess.CompletedProcess[str]]:
    """Load the application as both kinds of server do."""
    return [run(database, "-c", f"import config.{name}") for name in ("wsgi", "asgi")]
