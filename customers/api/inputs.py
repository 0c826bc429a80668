"""Bases of bodies and parameters that several endpoints of customers take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from audit.json_text import JsonObject
from audit.rest.model_serializers import without_masked
from audit.rest.serializers import (
    EmailAddressField,
    QuerySerializer,
    StrictSerializer,
    snake_case,
)
from customers.choices import CustomerType


class CustomerInput(StrictSerializer):
    """Who a customer is, as the documents' bodies say it."""

    name = serializers.CharField(max_length=255)
    email = EmailAddressField(max_length=254, allow_null=True, required=False)
    phone = serializers.CharField(max_length=50, allow_null=True, required=False)
    customer_type = serializers.ChoiceField(
        CustomerType.choices, allow_null=True, required=False
    )


class MaskedUpdateSerializer(StrictSerializer):
    """An update of values that the caller may see masked. What is not named stays.

    The context holds `masks`, what the answer has in the place of the stored values,
    and `is_unmasked`.
    """

    # A replacement, as PUT sends it, names every key that is not optional.
    is_replacement: ClassVar[bool] = False
    optional: ClassVar[frozenset[str]] = frozenset()

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        for name, field in fields.items():
            field.required = self.is_replacement and name not in self.optional
        return fields

    def to_internal_value(self, data: object) -> JsonObject:
        """Leave out what comes back masked: it is no change.

        Raises ValidationError for another value in the place of a masked one: a caller
        cannot overwrite what they cannot see.
        """
        masks, is_unmasked = self.context["masks"], self.context["is_unmasked"]
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        changes, errors = without_masked(data, masks, is_unmasked=is_unmasked)
        if errors:
            raise ValidationError(errors)
        sent = {snake_case(str(key)) for key in data.keys() - changes.keys()}
        for name in (sent if is_unmasked else masks.keys()) & self.fields.keys():
            self.fields[name].required = False
        return super().to_internal_value(changes)


class SearchQuery(QuerySerializer):
    """The parameters of a search as you type."""

    q = serializers.CharField(max_length=200, allow_blank=True, default="")
    limit = serializers.IntegerField(min_value=1, max_value=50, default=10)
