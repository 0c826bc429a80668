"""Computing the keys by which people are found anew, after a rule has changed.

An address, a number and a name stay as they are; what is computed from them is compared
with what is stored, and written where it differs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from audit.history.bulk import update_tracked
from audit.history.writing import Authorship
from audit.tenancy.actors import Actor
from customers.models import Address, Contact, Customer, CustomerIndex
from customers.services.batches import by_key, compare_again
from customers.services.constraints import find_holders, unique_rules, unique_values
from customers.services.indexing import find_index_differences
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
    each with its history; the index of searches follows, which has none. May be stopped
    anywhere and run again. `progress` is called with the numbers of compared and of all
    rows.
    """
    tables = [(model, _loaded(model)) for model in _MODELS]
    total = sum(queryset.count() for _, queryset in tables)
    done = 0
    for model, queryset in tables:
        compare = partial(_compare, model, actor=actor)
        for batch in by_key(queryset, _BATCH):
            suspects = [instance.pk for instance in batch if _stale(instance)]
            for stale in compare_again(suspects, _WRITTEN, compare, repair=repair):
                yield from stale
            done += len(batch)
            progress(done, total)
    # Made from the keys, so behind them.
    differences = find_index_differences(repair=repair)
    for pk, different in groupby(differences, key=itemgetter(0)):
        columns = tuple(column for _, column in different)
        yield StaleKeys(CustomerIndex._meta.label, pk, columns)


def _loaded(model: type[Customer | Contact | Address]) -> QuerySet[Any]:
    return model._default_manager.select_related("business")


def _stale(instance: Any) -> tuple[str, ...]:
    """Return the columns of a row that differ from what is computed."""
    computed = copy.copy(instance)
    computed.derive()
    return tuple(
        name
        for name in instance.derived
        if getattr(instance, name) != getattr(computed, name)
    )


def _compare(
    model: type[Customer | Contact | Address],
    ids: list[UUID],
    *,
    repair: bool,
    actor: Actor,
) -> list[StaleKeys]:
    queryset = _loaded(model).filter(pk__in=ids).order_by("pk")
    if repair:
        owners = ids
        if model is not Customer:
            owners = list(queryset.order_by().values_list("customer", flat=True))
        lock_customers(owners)
        queryset = queryset.select_for_update(of=("self",), no_key=True)
    instances = [instance for instance in queryset if _stale(instance)]
    stale = {instance.pk: _stale(instance) for instance in instances}
    for instance in instances:
        instance.derive()
    taken = _holders(instances) if model is Customer else {}
    if repair:
        free = [instance for instance in instances if instance.pk not in taken]
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
        for instance in instances:
            values = unique_values(rule, instance)
            if values is None or instance.pk in taken:
                continue
            holder = held.setdefault(values, instance.pk)
            if holder != instance.pk:
                taken[instance.pk] = holder
    return taken
