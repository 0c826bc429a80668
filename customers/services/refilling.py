"""Computing the keys by which people are found anew, after a rule has changed.

An address, a number and a name stay as they are; what is computed from them is compared
with what is stored, and written where it differs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from audit.history.bulk import update_tracked
from audit.history.writing import Authorship
from audit.tenancy.actors import Actor
from customers.models import Address, Contact, Customer
from customers.services.batches import by_key, compare_again
from customers.services.constraints import find_holders, unique_rules, unique_values
from customers.services.locking import lock_customers

_BATCH = 500
# Rows of one transaction: about 50 ms of write lock.
_WRITTEN = 50
_REASON = "keys refilled"
_MODELS: tuple[type[Customer | Contact | Address], ...] = (Customer, Contact, Address)


@dataclass(frozen=True)
class StaleKeys:
    """A row whose keys differ from what is computed, and the columns.

    `holder` is the live customer who has the key already: then nothing is written, and
    somebody has to say whether the two are one.
    """

    table: str
    object_id: UUID
    columns: tuple[str, ...]
    holder: UUID | None = None


def refill_keys(
    *,
    repair: bool,
    actor: Actor,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Iterator[StaleKeys]:
    """Yield every row whose keys are stale; with `repair`, write them.

    All is compared without a lock, five hundred rows at a time, so memory is flat. What
    differs is compared once more under a lock and written, fifty rows in a transaction,
    each with its history. May be stopped anywhere and run again. `progress` is called
    with the numbers of compared and of all rows.
    """
    tables = [(model, _rows(model)) for model in _MODELS]
    total = sum(rows.count() for _, rows in tables)
    done = 0
    for model, rows in tables:
        compare = partial(_compare, model, actor=actor)
        for batch in by_key(rows, _BATCH):
            suspects = [row.pk for row in batch if _stale(row)]
            for stale in compare_again(suspects, _WRITTEN, compare, repair=repair):
                yield from stale
            done += len(batch)
            progress(done, total)


def _rows(model: type[Customer | Contact | Address]) -> QuerySet[Any]:
    return model._default_manager.select_related("business")


def _stale(row: Any) -> tuple[str, ...]:
    """Return the columns of a row that differ from what is computed."""
    computed = copy.copy(row)
    computed.derive()
    return tuple(
        name for name in row.derived if getattr(row, name) != getattr(computed, name)
    )


def _compare(
    model: type[Customer | Contact | Address],
    ids: list[UUID],
    *,
    repair: bool,
    actor: Actor,
) -> list[StaleKeys]:
    rows = _rows(model).filter(pk__in=ids).order_by("pk")
    if repair:
        owners = ids
        if model is not Customer:
            owners = list(rows.order_by().values_list("customer", flat=True))
        lock_customers(owners)
        rows = rows.select_for_update(of=("self",), no_key=True)
    instances = [row for row in rows if _stale(row)]
    stale = {row.pk: _stale(row) for row in instances}
    for row in instances:
        row.derive()
    taken = _holders(instances) if model is Customer else {}
    if repair:
        free = [row for row in instances if row.pk not in taken]
        update_tracked(free, model.derived, Authorship(actor, _REASON))
    return [
        StaleKeys(model._meta.label, pk, columns, taken.get(pk))
        for pk, columns in stale.items()
    ]


def _holders(instances: list[Any]) -> dict[UUID, UUID]:
    """Return which of these would take a key of somebody else, and of whom."""
    taken: dict[UUID, UUID] = {}
    for rule in unique_rules(Customer):
        held: dict[tuple[object, ...], Any] = find_holders(rule, instances)
        for row in instances:
            values = unique_values(rule, row)
            if values is None or row.pk in taken:
                continue
            holder = held.setdefault(values, row.pk)
            if holder != row.pk:
                taken[row.pk] = holder
    return taken
