"""A database that cannot be used is named with its cause, by every command."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import DatabaseError, ProgrammingError

from config.database_errors import explain
from tests.e2e.live import free_port

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("DATABASE_URL", "")
on_a_server = pytest.mark.skipif(
    not SERVER.startswith("postgres"), reason="SQLite has no server to sign in to."
)


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ("database disk image is malformed", "put back the last backup"),
        ("file is not a database", "move that file away"),
        ("database or disk is full", "Free some space"),
        ("attempt to write a readonly database", "Fix the rights of the file"),
        (
            'connection failed: connection to server at "db" failed: FATAL:  sorry, '
            "too many clients already",
            "Raise max_connections",
        ),
        ("failed to resolve host 'db': [Errno -2]", "Fix the host"),
        ("connection failed: FATAL:  the database system is starting up", "Wait until"),
    ],
)
def test_each_cause_has_its_fix(message, fix):
    sentence = explain(DatabaseError(message))

    assert sentence is not None
    assert fix in sentence
    assert "\n" not in sentence


def test_a_fault_of_ours_is_not_explained_away():
    assert explain(ProgrammingError('column "role" does not exist')) is None


def command(url: str, *arguments: str) -> tuple[int, str]:
    process = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOLDFAST_NO_BOOTSTRAP": "1",
            "HOLDFAST_DEBUG": "true",
            "DATABASE_URL": url,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return process.returncode, process.stdout


def cut_file(folder: Path) -> str:
    """Return a SQLite file of which the end is missing."""
    path = folder / "cut.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    path.write_bytes(path.read_bytes()[:20_000])
    return f"sqlite:///{path}"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["serve", "migrate", "maintain"])
def test_every_command_says_it_in_one_line(tmp_path, name):
    nobody = f"postgresql://x:x@127.0.0.1:{free_port()}/x"

    for url, fix in ((cut_file(tmp_path), "is damaged"), (nobody, "Start the server")):
        status, output = command(url, name)

        assert (status, output.count("\n")) == (1, 1), output
        assert fix in output


def is_trusting(url: str) -> bool:
    """Return whether the server lets somebody in who has a wrong password."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.slow
@on_a_server
@pytest.mark.parametrize("name", ["serve", "migrate"])
def test_a_server_that_refuses_is_named_with_its_reason(name):
    parts = urlsplit(SERVER)
    role = f"holdfast_one_{secrets.token_hex(4)}"
    place = f"{parts.hostname}:{parts.port}"
    wrong = parts._replace(netloc=f"{parts.username}:wrong-{role}@{place}")
    missing = parts._replace(path="/holdfast_nowhere")
    single = parts._replace(netloc=f"{role}:{role}@{place}")
    with psycopg.connect(SERVER, autocommit=True) as connection:
        make = f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0 PASSWORD '{role}'"
        connection.execute(make)
        try:
            if is_trusting(wrong.geturl()):
                wrong = single  # This server asks nobody for a password.
            for url, fix in (
                (wrong, "Fix the user or the password|Raise max_connections"),
                (missing, "Make the database with createdb"),
                (single, "Raise max_connections"),
            ):
                status, output = command(url.geturl(), name)

                assert (status, output.count("\n")) == (1, 1), output
                assert re.search(fix, output)
                assert f"wrong-{role}" not in output
        finally:
            connection.execute(f"DROP ROLE {role}")
