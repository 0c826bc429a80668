"""What an answer shows beside a row when `expand` names it.

`Related` is one row that the listed one refers to, `RelatedList` the newest of those
that belong to it, and `RelatedValue` what is worked out about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from django.db.models import F, Model, QuerySet, Window
from django.db.models.functions import Rank
from rest_framework import serializers

from audit.fields import without_long
from audit.history.querysets import view_permission
from audit.privacy.masking import Room
from audit.rest.model_serializers import HubModelSerializer, with_fields
from audit.tenancy.actors import Actor

# So many rows of each list are shown; its address has the others.
NEWEST = 10


@dataclass(frozen=True)
class Related:
    """A single row that an answer may show beside its id."""

    serializer_class: type[HubModelSerializer]
    # From the listed row to it, as `select_related` names it.
    path: str
    # What else its answer needs.
    loads: tuple[str, ...] = ()

    @property
    def model(self) -> type[Model]:
        """The table it comes from."""
        model: type[Model] = self.serializer_class.Meta.model
        return model

    @property
    def permission(self) -> str:
        """What somebody needs who wants to see it."""
        return view_permission(self.model)

    def of(self, instance: Model) -> Model | None:
        """Return the related row, None if there is none."""
        related: Model | None = instance
        for name in self.path.split("__"):
            related = getattr(related, name, None)
        return related


@dataclass(frozen=True, eq=False)
class RelatedList:
    """Rows that belong to a listed one; an answer shows the newest of them.

    `column` names the listed row in their table, and `time` when they happened. `lists`
    may stand beside them in turn, named with a dot: `tickets.messages`.
    """

    serializer_class: type[HubModelSerializer]
    column: str
    time: str = "created_at"
    loads: tuple[str, ...] = ()
    conditions: Mapping[str, object] = field(default_factory=dict)
    lists: Mapping[str, RelatedList] = field(default_factory=dict)

    @property
    def model(self) -> type[Model]:
        """The table they come from."""
        model: type[Model] = self.serializer_class.Meta.model
        return model

    @property
    def permission(self) -> str:
        """What somebody needs who wants to see them."""
        return view_permission(self.model)

    def newest(
        self, queryset: QuerySet[Any], keys: Sequence[UUID]
    ) -> dict[UUID, list[Any]]:
        """Return the newest rows by the one they belong to, and one more of each.

        One statement, for any number of listed rows.
        """
        columns = [str(each.source) for each in self.serializer_class().fields.values()]
        queryset = without_long(queryset.filter(**self.conditions), columns=columns)
        queryset = queryset.select_related(*self.loads) if self.loads else queryset
        order = (F(self.time).desc(), F("pk").desc())
        if len(keys) == 1:
            # An index gives them in this order.
            of_one = queryset.filter(**{self.column: keys[0]}).order_by(*order)
            instances = [*of_one[: NEWEST + 1]]
        else:
            number = Window(Rank(), partition_by=F(self.column), order_by=order)
            of_all = queryset.filter(**{f"{self.column}__in": keys}).order_by(*order)
            instances = [*of_all.alias(rank=number).filter(rank__lte=NEWEST + 1)]
        newest: dict[UUID, list[Any]] = defaultdict(list)
        for instance in instances:
            newest[getattr(instance, f"{self.column}_id")].append(instance)
        return newest


@dataclass(frozen=True)
class RelatedValue:
    """What is worked out about one row; a list of rows does not show it."""

    serializer_class: type[serializers.Serializer[Any]]
    # Of the row and who asks, what the serializer renders.
    get: Callable[[Any, Actor], object]
    permission: str
    # What it is worked out of, as `select_related` names it.
    loads: tuple[str, ...] = ()


class ListExpansion(NamedTuple):
    """A list that a request expands: its key, which lists in it, and room for texts."""

    name: str
    related: RelatedList
    inner: Sequence[str]
    room: Room


Expansion: TypeAlias = Related | RelatedList | RelatedValue


def names_of(expansions: Mapping[str, Expansion], *, is_list: bool) -> Iterator[str]:
    """Yield what `expand` may name, lists of lists included."""
    for name, each in expansions.items():
        if not (is_list and isinstance(each, RelatedValue)):
            yield name
        if isinstance(each, RelatedList):
            yield from (f"{name}.{inner}" for inner in each.lists)


# --- in the schema --------------------------------------------------------------------


@cache
def expanded(
    serializer_class: type[HubModelSerializer], names: tuple[tuple[str, Expansion], ...]
) -> type[HubModelSerializer]:
    """Return a row's serializer with what may stand beside it, for the schema."""
    added = {
        name: _serializer(each)(
            required=False, allow_null=True, help_text=f"With expand={name}."
        )
        for name, each in names
    }
    return with_fields(serializer_class, "Serializer", added)


def _serializer(each: Expansion) -> type[serializers.Serializer[Any]]:
    if isinstance(each, RelatedValue):
        return each.serializer_class
    if isinstance(each, Related):
        return _named("Related", each.serializer_class)
    listed = expanded(_named("Listed", each.serializer_class), (*each.lists.items(),))
    return _newest(listed)


@cache
def _newest(
    serializer_class: type[HubModelSerializer],
) -> type[serializers.Serializer[object]]:
    name = serializer_class.__name__.removeprefix("Listed")
    members = {
        "results": serializer_class(many=True),
        "has_more": serializers.BooleanField(),
        "__doc__": f"The newest {NEWEST}; the address of the list has the others.",
    }
    return type(f"Newest{name}", (serializers.Serializer,), members)


@cache
def _named(
    prefix: str, serializer_class: type[HubModelSerializer]
) -> type[HubModelSerializer]:
    """Return the serializer of a row beside another, under another name."""
    module, text = serializer_class.__module__, serializer_class.__doc__
    members = {"__module__": module, "__doc__": text}
    return type(f"{prefix}{serializer_class.__name__}", (serializer_class,), members)
