"""What `serve` hands to gunicorn."""

from __future__ import annotations

import os

import pytest
from django.core.management import CommandError, call_command
from django.db import connection


@pytest.fixture
def started(db, monkeypatch) -> list[list[str]]:
    """Collect the command lines instead of becoming the server."""
    found: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, line: found.append(line))
    monkeypatch.setattr("config.management.commands.serve.require_ready", lambda: None)
    # A test keeps the connection that its rows stand in.
    monkeypatch.setattr(
        "config.management.commands.serve.connections.close_all", lambda: None
    )
    monkeypatch.setattr(os, "environ", dict(os.environ))
    return found


def test_there_are_threads_for_those_who_work_and_those_who_wait(started):
    call_command("serve")

    (line,) = started
    workers = 1 if connection.vendor == "sqlite" else 2
    assert f"--workers={workers}" in line
    assert "--threads=71" in line
    assert "--bind=127.0.0.1:8000" in line
    assert os.environ["HOLDFAST_THREADS"] == "6"


def test_the_threads_of_the_command_are_those_of_its_processes(started):
    call_command("serve", threads=12)

    assert f"--threads={(12 + 1) * 9 + 8}" in started[0]
    assert os.environ["HOLDFAST_THREADS"] == "12"


def test_too_few_threads_are_refused(started):
    with pytest.raises(CommandError, match="Raise --threads"):
        call_command("serve", threads=1)
    assert started == []


def test_sqlite_has_one_process(started):
    if connection.vendor != "sqlite":
        call_command("serve", workers=3)
        assert "--workers=3" in started[0]
        return
    with pytest.raises(CommandError, match="one process"):
        call_command("serve", workers=2)
    assert started == []
