"""The clock that stored times are compared with, and how far it is believed.

A wall clock can be wrong: an hour back, a day ahead, and right again. What was stored
meanwhile must not refuse or allow anything for as long as the error was. So whoever
compares a stored time with the present says how long such a thing lasts at most, and
one that would last longer was written by another clock. What refuses somebody carries a
second time as well, by the clock of the host that only runs on: both have to agree.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Func, Max, Model, Q, QuerySet
from django.db.models import functions as django_functions
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

logger = logging.getLogger(__name__)

_SqlAndParams: TypeAlias = tuple[str, tuple[Any, ...]]

# So much may the clocks of two hosts differ, or one be set back, without a jump.
SKEW = timedelta(minutes=1)
# Two clocks that are read one after the other differ by so much without a jump.
_APART = timedelta(seconds=1)
_MICRO = timedelta(microseconds=1)


class Now(django_functions.Now):
    """The time at which the database gets to the row, after every wait for a lock.

    A value computed in Python is as old as the wait was long, and Django's own `Now`
    is on PostgreSQL the beginning of the statement. Whole milliseconds on SQLite. Each
    mention is evaluated by itself on PostgreSQL, so two may differ by microseconds.
    """

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _SqlAndParams:
        """Return the SQL of the time at which it is evaluated."""
        return self.as_sql(
            compiler, connection, template="CLOCK_TIMESTAMP()", **context
        )


class NowMicroseconds(Func):
    """The same as `Now`, in whole microseconds since 1970."""

    output_field = BigIntegerField()
    template = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000000 AS BIGINT)"

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> _SqlAndParams:
        """Return the SQL; both parts tell one time, the beginning of the step."""
        template = (
            "(CAST(STRFTIME('%%%%s', 'NOW') AS INTEGER) * 1000000"
            " + CAST(SUBSTR(STRFTIME('%%%%f', 'NOW'), 4) AS INTEGER) * 1000)"
        )
        return self.as_sql(compiler, connection, template=template, **context)


def now() -> datetime:
    """Return the present, to compare stored times with; read it after taking a lock.

    Logs once in each process when the clock has jumped since the last reading.
    """
    moment = timezone.now()
    _watch(moment)
    return moment


def lasts(until: datetime | float, longest: timedelta) -> bool:
    """Tell whether something that ends then, and lasts `longest` at most, still lasts.

    `until` is a moment or seconds since 1970. What would last longer than it can was
    made by a clock that was ahead: it is over, and the jump is logged once.
    """
    at = now()
    if not isinstance(until, datetime):
        until = datetime.fromtimestamp(until, UTC)
    if until > at + longest + SKEW:
        log_ahead(until - longest, at)
        return False
    return at < until


def uptime() -> tuple[str, int] | None:
    """Return the name of the host's start, and the microseconds since then.

    This clock cannot be set and runs on while the host sleeps. All processes of a host
    share it, and a restart of the host begins another. None where the system has none.
    """
    boot = _boot()
    if not boot:
        return None
    return boot, time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def mark() -> str:
    """Return the present by `uptime`, to be stored beside it and given to `begun`."""
    up = uptime()
    return f"{up[0]}:{up[1]}" if up else ""


def begun(stored: datetime, mark: str) -> datetime | None:
    """Return since when something lasts that has stored its beginning, by this clock.

    Not what is stored but later or earlier when the clock was set since: of both clocks
    counts the one by which more time has passed, so that nobody waits for an error of
    one. The mark counts until the host starts anew, and on it alone. None for what was
    made by a clock ahead of this one: it is over.
    """
    at = now()
    if is_ahead(stored):
        return None
    up, (boot, _, us) = uptime(), mark.partition(":")
    if up is None or boot != up[0]:
        return stored
    by_uptime = at - (up[1] - int(us)) * _MICRO
    return by_uptime if by_uptime < stored - _APART else stored


def is_ahead(made_at: datetime) -> bool:
    """Tell whether something was made by a clock ahead of this one; logs it once."""
    at = now()
    if made_at <= at + SKEW:
        return False
    log_ahead(made_at, at)
    return True


def lasting(field: str, longest: timedelta) -> Q:
    """Return the condition that a column's time lasts still, as `lasts` tells it.

    For leases and claims: the database compares when it gets to the row. Negated, it
    finds what may be taken over, rows without a time too.
    """
    return Q(**{f"{field}__gt": Now(), f"{field}__lte": Now() + (longest + SKEW)})


def clamp(queryset: QuerySet[Model], field: str, longest: timedelta) -> int:
    """Let no row's time lie further ahead than `longest`; return how many did.

    For times that say how long something is kept. One query when there are none.
    """
    at = now()
    last = queryset.aggregate(last=Max(field))["last"]
    if last is None or last <= at + longest + SKEW:
        return 0
    log_ahead(last - longest, at)
    late = queryset.filter(**{f"{field}__gt": at + longest + SKEW})
    return late.update(**{field: at + longest})


@cache
def _boot() -> str:
    """Return a name of this start of the host, empty where it has none.

    Processes that see another uptime, in a container with a time of its own, see
    another name.
    """
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        space = Path("/proc/self/ns/time")
        seen_by = str(space.readlink()) if space.is_symlink() else ""
    except OSError:
        return ""
    return hashlib.sha256(f"{boot} {seen_by}".encode()).hexdigest()[:16]


@dataclass
class _Jumps:
    """What this process knows of jumps: each is logged once."""

    # Wall clock minus the clock that only runs on, in seconds.
    offset: float | None = None
    # The last jump back: stored times up to `until` are of it, while the clock has
    # neither reached that time nor gone back behind `seen`.
    seen: datetime | None = None
    until: datetime | None = None


_jumps = _Jumps()
_lock = threading.Lock()


def log_ahead(made_at: datetime, at: datetime) -> None:
    """Log that something stored was made ahead of the clock, once for each jump."""
    with _lock:
        is_logged = (
            _jumps.seen is not None
            and _jumps.until is not None
            and _jumps.seen - SKEW <= at <= _jumps.until + SKEW
        )
        until = max(made_at, _jumps.until) if is_logged and _jumps.until else made_at
        _jumps.seen, _jumps.until = at, until
    if not is_logged:
        logger.warning(
            "Stored times lie ahead of the clock by %s. It is behind, or was ahead "
            "when they were written; they are not believed. Check the time of all "
            "hosts.",
            _size(made_at - at),
        )


def _watch(moment: datetime) -> None:
    """Log when the wall clock has not run as the clock did that cannot be set."""
    up = uptime()
    offset = moment.timestamp() - (up[1] / 1_000_000 if up else time.monotonic())
    last_offset = _jumps.offset
    if last_offset is not None and abs(offset - last_offset) <= SKEW.total_seconds():
        return
    with _lock:
        last_offset = offset if _jumps.offset is None else _jumps.offset
        jump = timedelta(seconds=offset - last_offset)
        _jumps.offset = offset
        if jump < -SKEW:
            _jumps.seen, _jumps.until = moment, moment - jump
    if abs(jump) > SKEW:
        way = "back" if jump < timedelta() else "ahead"
        logger.warning("The clock of this host went %s by %s.", way, _size(abs(jump)))


def _size(length: timedelta) -> str:
    return str(timedelta(seconds=round(length.total_seconds())))
