"""Answers about one customer: timeline, metrics and contact data; and the search."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from customers.api.contracts.doc003.serializers import (
    HubContactSerializer,
    HubPlaceSerializer,
)
from customers.api.fields import (
    AmountsField,
    AmountTextField,
    MaybeTextField,
    NumberTextField,
)
from customers.api.serializers.base import CompleteModelSerializer
from customers.choices import LoyaltyTier
from customers.models import Customer


class TimelineItemSerializer(serializers.Serializer[Any]):
    """One thing that happened; `data` differs by kind."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    title = serializers.CharField()
    actor = MaybeTextField()
    amount = AmountTextField(allow_null=True)
    currency = MaybeTextField()
    data = serializers.DictField()  # type: ignore[assignment]  # a key of the answer


class TimelineSerializer(serializers.Serializer[Any]):
    """A page of what happened, the newest first."""

    results = TimelineItemSerializer(many=True)
    next = MaybeTextField()
    kinds = serializers.ListField(child=serializers.CharField())


class PersonMetricsSerializer(serializers.Serializer[Any]):
    """Somebody's figures as of a moment."""

    customer_id = serializers.UUIDField(source="customer.pk")
    as_of = serializers.DateTimeField()
    currency = serializers.CharField()
    total_orders = serializers.IntegerField(source="stats.total_orders")
    completed_orders = serializers.IntegerField(source="stats.completed_orders")
    cancelled_orders = serializers.IntegerField(source="stats.cancelled_orders")
    no_show_orders = serializers.IntegerField(source="stats.no_show_orders")
    refunded_orders = serializers.IntegerField(source="stats.refunded_orders")
    total_purchases = serializers.IntegerField(source="stats.total_purchases")
    total_spent = AmountTextField(source="stats.total_spent")
    spent = AmountsField(source="stats.spent")
    customer_lifetime_value = AmountTextField(source="stats.total_spent")
    avg_transaction_value = AmountTextField(
        source="stats.avg_transaction_value", allow_null=True
    )
    total_items_bought = NumberTextField(source="stats.total_items_bought")
    first_purchase_date = serializers.DateField(
        allow_null=True, source="stats.first_purchase_date"
    )
    last_purchase_date = serializers.DateField(
        allow_null=True, source="stats.last_purchase_date"
    )
    days_since_last_purchase = serializers.IntegerField(allow_null=True)
    is_repeat_customer = serializers.BooleanField(source="stats.is_repeat_customer")
    is_high_value = serializers.BooleanField(source="stats.is_high_value")
    repeat_frequency = serializers.ChoiceField(
        LoyaltyTier.choices, allow_null=True, source="stats.repeat_frequency"
    )
    next_tier = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    purchases_to_next_tier = serializers.IntegerField(allow_null=True)
    is_new = serializers.BooleanField()
    is_engaged = serializers.BooleanField()
    is_opted_in = serializers.BooleanField(source="stats.is_opted_in")
    login_count = serializers.IntegerField(source="stats.login_count")
    last_login_at = serializers.DateTimeField(
        allow_null=True, source="stats.last_login_at"
    )
    last_active_at = serializers.DateTimeField(
        allow_null=True, source="stats.last_active_at"
    )
    data_capture_complete = serializers.BooleanField(
        source="stats.data_capture_complete"
    )
    open_tickets = serializers.IntegerField(source="stats.open_tickets")
    urgent_tickets = serializers.IntegerField(source="stats.urgent_tickets")
    addresses_count = serializers.IntegerField(source="stats.addresses_count")
    contacts_count = serializers.IntegerField(source="stats.contacts_count")


# Components of their own: in document 003 the same keys are in camelCase.
class RevealedAddressSerializer(HubPlaceSerializer):
    pass


class RevealedContactSerializer(HubContactSerializer):
    pass


class RevealedSerializer(serializers.Serializer[Any]):
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

    def get_attribute(self, instance: Customer) -> Any:
        return self.context["matched"][instance.pk]


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


class SearchResultsSerializer(serializers.Serializer[Any]):
    results = SearchResultSerializer(many=True)
