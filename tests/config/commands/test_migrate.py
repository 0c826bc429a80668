"""Two migrations of one database at once: the second waits, and both succeed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import connections

from config.management.commands.migrate import locked_file, one_at_a_time
from tests.databases import ROOT, Database, environment, migrated
from tests.e2e import live


@pytest.mark.slow
def test_two_at_once_are_safe(tmp_path):
    database = Database.create(tmp_path)
    try:
        variables = environment(database, tmp_path)
        started = [
            subprocess.Popen(
                [sys.executable, "manage.py", "migrate", "--verbosity=0"],
                cwd=ROOT,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        printed = sorted(process.communicate(timeout=240)[0] for process in started)

        assert [process.returncode for process in started] == [0, 0], printed
        assert printed[0] == ""
        assert "Another migrate of this database runs" in printed[1]
        done = live.Hub(database, tmp_path).manage("migrate", "--check")
        assert done.returncode == 0, done.stderr
    finally:
        database.drop()


@pytest.mark.slow
def test_the_lock_ends_with_the_process_that_held_it(tmp_path_factory, tmp_path):
    database = migrated(tmp_path_factory).copy(tmp_path)
    try:
        hub = live.Hub(database, tmp_path)
        hold = (
            "import django, time; django.setup();"
            "from config.management.commands.migrate import one_at_a_time;"
            "lock = one_at_a_time('default', say=print);"
            "lock.__enter__(); print('held', flush=True); time.sleep(600)"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", hold],
            cwd=ROOT,
            env=hub.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.communicate()

        done = hub.manage("migrate", "--verbosity=0")
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        database.drop()


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    settings = {**connections.settings["default"]}
    settings |= {"ENGINE": "django.db.backends.sqlite3"}
    settings |= {"NAME": str(tmp_path / "nowhere" / "hub.sqlite3"), "OPTIONS": {}}
    monkeypatch.setitem(connections.settings, "elsewhere", settings)
    lock = one_at_a_time("elsewhere", say=print)

    with pytest.raises(CommandError, match="Fix the path in DATABASE_URL"):
        lock.__enter__()
    with contextlib.suppress(AttributeError):
        del connections["elsewhere"]


def test_the_lock_lies_beside_the_file_that_it_is_for(monkeypatch, tmp_path):
    name = str(tmp_path / "hub.sqlite3")
    settings = {**connections.settings["default"], "NAME": name, "OPTIONS": {}}
    settings |= {"ENGINE": "django.db.backends.sqlite3"}
    monkeypatch.setitem(connections.settings, "elsewhere", settings)

    with one_at_a_time("elsewhere", say=print):
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["hub.sqlite3", "hub.sqlite3.migrate"]
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    with contextlib.suppress(AttributeError):
        del connections["elsewhere"]
    assert Path(name + ".migrate").read_bytes() == b""


def test_a_link_in_the_place_of_the_lock_is_refused(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    lock = tmp_path / "hub.sqlite3.migrate"
    lock.symlink_to(precious)

    with pytest.raises(CommandError), locked_file(lock, print):
        pass

    assert precious.read_text() == "kept"
