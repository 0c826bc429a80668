"""A database that is locked, full, read-only or away is 503 at every address.

Real outages of real databases, in this process: the settings are those of a server, and
only the waiting is shorter. A request may wait for its database once.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, connections
from django.db.utils import Error
from django.test import Client

from capture.models import ApiKey
from config import startup
from config.backends import waiting
from tests.conftest import signed_in
from tests.contract.doors import doors, path_of
from tests.databases import Database, copied
from tests.factories import ApiKeyFactory, UserFactory
from tests.long import IS_LONG, sample

WAIT = 0.02
PROGRAMS = ("/api/", "/v1/", "/beacon/", "/readyz")
pytestmark = pytest.mark.slow
# What stands for a row in a route, and words that a route knows.
ROWS = ("object_id", "pk", "customer", "endpoint_id", "version_id")
WORDS = {"act": "discard", "kind": "payment", "version": "1"}


@contextlib.contextmanager
def serving(url: str, pool_wait: float = 5, **options: Any) -> Iterator[None]:
    """Let this thread's connection be that of a server, to another database."""
    from config import env  # noqa: PLC0415 - as the settings read it

    outer, settings = connections["default"], connections.settings["default"]
    other = copy.deepcopy(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OUTAGE_URL", url)
        read = env.database("OUTAGE_URL", "")
        for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
            other[name] = read.get(name, "")
        is_sqlite = url.startswith("sqlite")
        engine = "sqlite3" if is_sqlite else "postgresql"
        other["ENGINE"] = f"config.backends.{engine}"
        other["OPTIONS"] = (
            dict(settings["OPTIONS"]) if is_sqlite == (outer.vendor == "sqlite") else {}
        )
        patch.setitem(connections.settings, "default", other)
        del connections["default"]
        startup.answer_in_time()
        other["OPTIONS"] |= options
        if not is_sqlite:
            other["OPTIONS"]["pool"] |= {"timeout": pool_wait, "num_workers": 1}
        patch.setattr(waiting, "breaker", waiting.Breaker())
        try:
            yield
        finally:
            connection.close()
            if not is_sqlite:
                connections["default"].close_pool()
            connections["default"] = outer


@pytest.fixture(scope="module")
def office(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("outages")
    with copied(tmp_path_factory, folder) as database, django_db_blocker.unblock():
        with serving(database.url):
            owner = signed_in(UserFactory(is_superuser=True))
            key: ApiKey = ApiKeyFactory(
                kind="secret", scopes=["write", "read:captures"]
            )
            found = Office(database, folder, owner, key.prefix)
        yield found


class Office:
    """A database of its own, the owner's browser, and a server with a key."""

    def __init__(
        self, database: Database, folder: Path, owner: Client, key: str
    ) -> None:
        self.database, self.folder, self.key = database, folder, key
        self.cookies = owner.cookies

    def callers(self, door: Any) -> list[Client]:
        """Return who comes to a door: a browser, and a server where keys are taken."""
        browser = Client(raise_request_exception=False)
        browser.cookies.update(self.cookies)
        program = Client(
            raise_request_exception=False,
            # An origin is looked up once more, after the answer.
            headers={
                "Authorization": f"Bearer {self.key}",
                "Origin": "https://shop.example",
            },
        )
        return [browser] if door.is_admin else [browser, program]


# --- the outages ----------------------------------------------------------------


@contextlib.contextmanager
def locked(office: Office) -> Iterator[tuple[str, dict[str, Any]]]:
    """Another program writes, and does not end."""
    if office.database.is_sqlite:
        with contextlib.closing(sqlite3.connect(office.database.name)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield office.database.url, {"timeout": WAIT}
            other.rollback()
        return
    options = {"options": f"-c lock_timeout={WAIT * 1000:.0f}"}
    with psycopg.connect(office.database.url) as other:
        other.execute("LOCK TABLE audit_ratelimitbucket, audit_user, capture_apikey")
        yield office.database.url, options
        other.rollback()


@contextlib.contextmanager
def read_only(office: Office) -> Iterator[tuple[str, dict[str, Any]]]:
    """It only reads, as after a failover."""
    if office.database.is_sqlite:
        yield office.database.url, {"init_command": "PRAGMA query_only=ON"}
    else:
        yield (
            office.database.url,
            {"options": "-c default_transaction_read_only=on"},
        )


@contextlib.contextmanager
def full(office: Office) -> Iterator[tuple[str, dict[str, Any]]]:
    """There is no room for another page, or for another connection."""
    if office.database.is_sqlite:
        with contextlib.closing(sqlite3.connect(office.database.name)) as other:
            (pages,) = other.execute("PRAGMA page_count").fetchone()
            (free,) = other.execute("PRAGMA freelist_count").fetchone()
        assert free == 0
        yield office.database.url, {"init_command": f"PRAGMA max_page_count={pages}"}
        return
    name = office.database.name
    with psycopg.connect(office.database.url, autocommit=True) as held:
        held.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 1")
        yield office.database.url, {"pool_wait": WAIT}
        held.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")


@contextlib.contextmanager
def absent(office: Office) -> Iterator[tuple[str, dict[str, Any]]]:
    """The file is gone, or no server listens."""
    if office.database.is_sqlite:
        gone = office.folder / "gone.sqlite3"
        yield f"sqlite:///{gone}", {}
        assert not gone.exists()
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        # Bound and not listening: connections are refused.
        url = f"postgresql://u:p@127.0.0.1:{probe.getsockname()[1]}/x"
        yield url, {"pool_wait": WAIT}


@contextlib.contextmanager
def silent(_: Office) -> Iterator[tuple[str, dict[str, Any]]]:
    """A server takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql://u:p@127.0.0.1:{server.getsockname()[1]}/x"
        yield url, {"pool_wait": WAIT}


OUTAGES = [locked, read_only, full, absent, silent]
# Outages in which nothing can be asked at all, so that no address may know better.
TOTAL = {absent, silent}


@pytest.fixture
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@contextlib.contextmanager
def counted_failures() -> Iterator[list[str]]:
    """Note each time that the database was asked, or a connection, in vain."""
    failures: list[str] = []
    wrapper: Any = connections["default"]
    get = wrapper.get_new_connection

    def connecting(*arguments: Any) -> Any:
        try:
            return get(*arguments)
        except Exception as error:
            failures.append(repr(error))
            raise

    def executing(execute: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return execute(*arguments)
        except Error as error:
            # SQLite has rolled back already where there was no room.
            if arguments[0].startswith("ROLLBACK"):
                raise
            failures.append(f"{arguments[0][:100]}: {error!r}")
            raise

    wrapper.get_new_connection = connecting
    # Outside of what looks at SQLite's lock again and again, which is one wait.
    names = [getattr(each, "__name__", "") for each in wrapper.execute_wrappers]
    place = names.index("_look_often") if "_look_often" in names else len(names)
    wrapper.execute_wrappers.insert(place, executing)
    yield failures
    wrapper.get_new_connection = get
    wrapper.execute_wrappers.remove(executing)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.__name__)
def test_every_address_says_503_and_when_to_come_again(
    office, quiet, settings, outage, method
):
    # A full database still counts requests; one browser asks at every address here.
    settings.STAFF_RATES = dict.fromkeys(settings.STAFF_RATES, (100_000, 100_000))
    wrong, seen = {}, Counter()
    with outage(office) as (url, options), serving(url, **options):
        for door in sample(doors(), 10, start=OUTAGES.index(outage)):
            for caller in office.callers(door):
                path = path_of(door.route, WORDS | dict.fromkeys(ROWS, str(uuid4())))
                with counted_failures() as failures:
                    answer = caller.generic(method, path, b"{}", "application/json")
                seen[answer.status_code] += 1
                if problem := fault(answer, path, failures, outage):
                    wrong[f"{method} {path}"] = (answer.status_code, problem, failures)

    lines = [
        f"{len(wrong)} of {seen.total()}",
        *(f"{k}: {v}" for k, v in wrong.items()),
    ]
    assert wrong == {}, "\n".join(lines)
    assert seen[503] > 100 if IS_LONG else seen[503] > 10, seen


def fault(answer: Any, path: str, failures: list[str], outage: Any) -> str:
    """Return what is wrong with an answer during an outage; empty if nothing is."""
    if len(failures) > 1:
        return "waited twice"
    if answer.status_code == 503:
        if not answer.get("Retry-After"):
            return "no Retry-After"
        is_page = answer["Content-Type"].startswith("text/html")
        if is_page == path.startswith(PROGRAMS):
            return "the wrong form"
        return (
            ""
            if "nosniff" in answer.headers.get("X-Content-Type-Options", "")
            else "bare"
        )
    if answer.status_code >= 500:
        return "a fault"
    # Whether there is such a method, or such a path, is known without the database.
    is_known = answer.status_code == 405 or path in ("/api/", "/v1/")
    # Keys do not decide, whichever they are.
    is_known |= answer.status_code == 403 and path.endswith("/discard")
    return "it knew better" if outage in TOTAL and failures and not is_known else ""
