"""Filters of lists: only declared ones, each wrong one named."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db import models
from django_filters.constants import EMPTY_VALUES
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ErrorDetail, ValidationError


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(django_filters.TypedChoiceFilter):
    """`true` or `false`; anything else is an error, not nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("choices", (("true", "true"), ("false", "false")))
        kwargs.setdefault("coerce", lambda text: text == "true")
        super().__init__(*args, **kwargs)


class SomeOfFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """One of several choices, with commas between them."""


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
            models.DateTimeField: {"filter_class": django_filters.IsoDateTimeFilter},
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
                    name: [ErrorDetail(one["message"], one["code"]) for one in found]
                    for name, found in self.errors.get_json_data().items()
                }
            )
        values: dict[str, Any] = self.form.cleaned_data
        return values


class OfCustomer(TableFilters):
    """The filters of a table whose rows belong to a customer."""

    customer = ReferenceFilter(
        field_name="customer",
        name="unique_id",
        label="A customer, by id or reference.",
    )
