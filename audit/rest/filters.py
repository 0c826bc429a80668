"""Filters of lists: only declared ones, each wrong one named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import django_filters
from django import forms
from django.core.exceptions import ValidationError as RuleBroken
from django.db import models
from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext as _
from django_filters.constants import EMPTY_VALUES
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request

from audit.datetimes import parse_day, parse_moment
from audit.json_text import JsonObject
from audit.rest.serializers import (
    DayField,
    OffsetDateTimeField,
    StrictSerializer,
    choices_sentence,
    snake_case,
)
from audit.tenancy.actors import Actor

_Instance = TypeVar("_Instance", bound=models.Model)
# Of filters: beyond every amount and every count that is stored.
LARGEST_NUMBER = 10**15
_FINEST = Decimal("1e-9")
# Bounded, as a decimal of a billion digits is made of few characters.
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
ORDER = ("gte", "gt", "lte", "lt")
_LONGEST, _MOST_LISTED = 255, 100


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(django_filters.TypedChoiceFilter):
    """`true` or `false`; anything else is an error, not nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("choices", (("true", "true"), ("false", "false")))
        kwargs.setdefault("coerce", lambda text: text == "true")
        super().__init__(*args, **kwargs)


class SomeOfFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """One of several choices, with commas between them."""


class _ZonedDateTime(forms.Field):
    def to_python(self, value: str | None) -> datetime | None:
        return parse_moment(value) if value else None


class _DayInput(forms.Field):
    def to_python(self, value: str | None) -> date | None:
        return parse_day(value) if value else None


@extend_schema_field(OpenApiTypes.DATETIME)
class OffsetDateTimeFilter(django_filters.Filter):
    """A time with its zone, like 2026-11-20T09:00:00Z."""

    field_class = _ZonedDateTime


@extend_schema_field(OpenApiTypes.DATE)
class DateOnlyFilter(django_filters.Filter):
    """A day like 2026-11-20."""

    field_class = _DayInput


class _NumberInput(forms.Field):
    """A number as JSON writes it: what programs make of theirs, exponent and all."""

    def to_python(self, value: str | None) -> Decimal | None:
        text = (value or "").strip()
        if not text:
            return None
        if not _NUMBER.fullmatch(text):
            raise RuleBroken(_("Send a number, like 12.50."), code="invalid")
        number = Decimal(text)
        if abs(number) > LARGEST_NUMBER:
            msg = _("Send a number from -%(limit)s to %(limit)s.") % {
                "limit": LARGEST_NUMBER
            }
            raise RuleBroken(msg, code="max_value" if number > 0 else "min_value")
        # No column has more decimals: the next one up bounds the same rows.
        return number.quantize(_FINEST, ROUND_CEILING)


@extend_schema_field(
    {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
)
class NumberFilter(django_filters.Filter):
    """A number, also one between two that the column can have."""

    field_class = _NumberInput


class WholeNumberFilter(NumberFilter):
    """The same of a column of whole numbers, which cuts off what is behind the dot."""

    def filter(
        self, qs: QuerySet[_Instance], value: Decimal | None
    ) -> QuerySet[_Instance]:
        if value is None:
            return qs
        whole = value.to_integral_value(ROUND_CEILING)
        if self.lookup_expr == "exact" and whole != value:
            return qs.none()
        return super().filter(qs, whole)


class ReferenceFilter(django_filters.CharFilter):
    """Rows of one other row, by its UUID or by the name it has in addresses."""

    def __init__(self, *, name: str, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.reference = name

    def filter(self, qs: QuerySet[_Instance], value: str | None) -> QuerySet[_Instance]:
        if value in EMPTY_VALUES:
            return qs
        try:
            return qs.filter(**{f"{self.field_name}_id": UUID(value)})
        except ValueError:
            return qs.filter(**{f"{self.field_name}__{self.reference}": value})


def lookups_of(column: models.Field) -> list[str]:
    """Return how a column is compared: by the one grammar of all tables.

    Numbers and times by their order, others by one or several values; `isnull` where a
    row may have none.
    """
    if isinstance(column, models.BooleanField):
        lookups = ["exact"]
    elif isinstance(column, models.DateField):
        lookups = [*ORDER]
    elif isinstance(column, models.DecimalField | models.IntegerField):
        lookups = ["exact", *ORDER]
    else:
        lookups = ["exact", "in"]
    return [*lookups, "isnull"] if column.null else lookups


class TableFilters(django_filters.FilterSet):
    """The filters of one table; columns that are masked have none.

    `actor` is who asks, for filters that call a selector, and `business_id` the one
    business that the request is about, if there is one.
    """

    business = ReferenceFilter(
        field_name="business", name="slug", label="A business, by id or slug."
    )

    class Meta:
        filter_overrides: ClassVar = {
            models.BooleanField: {"filter_class": YesNoFilter},
            models.DateTimeField: {"filter_class": OffsetDateTimeFilter},
            models.DateField: {"filter_class": DateOnlyFilter},
            models.DecimalField: {"filter_class": NumberFilter},
            # Each by itself, as the library has its filter for each.
            models.BigIntegerField: {"filter_class": WholeNumberFilter},
            models.IntegerField: {"filter_class": WholeNumberFilter},
            models.PositiveIntegerField: {"filter_class": WholeNumberFilter},
            models.PositiveSmallIntegerField: {"filter_class": WholeNumberFilter},
            models.SmallIntegerField: {"filter_class": WholeNumberFilter},
        }

    def __init__(
        self,
        *args: object,
        actor: Actor,
        business_id: UUID | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.actor, self.business_id = actor, business_id

    @property
    def searched(self) -> str:
        """What is looked for, for the access event; empty where a list is filtered."""
        return str(self.data.get("search", ""))

    @classmethod
    def filter_for_lookup(
        cls, field: models.Field, lookup_type: str
    ) -> tuple[type[django_filters.Filter], dict[str, object]]:
        """Return the filter of a column; of several choices each is checked too."""
        if lookup_type == "in" and field.choices:
            return SomeOfFilter, {"choices": field.choices}
        return super().filter_for_lookup(field, lookup_type)

    def check(self) -> None:
        """Raise ValidationError with every wrong value."""
        if not self.is_valid():
            raise ValidationError(
                {
                    name: [self._detail(name, **one) for one in errors]
                    for name, errors in self.errors.get_json_data().items()
                }
            )

    def _detail(self, name: str, message: str, code: str) -> ErrorDetail:
        if code == "invalid_choice":
            choices = getattr(self.form.fields[name], "choices", ())
            message = choices_sentence(value for value, _ in choices)
        return ErrorDetail(message, code)


def filters_serializer(
    filterset_class: type[TableFilters], name: str
) -> type[StrictSerializer]:
    """Return the serializer of a body that holds filters, with their JSON types."""
    fields = {key: _input(each) for key, each in filterset_class.base_filters.items()}
    text = "The filters of the list, and those that no address may say."
    return type(f"{name}Serializer", (StrictSerializer,), {**fields, "__doc__": text})


def as_texts(values: Mapping[str, object]) -> dict[str, str]:
    """Return checked filters of a body as an address would say them."""
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _input(each: django_filters.Filter) -> serializers.Field:
    """Return what a body takes in the place of a parameter."""
    about: dict[str, Any] = {
        "required": False,
        "help_text": each.extra.get("help_text"),
    }
    choices = each.extra.get("choices")
    if given := getattr(each, "input_class", None):
        return given(**about)
    if isinstance(each, YesNoFilter | django_filters.BooleanFilter):
        return serializers.BooleanField(**about)
    if isinstance(each, django_filters.BaseInFilter):
        child = serializers.ChoiceField(choices) if choices else _ListedText()
        # None of no values matches; a filter of none would match all.
        return serializers.ListField(
            child=child, min_length=1, max_length=_MOST_LISTED, **about
        )
    if choices:
        return serializers.ChoiceField(choices, **about)
    for kind, field in _INPUTS.items():
        if isinstance(each, kind):
            return field(**about)
    return serializers.CharField(
        max_length=each.extra.get("max_length", _LONGEST), **about
    )


class _ListedText(serializers.RegexField):
    def __init__(self) -> None:
        super().__init__(r"^[^,\x00]+$", max_length=_LONGEST)


class _Number(serializers.DecimalField):
    def __init__(self, **about: Any) -> None:
        super().__init__(max_digits=24, decimal_places=9, **about)


_INPUTS: dict[type[django_filters.Filter], Any] = {
    OffsetDateTimeFilter: OffsetDateTimeField,
    DateOnlyFilter: DayField,
    django_filters.UUIDFilter: serializers.UUIDField,
    NumberFilter: _Number,
}


class OfCustomer(TableFilters):
    """The filters of a table whose rows belong to a customer."""

    customer = ReferenceFilter(
        field_name="customer",
        name="unique_id",
        label="A customer, by id or reference.",
    )


class StrictFilterBackend(DjangoFilterBackend):
    """Applies the view's `filterset`, which was checked before any row was read."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[_Instance], view: Any
    ) -> QuerySet[_Instance]:
        return view.filterset.filter_queryset(queryset)


class NullsLastOrderingFilter(OrderingFilter):
    """Orders by the view's `ordering_fields`; null comes last both ways."""

    def get_ordering(self, request: Request, queryset: QuerySet, view: Any) -> Any:
        """Return what to order by. Raises ValidationError for unknown names."""
        text = snake_case(view.params.get(self.ordering_param, ""))
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names:
            return None
        fields = view.ordering_fields
        if any(name.removeprefix("-") not in fields for name in names):
            text = f"Order by {', '.join(fields)}; a minus before it means downwards."
            detail = ErrorDetail(text, "unknown_ordering")
            raise ValidationError({self.ordering_param: [detail]})
        columns: dict[str, OrderBy] = {}
        for name in names:
            column = name.removeprefix("-")
            order = F(fields[column] if isinstance(fields, Mapping) else column)
            ordered = order.desc if name.startswith("-") else order.asc
            # Again it would decide nothing.
            columns.setdefault(column, ordered(nulls_last=True))
        # Rows that are equal in all of it have an order, too, or pages would mix them.
        return [*columns.values(), "-pk" if names[0].startswith("-") else "pk"]

    def get_schema_operation_parameters(self, view: object) -> list[JsonObject]:
        """Return nothing: the parameters of a list are described by its query."""
        return []
