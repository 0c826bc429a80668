"""The people of the tests, and what each test may rely on.

Alice works for the bakery, Bob for the bakery with fewer rights, Charlie for a rival.
"""

from __future__ import annotations

import gc
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import cache
from html import unescape
from typing import Any

import pytest
from argon2 import PasswordHasher
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connection, connections, transaction
from django.test import Client, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from audit import clock as clock_module
from audit.accounts import mails, pin_hashes, pins
from audit.accounts.session_store import SessionStore
from audit.admin.zoned_times import offset_of
from audit.database.guards import install_guards, remove_guards
from audit.models import Grant, PinCredential, User
from audit.tenancy.actors import Actor, OperationContext
from customers.models import Business
from tests.databases import (
    delete_rows,
    drop_databases,
    filled_tables,
    migrated,
    rows_of,
    take_copy,
)
from tests.factories import (
    BusinessFactory,
    GrantFactory,
    MembershipFactory,
    PinCredentialFactory,
    UserFactory,
)
from tests.factories.audit import PIN
from tests.failures import FailuresAtOnce

# A busy machine is no failure: nothing here is a test of speed.
hypothesis_settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("suite")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Report failures at once, except in a worker, which has no terminal."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(terminal))


def pytest_collection_finish() -> None:
    """Collect garbage seldom: what all tests share costs a tenth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """The database of this worker: a copy of the one that the run has migrated."""
    template = migrated(tmp_path_factory)
    before = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        take_copy(template)
        TransactionTestCase.first_rows = rows_of(filled_tables())
    yield
    with django_db_blocker.unblock():
        connection.creation.destroy_test_db(before, verbosity=0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Drop the databases that workers copy, once none needs them."""
    if not hasattr(session.config, "workerinput"):
        drop_databases(session.config._tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def module_rows(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let fixtures of a module make rows; each of its tests undoes what it does itself.

    The transaction of a test becomes a savepoint in this one, so no test of the module
    may be transactional.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


REAL_HASHER = pin_hashes._HASHER
_original_teardown = TransactionTestCase._fixture_teardown


def _teardown_without_guards(self: TransactionTestCase) -> None:
    # The guards refuse the flush between tests, as they should.
    remove_guards("default")
    try:
        # TRUNCATE of every table takes half a second on PostgreSQL.
        if not delete_rows(self.first_rows):
            _original_teardown(self)
    finally:
        install_guards("default")


TransactionTestCase._fixture_teardown = _teardown_without_guards  # type: ignore[method-assign]


class Now:
    """A timer that has run by the time it is started."""

    def __init__(self, _seconds: float, act: Any, args: Any) -> None:
        self.act, self.args = act, args

    def start(self) -> None:
        self.act(*self.args)


@pytest.fixture(scope="session", autouse=True)
def mails_at_once() -> Iterator[None]:
    """Send mails with the commit, so that none goes out during a later test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mails, "Timer", Now)
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_pins() -> Iterator[None]:
    """Hash PINs as cheaply as tests.settings lets passwords be hashed.

    Rules on PINs are pure functions, so each PIN is looked at once.
    """
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    rules = tuple((code, text, cache(rule)) for code, text, rule in pins._RULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pin_hashes, "_HASHER", hasher)
        patch.setattr(pins, "_RULES", rules)
        yield


@pytest.fixture
def real_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash PINs as in production."""
    monkeypatch.setattr(pin_hashes, "_HASHER", REAL_HASHER)


@pytest.fixture
def actor(db: None) -> Actor:
    """Somebody who may act in every business."""
    return Actor.system("test")


@pytest.fixture
def bakery(db: None) -> Business:
    return BusinessFactory(slug="bakery", name="Bakery")


@pytest.fixture
def rival(db: None) -> Business:
    return BusinessFactory(slug="rival", name="Rival")


def staff(business: Business, role: str = "admin", **kwargs: Any) -> User:
    """Return somebody who works for the business in this role."""
    user: User = UserFactory(**kwargs)
    MembershipFactory(user=user, business=business, role=role)
    return user


def signed_in(user: User) -> Client:
    """Return a browser in which the user has signed in."""
    client = Client()
    # As `force_login`, which makes two sessions and deletes one.
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    client.user = user  # type: ignore[attr-defined]  # set at run time, not on the type
    return client


def enrol(client: Client) -> None:
    """Set a PIN for whoever has signed in here, unless there is one."""
    user: User = client.user  # type: ignore[attr-defined]  # set by signed_in
    if not PinCredential.objects.filter(user=user).exclude(hash="").exists():
        PinCredentialFactory(user=user)


def confirm(client: Client, scope: str, digest: str | None = None) -> Grant:
    """Confirm a scope in the session of this browser, as its person does."""
    enrol(client)
    user = User.objects.get(pk=client.user.pk)  # type: ignore[attr-defined]  # set by signed_in
    key = client.session.session_key
    return GrantFactory(user=user, scope=scope, digest=digest, session=key)


def post_confirmed(client: Client, path: str, data: Any, **options: Any) -> Any:
    """Post a form and, when a page asks for it, the PIN."""
    enrol(client)
    asked = client.post(path, data)
    if "carried" not in (asked.context or {}):
        return asked
    code = {
        asked.context["carried_name"]: asked.context["carried"],
        asked.context["code_name"]: PIN,
    }
    return client.post(path, code, **options)


def search(client: Client, path: str, text: str) -> Any:
    """Search a list as its form does, and return the page that shows what it has."""
    return client.post(path, {"q": text}, follow=True)


def actor_of(user: User) -> Actor:
    """Return the actor that a request of the user would have."""
    return Actor.from_user(user, OperationContext(via="admin", route="/test"))


def form_data(client: Client, path: str, **changes: Any) -> dict[str, Any]:
    """Return what a browser would post from a page, with changes."""
    page = client.get(path)
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    data: dict[str, Any] = {}
    with timezone.override(page.wsgi_request.zone):
        for form in forms:
            data |= drawn_data(form)
    return data | changes


def drawn_data(form: Any) -> dict[str, Any]:
    """Return what a browser would post from a form that a page has drawn."""
    data: dict[str, Any] = {}
    for field in form:
        value = field.value()
        drawn = _DRAWN.get(field.widget_type)
        if drawn is not None:
            data |= drawn(field)
        elif value is True:
            is_tick = field.widget_type == "checkbox"
            data[field.html_name] = "on" if is_tick else "true"
        elif value is not None and value is not False:
            data[field.html_name] = str(value)
        if hasattr(value, "isoformat"):
            data |= _drawn_moment(field, value)
        if isinstance(value, list) and drawn is None:
            # Of a form that came back: a date and a time, as they were typed.
            typed = {f"{field.html_name}_{n}": one for n, one in enumerate(value)}
            data |= {name: one for name, one in typed.items() if one is not None}
        # What the form carries of the value that it was drawn with.
        for name, before in _INITIAL.findall(str(field)):
            data[name] = unescape(before)
    return data


def _drawn_moment(field: Any, value: Any) -> dict[str, Any]:
    which = ""
    if getattr(value, "tzinfo", None):
        which = offset_of(value)
        value = timezone.localtime(value)
    return {
        f"{field.html_name}_0": value.strftime("%Y-%m-%d"),
        f"{field.html_name}_1": value.strftime("%H:%M:%S"),
        **({f"{field.html_name}_2": which} if which else {}),
    }


def _drawn_ticks(field: Any) -> dict[str, Any]:
    return {field.html_name: field.value()}


def _drawn_cells(field: Any) -> dict[str, Any]:
    return {name: unescape(text) for name, text in _CELL.findall(str(field))}


# What a browser posts of inputs that are several of one name, or of many names.
_DRAWN = {"checklist": _drawn_ticks, "linestable": _drawn_cells}
_CELL = re.compile(r'<input type="\w+" name="([^"]+)" value="([^"]*)"')
_INITIAL = re.compile(
    r'<input type="hidden" name="(initial-[^"]+)"(?: value="([^"]*)")?'
)


@pytest.fixture
def alice(bakery: Business) -> Client:
    """Runs the bakery: an admin."""
    return signed_in(staff(bakery, username="alice"))


@pytest.fixture
def bob(bakery: Business) -> Client:
    """Works for the bakery and may only look: an auditor."""
    return signed_in(staff(bakery, "auditor", username="bob"))


@pytest.fixture
def charlie(rival: Business) -> Client:
    """Runs the rival."""
    return signed_in(staff(rival, username="charlie"))


@pytest.fixture
def owner(db: None) -> Client:
    """The platform's owner: a superuser."""
    return signed_in(UserFactory(username="owner", is_superuser=True))


def in_parallel(call: Callable[[], Any], times: int) -> list[Any]:
    """Return what a call gives or raises in so many threads that start together."""
    found: list[Any] = []
    barrier = threading.Barrier(times)

    def run() -> None:
        try:
            barrier.wait()
            found.append(call())
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.fixture
def at_once(tmp_path, monkeypatch) -> Callable[..., list[Any]]:
    """Run a function in threads, each with a connection of its own.

    A database in memory has one; it is copied into a file for the threads.
    """
    copy = tmp_path / "copy.sqlite3"

    def run(act: Callable[[], Any], times: int = 8) -> list[Any]:
        if connection.vendor == "sqlite" and not copy.exists():
            connection.ensure_connection()
            with closing(sqlite3.connect(copy)) as target:
                connection.connection.backup(target)
                # As a database in use is; several at once cannot turn it so.
                target.execute("PRAGMA journal_mode=WAL")
            monkeypatch.setitem(connections.settings["default"], "NAME", str(copy))
        return in_parallel(act, times)

    return run


class Clock:
    """The time of day as Python and the database tell it; stands still until moved.

    With it stands the clock that nobody can set: time that passes moves both, a jump
    only the time of day.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.start = self.now = timezone.now().replace(microsecond=0)
        self.boot, self.uptime_us = "a start", 10**6
        patch.setattr(clock_module, "_jumps", clock_module._Jumps())
        patch.setattr(clock_module, "uptime", lambda: (self.boot, self.uptime_us))
        patch.setattr(timezone, "now", lambda: self.now)
        patch.setattr(time, "time", lambda: timezone.now().timestamp())
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            # The second time replaces a function of ours, and only then SQLite prepares
            # anew what it knows already: statements that call its own.
            for _ in range(2):
                connection.connection.create_function("strftime", 2, _strftime)
        self._tell_database()

    def __call__(self, **passed: float) -> None:
        """Let so many `hours`, `minutes` and so on pass; less than none is a jump."""
        self.uptime_us += max(timedelta(**passed) // timedelta(microseconds=1), 0)
        self.jump(**passed)

    def jump(self, **jumped: float) -> None:
        """Set it ahead by so many `hours`, `days` and so on, or back."""
        self.now += timedelta(**jumped)
        self._tell_database()

    def restart(self) -> None:
        """Start the host anew: only the time of day goes on."""
        self.boot, self.uptime_us = f"{self.boot}, another", 10**6

    def _tell_database(self) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(_POSTGRESQL_CLOCK)
                cursor.execute(
                    "SELECT set_config('test.now', %s, false)", [self.now.isoformat()]
                )

    def let_go(self) -> None:
        """Give the database its own clock back."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "RESET search_path; DROP SCHEMA IF EXISTS test_clock CASCADE"
                )


# It comes before the one of the system, because the path names that one's schema later.
_POSTGRESQL_CLOCK = """
CREATE SCHEMA IF NOT EXISTS test_clock;
CREATE OR REPLACE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz
    LANGUAGE sql VOLATILE AS $$ SELECT current_setting('test.now')::timestamptz $$;
SET search_path = test_clock, public, pg_catalog;
"""


def _strftime(form: str, when: str) -> str:
    """Tell SQLite the time that Python has, in the forms that are asked for."""
    assert when == "NOW"
    at = timezone.now()
    form = form.replace("%s", str(int(at.timestamp())))
    return at.strftime(form.replace("%f", f"%S.{at.microsecond // 1000:03}"))


@pytest.fixture
def clock(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The wall clock of Python and of this connection: `clock(hours=-1)` moves it."""
    made = Clock(monkeypatch)
    yield made
    made.let_go()


@pytest.fixture
def assert_flat() -> Callable[..., None]:
    """Assert that a call takes as many queries after growing the data as before."""

    def check(*, call: Callable[[], Any], grow: Callable[[], Any]) -> None:
        call()  # warm caches: content types, permissions
        with CaptureQueriesContext(
            connection,
        ) as before:
            call()
        grow()
        with CaptureQueriesContext(connection) as after:
            call()
        grown = [query["sql"][:300] for query in after.captured_queries]
        assert len(after) == len(before), "\n".join(grown)

    return check
