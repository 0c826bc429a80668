"""Filters of lists: only declared ones, each wrong one named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django import forms
from django.db import models
from django.db.models import F
from django_filters.constants import EMPTY_VALUES
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.filters import OrderingFilter

from audit.datetimes import OUT_OF_RANGE, is_in_range
from audit.rest.serializers import choices_sentence, snake_case
from audit.tenancy.actors import Actor


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(django_filters.TypedChoiceFilter):
    """`true` or `false`; anything else is an error, not nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("choices", (("true", "true"), ("false", "false")))
        kwargs.setdefault("coerce", lambda text: text == "true")
        super().__init__(*args, **kwargs)


class SomeOfFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """One of several choices, with commas between them."""


class _InRangeDateTimeField(IsoDateTimeField):
    def clean(self, value: object) -> Any:
        return _in_range(super().clean(value))


class _InRangeDateField(forms.DateField):
    def clean(self, value: object) -> Any:
        return _in_range(super().clean(value))


def _in_range(value: Any) -> Any:
    if value is not None and not is_in_range(value):
        raise forms.ValidationError(OUT_OF_RANGE, code="out_of_range")
    return value


class InRangeDateTimeFilter(django_filters.IsoDateTimeFilter):
    """A time that both databases can hold."""

    field_class = _InRangeDateTimeField


class InRangeDateFilter(django_filters.DateFilter):
    """A day that both databases can hold."""

    field_class = _InRangeDateField


class ReferenceFilter(django_filters.CharFilter):
    """Rows of one other row, by its UUID or by the name it has in addresses."""

    def __init__(self, *, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reference = name

    def filter(self, qs: Any, value: Any) -> Any:
        if value in EMPTY_VALUES:
            return qs
        try:
            return qs.filter(**{f"{self.field_name}_id": UUID(value)})
        except ValueError:
            return qs.filter(**{f"{self.field_name}__{self.reference}": value})


class TableFilters(django_filters.FilterSet):
    """The filters of one table; columns that are masked have none.

    `actor` is who asks, for filters that call a selector.
    """

    business = ReferenceFilter(
        field_name="business", name="slug", label="A business, by id or slug."
    )

    class Meta:
        filter_overrides: ClassVar[dict[Any, Any]] = {
            models.BooleanField: {"filter_class": YesNoFilter},
            models.DateTimeField: {"filter_class": InRangeDateTimeFilter},
            models.DateField: {"filter_class": InRangeDateFilter},
        }

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor

    @classmethod
    def filter_for_lookup(cls, field: Any, lookup_type: str) -> Any:
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


class OfCustomer(TableFilters):
    """The filters of a table whose rows belong to a customer."""

    customer = ReferenceFilter(
        field_name="customer",
        name="unique_id",
        label="A customer, by id or reference.",
    )


class StrictFilterBackend(DjangoFilterBackend):
    """Applies the view's `filterset`, which was checked before any row was read."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        return view.filterset.filter_queryset(queryset)


class NullsLastOrderingFilter(OrderingFilter):
    """Orders by one of the view's `ordering_fields`; null comes last both ways."""

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> Any:
        """Return what to order by. Raises ValidationError for an unknown name."""
        ordering = snake_case(view.params.get(self.ordering_param, ""))
        if not ordering:
            return None
        fields, name = view.ordering_fields, ordering.removeprefix("-")
        if name not in fields:
            names = ", ".join(fields)
            text = f"Order by one of {names}; a minus before it means downwards."
            detail = ErrorDetail(text, "unknown_ordering")
            raise ValidationError({self.ordering_param: [detail]})
        column = F(fields[name] if isinstance(fields, Mapping) else name)
        if ordering.startswith("-"):
            return [column.desc(nulls_last=True), "-pk"]
        return [column.asc(nulls_last=True), "pk"]

    def get_schema_operation_parameters(self, view: object) -> list[Any]:
        """Return nothing: the parameters of a list are described by its query."""
        return []
