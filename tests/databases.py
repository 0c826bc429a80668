"""Databases of the tests: one is migrated in each run, all others are copies of it.

Migrating takes seconds of CPU, copying takes milliseconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Database:
    """A database of the engine that DATABASE_URL names; SQLite without it."""

    url: str

    @classmethod
    def create(cls, folder: Path) -> Database:
        """Make an empty one."""
        given = os.environ.get("DATABASE_URL", "")
        if not given.startswith("postgres"):
            return cls(f"sqlite:///{folder / f'{uuid4().hex}.sqlite3'}")
        name = f"holdfast_live_{uuid4().hex[:12]}"
        with psycopg.connect(given, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return cls(urlsplit(given)._replace(path=f"/{name}").geturl())

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @property
    def engine(self) -> str:
        return "SQLite" if self.is_sqlite else "PostgreSQL"

    @property
    def name(self) -> str:
        """The file of SQLite, or the name on the server."""
        path = urlsplit(self.url).path
        return path if self.is_sqlite else path.lstrip("/")

    def copy(self, folder: Path) -> Database:
        """Make another one with the same content; nobody may be connected."""
        if self.is_sqlite:
            other = Database(f"sqlite:///{folder / f'{uuid4().hex}.sqlite3'}")
            shutil.copyfile(self.name, other.name)
            return other
        name = f"holdfast_live_{uuid4().hex[:12]}"
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {self.name}")
        return Database(urlsplit(self.url)._replace(path=f"/{name}").geturl())

    def drop(self) -> None:
        if self.is_sqlite:
            for end in ("", "-wal", "-shm"):
                Path(self.name + end).unlink(missing_ok=True)
            return
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds; `?` stands for a value on both engines."""
        if not self.is_sqlite:
            with psycopg.connect(self.url) as connection:
                found = connection.execute(sql.replace("?", "%s"), values)
                return [tuple(row) for row in found.fetchall()]
        with contextlib.closing(sqlite3.connect(self.name, timeout=20)) as connection:
            found = connection.execute(sql, [_plain(value) for value in values])
            return [tuple(row) for row in found.fetchall()]


def _plain(value: Any) -> Any:
    return value.hex if isinstance(value, UUID) else value


def environment(database: Database, folder: Path) -> dict[str, str]:
    """Return the variables of a hub, and of this machine what Python needs."""
    plenty = "1000000/10000000"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
    return kept | {
        "DATABASE_URL": database.url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        # A busy machine is no outage.
        "HOLDFAST_DATABASE_WAIT_MS": "20000",
        "HOLDFAST_DEBUG": "true",
        "HOLDFAST_HTTPS": "false",
        "HOLDFAST_LOG_LEVEL": "warning",
        "HOLDFAST_MEDIA_ROOT": str(folder / "media"),
        "HOLDFAST_NO_BOOTSTRAP": "1",
        # A busy machine is no overload, unless a test means it.
        "HOLDFAST_QUEUE_SECONDS": "60",
        "HOLDFAST_RATE_ADDRESS": plenty,
        "HOLDFAST_RATE_LOGIN": plenty,
        "HOLDFAST_RATE_PUBLISHABLE": plenty,
        "HOLDFAST_RATE_SECRET": plenty,
        "HOLDFAST_RATE_STAFF": plenty,
        "HOLDFAST_RATE_STRANGER": plenty,
        "HOLDFAST_RATE_VISITOR": plenty,
        "HOLDFAST_SIGN_IN_NETWORK_TRIES": "1000000",
        "PYTHONUNBUFFERED": "1",
    }


def run_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the temporary folder that all workers of this run share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(
    factory: pytest.TempPathFactory,
    name: str,
    make: Callable[[Path], str],
    folder: Path | None = None,
) -> str:
    """Return a text of this run, which its first worker makes; the others wait.

    What is called `….url` is a database, which is dropped when the run ends, except in
    a folder that is given.
    """
    folder = folder or run_folder(factory)
    text = folder / name
    with text.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not text.exists():
            text.write_text(make(folder))
        return text.read_text()


def migrated(factory: pytest.TempPathFactory) -> Database:
    """Return the migrated database of this run, to copy; nobody connects to it.

    Runs with the same HOLDFAST_TEST_MIGRATED, a folder, share one and leave it there,
    until `migrate` would make another one.
    """
    shared = os.environ.get("HOLDFAST_TEST_MIGRATED")
    if not shared:
        return Database(once(factory, "migrated.url", _migrate))
    folder = Path(shared)
    folder.mkdir(parents=True, exist_ok=True)
    return Database(once(factory, f"migrated-{_inputs_hash()}.url", _migrate, folder))


def _inputs_hash() -> str:
    """Return a hash of what decides the migrated database: it changes with each."""
    files = [
        *ROOT.glob("*/migrations/*.py"),
        # The guards, which `migrate` installs, are made of these.
        *ROOT.glob("*/models/*.py"),
        *ROOT.glob("audit/database/**/*.py"),
        ROOT / "requirements/base.txt",
    ]
    found = hashlib.sha256(os.environ.get("DATABASE_URL", "").encode())
    for path in sorted(files):
        found.update(f"{path.relative_to(ROOT)}\n".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def drop_databases(folder: Path) -> None:
    """Take the databases of a run away that its workers have shared; after them all."""
    for url in folder.glob("*.url"):
        Database(url.read_text()).drop()
        url.unlink()


@contextlib.contextmanager
def copied(factory: pytest.TempPathFactory, folder: Path) -> Iterator[Database]:
    """Make a copy of the migrated database, and take it away afterwards."""
    database = migrated(factory).copy(folder)
    try:
        yield database
    finally:
        database.drop()


def take_copy(template: Database) -> None:
    """Make Django's test database a copy of a template; on SQLite it is in memory.

    What a run that was killed has left under its name is dropped first.
    """
    connection = connections["default"]
    if not template.is_sqlite:
        connection.settings_dict["TEST"]["TEMPLATE"] = template.name
    name = connection.creation._create_test_db(verbosity=0, autoclobber=True)
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
    connection.ensure_connection()
    if template.is_sqlite:
        with contextlib.closing(sqlite3.connect(template.name)) as source:
            source.backup(connection.connection)


def filled_tables() -> list[str]:
    """Return the tables of Django's test database that hold rows."""
    with connection.cursor() as cursor:
        tables = connection.introspection.django_table_names(only_existing=True)
        any_row = (f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM {t})" for t in tables)
        cursor.execute(" UNION ALL ".join(any_row))
        return [table for (table,) in cursor.fetchall()]


def rows_of(tables: Iterable[str]) -> dict[str, list[Any]]:
    """Return all rows of these tables."""
    rows = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
            rows[table] = cursor.fetchall()
    return rows


def delete_rows(first: dict[str, list[Any]]) -> bool:
    """Empty all tables but these; False if their own rows have changed."""
    if rows_of(first) != first:
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        for table in set(filled_tables()) - first.keys():
            cursor.execute(f"DELETE FROM {table}")
    return True


def _migrate(folder: Path) -> str:
    database = Database.create(folder)
    # In a process of its own: the states of the models stay out of this one's memory.
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        cwd=ROOT,
        env=environment(database, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        database.drop()
        pytest.fail(done.stderr)
    return database.url
