"""Writing many rows in short transactions, so that others wait only briefly."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

_T = TypeVar("_T")
# Seconds. SQLite lets a waiting writer look again every 0.1 at least; a busy machine is
# late with that.
_LONGEST_PAUSE = 0.15


def in_batches(
    rows: Iterable[_T],
    size: int,
    *,
    weigh: Callable[[_T], int] = lambda _: 0,
    heaviest: int = 1_000_000,
) -> Iterator[tuple[int, list[_T]]]:
    """Yield rows by `size`, each batch with its number from 1.

    Where rows differ much, `weigh` tells the bytes of one, and a batch ends at
    `heaviest` bytes, too. The same rows always make the same batches.

    Write each in one `transaction.atomic(durable=True)`, with a `size` that takes about
    50 ms: SQLite has one writer at a time, and captures wait for it. It does not hand
    its lock on in order either, so whoever takes it again at once starves the others;
    the next batch therefore comes after a pause (`give_way`). PostgreSQL has no pause,
    and a caller's own transaction none.
    """
    batch: list[_T] = []
    weight = number = 0
    for row in rows:
        batch.append(row)
        weight += weigh(row)
        if len(batch) >= size or weight >= heaviest:
            number += 1
            yield from _timed(number, batch)
            batch, weight = [], 0
    if batch:
        yield number + 1, batch


def batched(rows: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield rows in lists of at most `size`, without a pause."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def _timed(number: int, batch: list[_T]) -> Iterator[tuple[int, list[_T]]]:
    started = time.monotonic()
    yield number, batch
    give_way(time.monotonic() - started)


def give_way(seconds: float) -> None:
    """Let others write for about as long as the lock was held; on SQLite alone.

    Who waits there looks every tenth of a second whether the lock is free. Batches and
    pauses of an even length could keep step with that, and be found at work each time:
    so no two pauses are alike.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        pause = seconds * random.uniform(0.8, 1.6)  # noqa: S311 - nobody gains by guessing it
        time.sleep(min(pause, _LONGEST_PAUSE))


def delete_in_batches(rows: QuerySet[Model], size: int = 500) -> int:
    """Delete the rows of a table by `size`, and return how many rows went.

    Each statement is a transaction of its own, so it may be stopped anywhere and run
    again. Not for tables whose rows others name in a foreign key.
    """
    deleted = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:size]):
        started = time.monotonic()
        # The condition again: a row may have been given a new time meanwhile.
        count, _ = rows.filter(pk__in=keys).delete()
        deleted += count
        give_way(time.monotonic() - started)
    return deleted
