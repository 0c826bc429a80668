"""Counting tries: each is reserved before it is made, so that no two share the last.

Read, check, write lets a crowd of parallel tries through. Here the row is locked before
it is read, and the try has committed before any password is hashed. What the request
does later cannot give it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import ngettext

from audit import clock
from audit.models import AttemptCounter

# No longer: an attacker can lock an account for an hour at most, and is recorded.
_LONGEST_LOCK = timedelta(hours=1)
# Of a window of one second; a longer one reaches the hour before.
_MOST_DOUBLINGS = 12
# A name that was quiet for so long begins anew, with the shortest lock.
_FORGIVEN = timedelta(days=1)
_SECONDS = 60


@dataclass(frozen=True)
class Attempt:
    """One try: whether it may be made, and if not in how many seconds the next may.

    `is_last` tells that it has filled the counter: if it fails, the name is locked.
    `failed` counts this try, too.
    """

    name: str
    is_allowed: bool
    is_last: bool = False
    retry_after: int = 0
    failed: int = 0


def reserve(
    name: str, limit: int, window: timedelta, *, is_doubling: bool = False
) -> Attempt:
    """Take one of `limit` tries that a name has in a window, or say when to come back.

    `name` holds no personal value: a purpose and a keyed hash. With `is_doubling` a
    full counter locks for the window, then twice as long each time, up to an hour. Runs
    and commits in a transaction of its own; raises RuntimeError inside another one,
    whose rollback would give the try back.
    """
    with transaction.atomic(durable=True):
        return count_attempt(name, limit, window, is_doubling=is_doubling)


def count_attempt(
    name: str, limit: int, window: timedelta, *, is_doubling: bool = False
) -> Attempt:
    """Do what `reserve` does in the caller's transaction, which commits before the try.

    For tries that are counted under several names, all of them or none. The row stays
    locked until that commit, so that each of several at once finds what others counted.
    """
    counter = _locked(name)
    if counter is None:
        return Attempt(name, is_allowed=False, retry_after=1)
    # Read after the wait for the others.
    now, length = clock.now(), _length(counter, limit, window, is_doubling=is_doubling)
    begun = clock.begun(counter.ends_at - length, counter.begun_mark)
    if begun is None or begun + length <= now:
        if begun is not None and begun + length <= now - _FORGIVEN:
            counter.locks = 0
        counter.failed, counter.begun_mark = 1, clock.mark()
        counter.ends_at = now + window
    elif counter.failed >= limit:
        wait = math.ceil((begun + length - now).total_seconds())
        return Attempt(name, is_allowed=False, retry_after=max(wait, 1))
    else:
        counter.failed += 1
        if is_doubling and counter.failed >= limit:
            counter.locks += 1
            counter.ends_at = now + _length(counter, limit, window, is_doubling=True)
            counter.begun_mark = clock.mark()
    counter.save(update_fields=["failed", "ends_at", "begun_mark", "locks"])
    is_last = counter.failed >= limit
    return Attempt(name, is_allowed=True, is_last=is_last, failed=counter.failed)


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
    words = ngettext("%(minutes)s minute", "%(minutes)s minutes", minutes)
    return words % {"minutes": minutes}


def clear_all(beginning: str) -> None:
    """Forget all tries and locks of the names that begin so."""
    AttemptCounter.objects.filter(name__startswith=beginning).delete()


def old_counters() -> QuerySet[AttemptCounter]:
    """Return counters that hold nothing any more."""
    return AttemptCounter.objects.filter(ends_at__lt=clock.now() - _FORGIVEN)


def _locked(name: str) -> AttemptCounter | None:
    """Return the counter of a name, which others wait for until the transaction ends.

    None when successes of others remove it all the time.
    """
    for _ in range(2):
        fresh = AttemptCounter(name=name, ends_at=clock.now())
        AttemptCounter.objects.bulk_create([fresh], ignore_conflicts=True)
        # SQLite takes no locks of rows: its transaction has the whole database.
        counter = AttemptCounter.objects.select_for_update().filter(name=name).first()
        if counter is not None:
            return counter
    return None


def _length(
    counter: AttemptCounter, limit: int, window: timedelta, *, is_doubling: bool
) -> timedelta:
    """Return how long the window of a counter lasts, or the lock once it is full."""
    if not is_doubling or counter.failed < limit or not counter.locks:
        return window
    doublings = min(counter.locks - 1, _MOST_DOUBLINGS)
    return min(window * 2**doublings, _LONGEST_LOCK)
