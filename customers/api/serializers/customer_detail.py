"""Answers about one customer: timeline, metrics and contact data; and the search."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from audit.json_text import JsonObject
from customers import services
from customers.api.fields import (
    AmountsField,
    AmountTextField,
    MaybeTextField,
    NumberTextField,
)
from customers.api.serializers.base import CompleteModelSerializer
from customers.choices import LoyaltyTier
from customers.models import Address, Contact, Customer


class TimelineItemSerializer(serializers.Serializer[services.TimelineEntry]):
    """One thing that happened; `data` differs by kind."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    title = serializers.CharField()
    actor = MaybeTextField()
    amount = AmountTextField(allow_null=True)
    currency = MaybeTextField()
    data = serializers.DictField()  # type: ignore[assignment]  # a key of the answer


class TimelineSerializer(serializers.Serializer[JsonObject]):
    """A page of what happened, the newest first."""

    results = TimelineItemSerializer(many=True)
    next = MaybeTextField()
    kinds = serializers.ListField(child=serializers.CharField())


class PersonMetricsSerializer(serializers.Serializer[JsonObject]):
    """Somebody's figures as of a moment."""

    customer_id = serializers.UUIDField()
    as_of = serializers.DateTimeField()
    currency = serializers.CharField()
    total_orders = serializers.IntegerField()
    completed_orders = serializers.IntegerField()
    cancelled_orders = serializers.IntegerField()
    no_show_orders = serializers.IntegerField()
    refunded_orders = serializers.IntegerField()
    total_purchases = serializers.IntegerField()
    total_spent = AmountTextField()
    spent = AmountsField()
    customer_lifetime_value = AmountTextField(source="total_spent")
    avg_transaction_value = AmountTextField(allow_null=True)
    total_items_bought = NumberTextField()
    first_purchase_date = serializers.DateField(allow_null=True)
    last_purchase_date = serializers.DateField(allow_null=True)
    days_since_last_purchase = serializers.IntegerField(allow_null=True)
    is_repeat_customer = serializers.BooleanField()
    is_high_value = serializers.BooleanField()
    repeat_frequency = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    next_tier = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    purchases_to_next_tier = serializers.IntegerField(allow_null=True)
    is_new = serializers.BooleanField()
    is_engaged = serializers.BooleanField()
    is_opted_in = serializers.BooleanField()
    login_count = serializers.IntegerField()
    last_login_at = serializers.DateTimeField(allow_null=True)
    last_active_at = serializers.DateTimeField(allow_null=True)
    data_capture_complete = serializers.BooleanField()
    open_tickets = serializers.IntegerField()
    urgent_tickets = serializers.IntegerField()
    addresses_count = serializers.IntegerField()
    contacts_count = serializers.IntegerField()


class RevealedAddressSerializer(CompleteModelSerializer):
    class Meta:
        model = Address
        fields: ClassVar = [
            "id",
            "kind",
            "recipient",
            "label",
            "line1",
            "line2",
            "city",
            "region",
            "postal_code",
            "country",
            "raw",
            "phone",
            "is_primary",
        ]


class RevealedContactSerializer(CompleteModelSerializer):
    class Meta:
        model = Contact
        fields: ClassVar = ["id", "kind", "name", "relation", "email", "phone"]


class RevealedSerializer(serializers.Serializer[JsonObject]):
    """Contact data in clear; `until` is when it has to be asked for again."""

    id = serializers.UUIDField(source="customer.id")
    unique_id = serializers.CharField(source="customer.unique_id")
    name = MaybeTextField(source="customer.name")
    email = MaybeTextField(source="customer.email")
    phone = MaybeTextField(source="customer.phone")
    location = MaybeTextField(source="customer.location")
    addresses = RevealedAddressSerializer(many=True)
    contacts = RevealedContactSerializer(many=True)
    until = serializers.DateTimeField()


class MatchedField(serializers.ChoiceField):
    """What the search text matched; the view puts it into the context."""

    def get_attribute(self, instance: Customer) -> str:
        matched: str = self.context["matched"][instance.pk]
        return matched


class SearchResultSerializer(CompleteModelSerializer):
    matched = MatchedField(("reference", "external_id", "email", "phone", "name"))

    class Meta:
        model = Customer
        fields: ClassVar = [
            "id",
            "unique_id",
            "business_id",
            "name",
            "email",
            "phone",
            "customer_type",
            "matched",
        ]


class SearchResultsSerializer(serializers.Serializer[JsonObject]):
    results = SearchResultSerializer(many=True)
