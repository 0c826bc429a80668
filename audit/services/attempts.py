"""Counting tries: each is reserved before it is made, so that no two share the last.

Read, check, write lets a crowd of parallel tries through. Here one UPDATE takes the
try, and it has committed before any password is hashed. What the request does later
cannot give it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from audit.models import AttemptCounter

_LONGEST_LOCK = timedelta(days=1)
# A name that was quiet for so long begins anew, with the shortest lock.
_FORGIVEN = timedelta(days=1)
_SECONDS = 60
_NUMBER = IntegerField()


@dataclass(frozen=True)
class Attempt:
    """One try: whether it may be made, and if not in how many seconds the next may.

    `is_last` tells that it has filled the counter: if it fails, the name is locked.
    """

    name: str
    is_allowed: bool
    is_last: bool = False
    retry_after: int = 0


def reserve(
    name: str, limit: int, window: timedelta, *, is_doubling: bool = False
) -> Attempt:
    """Take one of `limit` tries that a name has in a window, or say when to come back.

    `name` holds no personal value: a purpose and a keyed hash. With `is_doubling` a
    full counter locks for the window, then twice as long each time, up to a day. Runs
    and commits in a transaction of its own; raises RuntimeError inside another one,
    whose rollback would give the try back.
    """
    with transaction.atomic(durable=True):
        return take(name, limit, window, is_doubling=is_doubling)


def take(
    name: str, limit: int, window: timedelta, *, is_doubling: bool = False
) -> Attempt:
    """Do what `reserve` does in the caller's transaction, which commits before the try.

    For tries that are counted under several names, all of them or none.
    """
    now = timezone.now()
    rows = AttemptCounter.objects.filter(name=name)
    may_be_taken = Q(ends_at__lte=now) | Q(failed__lt=limit)
    step = _step(now, limit, window, is_doubling=is_doubling)
    row = None
    # A second look for the case that a success has just removed the counter.
    for _ in range(2):
        fresh = AttemptCounter(name=name, ends_at=now)
        AttemptCounter.objects.bulk_create([fresh], ignore_conflicts=True)
        is_taken = bool(rows.filter(may_be_taken).update(**step))
        row = rows.first()
        if row is not None and is_taken:
            return Attempt(name, is_allowed=True, is_last=row.failed >= limit)
        if row is not None:
            break
    wait = (row.ends_at - now).total_seconds() if row else 1
    return Attempt(name, is_allowed=False, retry_after=max(math.ceil(wait), 1))


def give_back(name: str) -> None:
    """Return a try that did not fail; the others of the name stay counted."""
    AttemptCounter.objects.filter(name=name, failed__gt=0).update(
        failed=F("failed") - 1
    )


def clear(name: str) -> None:
    """Forget all tries and locks of a name."""
    AttemptCounter.objects.filter(name=name).delete()


def wait_text(seconds: int) -> str:
    """Return a wait as people read it, in whole minutes."""
    minutes = -(-seconds // _SECONDS)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def old_counters() -> QuerySet[AttemptCounter]:
    """Return counters that hold nothing any more."""
    return AttemptCounter.objects.filter(ends_at__lt=timezone.now() - _FORGIVEN)


def _step(
    now: datetime, limit: int, window: timedelta, *, is_doubling: bool
) -> dict[str, Any]:
    """Return the columns after one more try; both engines read the former ones."""
    is_over = Q(ends_at__lte=now)
    fills = Q(failed=limit - 1)
    step: dict[str, Any] = {
        "failed": Case(
            When(is_over, then=Value(1)), default=F("failed") + 1, output_field=_NUMBER
        ),
        "ends_at": Case(When(is_over, then=Value(now + window)), default=F("ends_at")),
    }
    if not is_doubling:
        return step
    is_forgiven = Q(ends_at__lte=now - _FORGIVEN)
    step["ends_at"] = Case(
        When(is_over, then=Value(now + window)),
        *_locks(now, fills, window),
        default=F("ends_at"),
    )
    step["locks"] = Case(
        When(is_forgiven, then=Value(0)),
        When(is_over, then=F("locks")),
        When(fills, then=F("locks") + 1),
        default=F("locks"),
        output_field=_NUMBER,
    )
    return step


def _locks(now: datetime, fills: Q, window: timedelta) -> list[When]:
    """Return how long the lock of a counter lasts that becomes full now."""
    found, length, number = [], window, 0
    while length < _LONGEST_LOCK:
        found.append(When(fills & Q(locks=number), then=Value(now + length)))
        length, number = length * 2, number + 1
    found.append(When(fills, then=Value(now + _LONGEST_LOCK)))
    return found
