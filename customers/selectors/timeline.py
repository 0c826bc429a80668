"""Everything that happened with one customer, the newest first, from many tables.

Each kind of entry has a source: one query, at most as many entries as the page holds.
Apps above register theirs, so a page costs as many queries as there are sources,
however long the story is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from heapq import merge
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

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


@dataclass(frozen=True)
class TimelineSource:
    """One kind of entries: who may see them, and how they are found.

    `find(customer, actor, before, limit)` returns the newest entries before a place,
    sorted like the timeline, in one query.
    """

    kind: str
    permission: str
    find: Callable[[Customer, Actor, Before | None, int], Iterable[TimelineEntry]]


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
        if actor.has_perm(source.permission, business_id)
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
    added meanwhile. One query for each kind, and one for the names of staff.
    """
    selected = set(kinds)
    seen = timeline_kinds(customer, actor=actor)
    entries = [
        _sources[kind].find(customer, actor, before, limit)
        for kind in seen
        if not selected or kind in selected
    ]
    merged = merge(*entries, key=lambda entry: entry.place, reverse=True)
    return _named(list(islice(merged, limit)))


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


def _named(entries: list[TimelineEntry]) -> list[TimelineEntry]:
    """Return entries with the names of staff; one query, also when there is none."""
    names = log.usernames_by_id(entry.actor_id for entry in entries)
    return [
        TimelineEntry(**{**entry.__dict__, "actor": names.get(entry.actor_id)})
        for entry in entries
    ]
