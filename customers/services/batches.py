"""Going through many rows without holding a lock for long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Protocol, TypeVar
from uuid import UUID

from django.db import models, transaction

from audit.database.batches import in_batches

_Model = TypeVar("_Model", bound=models.Model)
_T = TypeVar("_T")
_Difference = TypeVar("_Difference")
_Difference_co = TypeVar("_Difference_co", covariant=True)


class Compare(Protocol[_T, _Difference_co]):
    """Returns what differs of some rows; with `repair`, locks and corrects them."""

    def __call__(
        self, batch: list[_T], *, repair: bool
    ) -> Iterable[_Difference_co]: ...


def by_key(
    queryset: models.QuerySet[_Model], size: int, *, after: UUID | None = None
) -> Iterator[list[_Model]]:
    """Yield rows in the order of their keys, `size` at a time; one query each.

    So memory is flat, and no cursor stays open while others write. With `after` those
    behind that key.
    """
    ordered, last = queryset.order_by("pk"), after
    while True:
        remaining = ordered if last is None else ordered.filter(pk__gt=last)
        batch = list(remaining[:size])
        if not batch:
            return
        yield batch
        last = batch[-1].pk


def compare_again(
    suspects: Iterable[_T],
    size: int,
    compare: Compare[_T, _Difference],
    *,
    repair: bool,
) -> Iterator[list[_Difference]]:
    """Yield what differs of rows that differed when they were read without a lock.

    Something may have been written meanwhile, so they are compared once more, `size` at
    a time: with `repair` each in a transaction of its own, so that it may be stopped
    anywhere.
    """
    for _, batch in in_batches(suspects, size):
        with transaction.atomic() if repair else nullcontext():
            differences = list(compare(batch, repair=repair))
        yield differences
