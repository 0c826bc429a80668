"""Bases of serializers, and the columns that several tables have."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import BooleanField, Model
from rest_framework import serializers
from rest_framework.fields import get_attribute

from audit.json_text import JsonObject
from audit.rest.model_serializers import (
    CreateSerializer,
    HubModelSerializer,
    UpdateSerializer,
)
from audit.rest.pagination import Page
from customers import services
from customers.api.fields import AmountField, AmountInput, AnswerField
from customers.models.fields import MoneyField

OF_CUSTOMER = ["id", "business_id", "customer_id"]
TIMES = ["created_at", "updated_at"]
ARCHIVE = ["archived_at", "archived_by_id", "archive_reason"]

# The documents say what a key is.
_UNSAID = frozenset({"read_only", "label", "help_text"})


class MoneyModelSerializer(HubModelSerializer):
    """Renders amounts as strings with the decimals of their currency."""

    amounts: ClassVar[tuple[str, ...]] = ()
    # The path from the instance to the currency of its amounts.
    currency: ClassVar[str] = "currency"

    def to_representation(self, instance: Model) -> JsonObject:
        data = super().to_representation(instance)
        for name in self.amounts:
            if data.get(name) is not None:
                currency = get_attribute(instance, self.currency.split("."))
                amount = getattr(instance, name)
                data[name] = services.amount_text(amount, currency)
        return data


class CompleteModelSerializer(HubModelSerializer):
    """An instance as the documents answer it, who say what each key is."""

    def build_field(self, *args: Any) -> tuple[type[serializers.Field], JsonObject]:
        kind, options = super().build_field(*args)
        # It writes nothing, so the schema need not repeat that for every key.
        return kind, {k: v for k, v in options.items() if k not in _UNSAID}


class PaidBookingSerializer(CompleteModelSerializer):
    """A booking with its refunded amount: null without the permission to see it."""

    total_amount = AmountField()
    # From with_refunded().
    refunded_amount = AmountField(allow_null=True)
    permissions: ClassVar = {"refunded_amount": "customers.view_refund"}


class HubCreateSerializer(CreateSerializer):
    """A new instance; its columns are read as at every other entrance."""

    serializer_field_mapping: ClassVar = {
        **CreateSerializer.serializer_field_mapping,
        BooleanField: AnswerField,
        MoneyField: AmountInput,
    }

    def build_standard_field(
        self, field_name: str, model_field: Any
    ) -> tuple[type[serializers.Field], JsonObject]:
        kind, options = super().build_standard_field(field_name, model_field)
        if issubclass(kind, AmountInput) and not model_field.is_signed:
            options["min_value"] = 0
        return kind, options


class HubUpdateSerializer(UpdateSerializer, HubCreateSerializer):
    """A change; what is not named stays."""


class RelatedUpdateSerializer(HubUpdateSerializer):
    """A change of what belongs to a customer or a ticket, and goes on belonging there.

    Put it before the serializer of a new one.
    """

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        return {k: field for k, field in fields.items() if k not in self.parents}


class PaginationSerializer(serializers.Serializer[Page]):
    """The position of a page in a list; the count stops at 10,001."""

    page = serializers.IntegerField(source="number")
    limit = serializers.IntegerField()
    total = serializers.IntegerField()
    total_pages = serializers.IntegerField(source="pages")
    total_is_capped = serializers.BooleanField(source="is_capped")
