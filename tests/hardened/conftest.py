"""A hardened database of its own: the suite's would show its tests no rows."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
import psycopg
import pytest
from django.db import connections
from psycopg import sql

from audit.models import User
from customers.models import Business
from tests.conftest import signed_in, staff
from tests.databases import copied
from tests.e2e import live
from tests.factories import BusinessFactory

POOL = {"min_size": 1, "max_size": 2, "timeout": 10}


@dataclass
class Hardened:
    """A hardened database, and the two roles that use it."""

    owner_url: str
    role: str
    role_url: str


@contextlib.contextmanager
def serving(url: str, **options: Any) -> Iterator[None]:
    """Let `default` be another database, in every thread."""
    settings = connections.settings
    ours, given = connections["default"], settings["default"]
    parts = environ.Env.db_url_config(url)
    settings["default"] = {**given, **parts, "OPTIONS": options}
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()
        if options:
            connections["default"].close_pool()
        settings["default"], connections["default"] = given, ours


def _may_make_roles(url: str) -> bool:
    with psycopg.connect(url) as connection:
        query = "SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user"
        row = connection.execute(query).fetchone()
        return bool(row and row[0])


@pytest.fixture(scope="session")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hardened]:
    """Made by the commands that an operator runs."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        pytest.skip("SQLite has no row-level security.")
    if not _may_make_roles(url):
        pytest.skip("The role of DATABASE_URL may not make roles; give it CREATEROLE.")
    folder: Path = tmp_path_factory.mktemp("hardened")
    role, password = f"holdfast_app_{secrets.token_hex(4)}", secrets.token_hex(16)
    (folder / "password").write_text(password)
    try:
        with copied(tmp_path_factory, folder) as database:
            done = live.Hub(database, folder).manage(
                "harden_database",
                f"--role={role}",
                f"--password-file={folder / 'password'}",
            )
            assert done.returncode == 0, done.stderr
            assert password not in done.stdout
            parts = urlsplit(database.url)
            place = f"{role}:{password}@{parts.hostname}:{parts.port}"
            role_url = parts._replace(netloc=place).geturl()
            yield Hardened(database.url, role, role_url)
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            name = sql.Identifier(role)
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))


@pytest.fixture
def runtime(
    hardened: Hardened, settings: Any, django_db_blocker: Any
) -> Iterator[None]:
    """Everything here runs as the role that the application serves as."""
    settings.HARDENED = True
    with django_db_blocker.unblock(), serving(hardened.role_url):
        yield


@pytest.fixture
def as_owner(
    hardened: Hardened, settings: Any, django_db_blocker: Any
) -> Iterator[None]:
    """Everything here runs as the owner of the tables."""
    settings.HARDENED = True
    with django_db_blocker.unblock(), serving(hardened.owner_url):
        yield


@pytest.fixture
def ours(runtime: None) -> Business:
    return BusinessFactory()


@pytest.fixture
def theirs(runtime: None) -> Business:
    return BusinessFactory()


@pytest.fixture
def baker(ours: Business) -> User:
    """Works for our business and may do everything there."""
    return staff(ours, password="a long and silent password")


@pytest.fixture
def browser(baker: User) -> Any:
    return signed_in(baker)
