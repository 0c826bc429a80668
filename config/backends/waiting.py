"""A request waits for its database once: what fails then stays failed until its end.

Around one view stand a dozen places that ask the database, and each would wait anew for
one that is locked or away. Commands and jobs are no requests: they wait each time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError

from audit.database.outages import gave_way, is_unavailable

# For so many seconds nobody tries again where nobody got through.
BREAK_SECONDS = 1.0
# They end what failed, and wait for nothing.
_ENDING = re.compile(r"\A\s*(rollback|release)\b", re.IGNORECASE)


@dataclass
class Waiting:
    """What one request knows of its database: the failure that ended its waiting."""

    failure: Exception | None = None


@dataclass
class Breaker:
    """What this process knows: when a connection was got last, and until when not."""

    connected_at: float = 0.0
    open_until: float = 0.0


breaker = Breaker()
_waiting: ContextVar[Waiting | None] = ContextVar("holdfast_waiting", default=None)
# Until when (monotonic) an answer of the server is awaited; None: as the server says.
_deadline: ContextVar[float | None] = ContextVar("holdfast_deadline", default=None)


class UnavailableError(OperationalError):
    """The database failed a moment ago; it was not asked again."""


@contextmanager
def once() -> Iterator[None]:
    """Let everything inside wait for the database once in all."""
    token = _waiting.set(Waiting())
    try:
        yield
    finally:
        _waiting.reset(token)


def is_in_request() -> bool:
    """Tell whether a request is served, which waits once and not for long."""
    return _waiting.get() is not None


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let no answer of PostgreSQL be awaited longer than this, whatever it says."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left() -> float | None:
    """Return how long an answer may be awaited here, at least a moment."""
    deadline = _deadline.get()
    return None if deadline is None else max(deadline - time.monotonic(), 0.01)


class WaitsOnce:
    """Mixed into a backend: a request whose database failed does not ask it again.

    Raises `UnavailableError` instead, also where another request has just waited in
    vain for a connection.
    """

    # Of the backend, as the stubs have it.
    wrap_database_errors: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers: list[Any] = [_execute]

    def connect(self) -> None:
        """Connect within DATABASE_WAIT_SECONDS, where that is bounded at all."""
        waiting = _waiting.get()
        if waiting is None:
            super().connect()  # type: ignore[misc]  # of the backend
            return
        _refuse_again(waiting)
        started = time.monotonic()
        if started < breaker.open_until:
            msg = "The database did not answer a moment ago."
            raise UnavailableError(msg)
        try:
            # Its own errors, as Django's: they are told apart here, further in.
            with self.wrap_database_errors, within(settings.DATABASE_WAIT_SECONDS):
                super().connect()  # type: ignore[misc]  # of the backend
        except (DatabaseError, InterfaceError) as error:
            if is_unavailable(error):
                waiting.failure = error
                # Where others get through, connections are short and nothing is away.
                if breaker.connected_at < started:
                    breaker.open_until = time.monotonic() + BREAK_SECONDS
            raise
        breaker.connected_at = time.monotonic()


def _execute(
    execute: Callable[..., object],
    sql: object,
    params: object,
    many: bool,  # noqa: FBT001 - Django's signature
    context: dict[str, object],
) -> object:
    waiting = _waiting.get()
    if waiting is None or (isinstance(sql, str) and _ENDING.match(sql)):
        return execute(sql, params, many, context)
    _refuse_again(waiting)
    try:
        return execute(sql, params, many, context)
    except (DatabaseError, InterfaceError) as error:
        if is_unavailable(error) and not gave_way(error):
            waiting.failure = error
        raise


def _refuse_again(waiting: Waiting) -> None:
    if waiting.failure is not None:
        msg = "The database failed before in this request."
        raise UnavailableError(msg) from waiting.failure
