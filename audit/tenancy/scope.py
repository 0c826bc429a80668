"""Which businesses the SQL of this context may reach: the second lock, on PostgreSQL.

The first lock is the filter of every queryset. This one stands in the database, as a
policy of each table, and holds when a filter is forgotten. Commands, migrations and
shells reach everything; a request reaches nothing until it is known who asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

ALL, NOTHING = "*", ""
# As the policies read it: `*`, or ids with commas between them.
_reach: ContextVar[str] = ContextVar("holdfast_reach", default=ALL)
_is_request: ContextVar[bool] = ContextVar("holdfast_is_request", default=False)

# May refuse to run in a transaction, and needs no row within reach. Everything that is
# not named here is told.
_ROWLESS = re.compile(
    r"\A\s*(abort|alter|analyze|begin|checkpoint|cluster|comment|commit|create|drop|end|"
    r"grant|listen|notify|reindex|reset|revoke|rollback|set|show|start|truncate|"
    r"unlisten|vacuum)\b",
    re.IGNORECASE,
)
_ROLLBACK = re.compile(r"\A\s*rollback\b", re.IGNORECASE)
_SET_SCOPE = "SELECT pg_catalog.set_config('holdfast.businesses', %s, true)"
# No parameter of the protocol: only then two statements travel together.
_BEGIN_IN_SCOPE = "BEGIN; SELECT pg_catalog.set_config('holdfast.businesses', {}, true)"
_T = TypeVar("_T")


@contextmanager
def tenant_scope(business_ids: Iterable[UUID] | None) -> Iterator[None]:
    """Let the SQL inside reach the rows of these businesses; None: of all of them.

    Evaluate querysets inside: one that is read later is read within the reach of
    that moment. Blocks may be nested, and stand inside or around a transaction.
    """
    token = _reach.set(_as_setting(business_ids))
    try:
        yield
    finally:
        _reach.reset(token)


@contextmanager
def extend_tenant_scope(business_id: UUID | None) -> Iterator[None]:
    """Let the SQL inside reach this business too, and nothing more than that.

    For rows of the trail: they are written for any actor, also before one is known.
    """
    within = _reach.get()
    if business_id is None or within == ALL or str(business_id) in within.split(","):
        yield
        return
    ids = [UUID(text) for text in within.split(",") if text]
    with tenant_scope([*ids, business_id]):
        yield


@contextmanager
def request_tenant_scope() -> Iterator[None]:
    """Begin a request, which reaches nothing until `set_tenant_scope`, and end it."""
    outside, before = _is_request.get(), _reach.get()
    _is_request.set(True)
    _reach.set(NOTHING)
    try:
        yield
    finally:
        # Set, not reset: a server may end a request in another context.
        _is_request.set(outside)
        _reach.set(before)


def set_tenant_scope(business_ids: Iterable[UUID] | None) -> None:
    """Let the rest of this request reach these businesses; None: all of them.

    Called once it is known who asks. Does nothing outside of requests, where
    everything is within reach already.
    """
    if _is_request.get():
        _reach.set(_as_setting(business_ids))


def keep_tenant_scope(parts: Iterable[_T]) -> Iterator[_T]:
    """Yield parts that are made later within what is reached now.

    A streamed answer is made after the request has ended.
    """
    scope = _reach.get()
    iterator = iter(parts)
    while True:
        token = _reach.set(scope)
        try:
            part = next(iterator)
        except StopIteration:
            return
        finally:
            _reach.reset(token)
        yield part


def _as_setting(business_ids: Iterable[UUID] | None) -> str:
    if business_ids is None:
        return ALL
    # Nothing but an id may get here, least of all a star.
    return ",".join(sorted(str(UUID(str(key))) for key in business_ids))


class RowSecurityWrapper:
    """Sets the tenant scope on PostgreSQL, in each transaction before its queries.

    Wraps every statement of one connection. The setting is local to its transaction:
    whoever gets the connection from the pool next, or reads without being told, sees
    nothing. `sent_scope` is what the open transaction knows; None when that is
    uncertain.
    """

    def __init__(self) -> None:
        self.sent_scope: str | None = None

    def __call__(
        self,
        execute: Callable[..., object],
        sql: object,
        params: object,
        many: bool,  # noqa: FBT001 - Django's signature
        context: dict[str, Any],
    ) -> object:
        connection = context["connection"]
        raw = connection.connection
        status = raw.info.transaction_status.name
        if status == "IDLE" and raw.autocommit:
            if isinstance(sql, str) and _ROWLESS.match(sql):
                self.sent_scope = None  # it may begin a transaction
                return execute(sql, params, many, context)
            return _alone(connection, lambda: execute(sql, params, many, context))
        scope = _reach.get()
        if status != "INERROR" and (status == "IDLE" or self.sent_scope != scope):
            with connection.wrap_database_errors:
                raw.execute(_SET_SCOPE, [scope])
            self.sent_scope = scope
        try:
            return execute(sql, params, many, context)
        finally:
            # Going back to a savepoint takes back what was told after it.
            if isinstance(sql, str) and _ROLLBACK.match(sql):
                self.sent_scope = None


def _alone(connection: BaseDatabaseWrapper, execute: Callable[[], object]) -> object:
    """Run a statement of autocommit in a transaction of its own."""
    from psycopg import Error, sql  # noqa: PLC0415 - only where PostgreSQL is

    raw = connection.connection
    with connection.wrap_database_errors:
        raw.execute(sql.SQL(_BEGIN_IN_SCOPE).format(sql.Literal(_reach.get())))
    try:
        result = execute()
    except BaseException:
        with suppress(Error):
            raw.rollback()
        raise
    with connection.wrap_database_errors:
        raw.commit()
    return result


def install_row_security(*, connection: BaseDatabaseWrapper, **_: object) -> None:
    """Receive `connection_created`: statements of a hardened database are wrapped."""
    if not (settings.HARDENED and connection.vendor == "postgresql"):
        return
    if not any(isinstance(w, RowSecurityWrapper) for w in connection.execute_wrappers):
        connection.execute_wrappers.append(RowSecurityWrapper())
