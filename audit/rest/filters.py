"""Filters of lists: only declared ones, each wrong one named."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django import forms
from django.db import models
from django_filters.constants import EMPTY_VALUES
from django_filters.fields import IsoDateTimeField
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ErrorDetail, ValidationError

from audit.datetimes import OUT_OF_RANGE, is_in_range
from audit.rest.serializers import choices_sentence


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(django_filters.TypedChoiceFilter):
    """`true` or `false`; anything else is an error, not nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("choices", (("true", "true"), ("false", "false")))
        kwargs.setdefault("coerce", lambda text: text == "true")
        super().__init__(*args, **kwargs)


class SomeOfFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """One of several choices, with commas between them."""


class _MomentField(IsoDateTimeField):
    def clean(self, value: Any) -> Any:
        return _in_range(super().clean(value))


class _DayField(forms.DateField):
    def clean(self, value: Any) -> Any:
        return _in_range(super().clean(value))


def _in_range(value: Any) -> Any:
    if value is not None and not is_in_range(value):
        raise forms.ValidationError(OUT_OF_RANGE, code="out_of_range")
    return value


class MomentFilter(django_filters.IsoDateTimeFilter):
    """A time that both databases can hold."""

    field_class = _MomentField


class DayFilter(django_filters.DateFilter):
    """A day that both databases can hold."""

    field_class = _DayField


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
    """The filters of one table; columns that are masked have none."""

    business = ReferenceFilter(
        field_name="business", name="slug", label="A business, by id or slug."
    )

    class Meta:
        filter_overrides: ClassVar[dict[Any, Any]] = {
            models.BooleanField: {"filter_class": YesNoFilter},
            models.DateTimeField: {"filter_class": MomentFilter},
            models.DateField: {"filter_class": DayFilter},
        }

    @classmethod
    def filter_for_lookup(cls, field: Any, lookup_type: str) -> Any:
        """Return the filter of a column; of several choices each is checked too."""
        if lookup_type == "in" and field.choices:
            return SomeOfFilter, {"choices": field.choices}
        return super().filter_for_lookup(field, lookup_type)

    def checked(self) -> dict[str, Any]:
        """Return the checked values. Raises ValidationError for a wrong one."""
        if not self.is_valid():
            raise ValidationError(
                {
                    name: [self._detail(name, **one) for one in found]
                    for name, found in self.errors.get_json_data().items()
                }
            )
        values: dict[str, Any] = self.form.cleaned_data
        return values

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
