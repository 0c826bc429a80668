"""Everything that happened with one customer, the newest first, from many tables.

Each kind of entry has a source, which reads at most as many records as the page holds;
apps above register theirs. All of them together are one statement, a union, so a page
costs the same however many kinds there are and however long the story is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from heapq import merge
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import F, Model, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import JSONObject

from audit import log
from audit.tenancy.actors import Actor
from customers.models import Customer

# Where a page begins: after the entry of this time and id.
Before = tuple[datetime, UUID]
_Model = TypeVar("_Model", bound=Model)


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened. `title` and `data` hold no contact data.

    `amount` is in `currency`. `actor_id` is the member of staff who did it, `actor`
    the name of the account.
    """

    id: UUID
    kind: str
    at: datetime
    title: str
    actor_id: UUID | None = None
    actor: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def place(self) -> Before:
        """The position of the entry: at the same moment the ids decide."""
        return self.at, self.id


class TimelineRecord(NamedTuple):
    """What one statement reads of an entry, from whichever table it comes."""

    kind: str
    key: UUID
    at: datetime
    data: dict[str, Any]


# No table has columns of these names.
_COLUMNS = tuple(f"timeline_{name}" for name in TimelineRecord._fields)


@dataclass(frozen=True)
class TimelineSource:
    """One kind of entries: who may see them, and how they are read.

    Whoever has one of the `permissions` sees them.

    `select(customer, actor)` returns what of a table are entries, `at` names its time
    column (without nulls), and `data` what an entry is made from: names, and the
    columns or expressions that one JSON object holds by them. `entries(customer,
    records)` makes entries of those of a page, in the same order; it may ask one more
    statement.
    """

    kind: str
    permissions: tuple[str, ...]
    select: Callable[[Customer, Actor], QuerySet]
    at: str
    entries: Callable[[Customer, list[TimelineRecord]], Iterable[TimelineEntry]]
    data: Mapping[str, str | Combinable] = field(default_factory=dict)

    def newest(
        self, customer: Customer, actor: Actor, before: Before | None, limit: int
    ) -> QuerySet:
        """Return the newest before a place, in the columns of `TimelineRecord`."""
        queryset = self.select(customer, actor)
        newest = before_place(queryset, before, column=self.at, limit=limit)
        # By key: SQLite orders and cuts no part of a union.
        records = queryset.model._base_manager.filter(pk__in=newest.values("pk"))
        return (
            records.order_by()
            .annotate(
                timeline_kind=Value(self.kind, models.CharField()),
                timeline_key=F("pk"),
                timeline_at=F(self.at),
                timeline_data=JSONObject(**self.data),
            )
            .values_list(*_COLUMNS)
        )


_sources: dict[str, TimelineSource] = {}


def register_timeline_source(source: TimelineSource) -> None:
    """Add a kind of entries; an app above calls this in `AppConfig.ready()`."""
    _sources[source.kind] = source


def timeline_kinds(customer: Customer, *, actor: Actor) -> list[str]:
    """Return the kinds of entries that the actor may see of a customer."""
    business_id = customer.business_id
    return sorted(
        kind
        for kind, source in _sources.items()
        if any(actor.has_perm(name, business_id) for name in source.permissions)
    )


def all_timeline_kinds() -> list[str]:
    """Return every kind of entries that there is."""
    return sorted(_sources)


def get_timeline(
    customer: Customer,
    *,
    actor: Actor,
    kinds: Iterable[str] = (),
    before: Before | None = None,
    limit: int = 50,
) -> list[TimelineEntry]:
    """Return up to `limit` entries of the named kinds, or of all, the newest first.

    Kinds that the actor may not see are left out. `before` is the place of the last
    entry of the page before; walking on from there gives each entry once, whatever is
    added meanwhile. One statement for all kinds, one for changes among them, and one
    for the names of staff.
    """
    records: dict[str, list[TimelineRecord]] = {}
    for record in _newest(customer, actor, set(kinds), before, limit):
        records.setdefault(record.kind, []).append(record)
    entries = [
        _sources[kind].entries(customer, of_kind) for kind, of_kind in records.items()
    ]
    return _named(list(merge(*entries, key=lambda entry: entry.place, reverse=True)))


def newest_entry(customer: Customer, *, actor: Actor) -> tuple[str, UUID] | None:
    """Return kind and id of the newest entry that the actor may see; one statement."""
    newest = _newest(customer, actor, set(), None, 1)
    return (newest[0].kind, newest[0].key) if newest else None


def _newest(
    customer: Customer, actor: Actor, kinds: set[str], before: Before | None, limit: int
) -> list[TimelineRecord]:
    parts = [
        _sources[kind].newest(customer, actor, before, limit)
        for kind in timeline_kinds(customer, actor=actor)
        if not kinds or kind in kinds
    ]
    if not parts:
        return []
    union = parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0]
    newest = union.order_by("-timeline_at", "-timeline_key")[:limit]
    return [TimelineRecord(*record) for record in newest]


def before_place(
    queryset: QuerySet[_Model],
    before: Before | None,
    *,
    column: str,
    limit: int,
) -> QuerySet[_Model]:
    """Return the newest instances before a place, by a time column without nulls."""
    queryset = queryset.order_by(f"-{column}", "-pk")
    if before is not None:
        moment, last = before
        # The first condition is what an index over the column can use.
        queryset = queryset.filter(**{f"{column}__lte": moment})
        queryset = queryset.filter(Q(**{f"{column}__lt": moment}) | Q(pk__lt=last))
    return queryset[:limit]


def instance_of(
    model: type[_Model], record: TimelineRecord, columns: Iterable[str]
) -> _Model:
    """Return an unsaved instance with the key and the columns of a record."""
    instance = model(pk=record.key)
    for name in columns:
        column: Any = model._meta.get_field(name)
        # A key is read as what it names is.
        target = getattr(column, "target_field", column)
        value = record.data[name]
        if isinstance(target, models.JSONField) and isinstance(value, str):
            # SQLite puts one JSON into another as text.
            value = json.loads(value)
        value = target.to_python(value)
        if isinstance(target, models.DecimalField) and value is not None:
            value = round(value, target.decimal_places)
        setattr(instance, name, value)
    return instance


def _named(entries: list[TimelineEntry]) -> list[TimelineEntry]:
    """Return entries with the names of staff; one query, also when there is none."""
    names = log.usernames_by_id(entry.actor_id for entry in entries)
    return [
        TimelineEntry(**{**entry.__dict__, "actor": names.get(entry.actor_id)})
        for entry in entries
    ]
