"""Customers, their figures and their preferences."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.rest.model_serializers import HubModelSerializer
from customers import services
from customers.api.fields import AnswerField
from customers.api.serializers.base import (
    ARCHIVE,
    OF_CUSTOMER,
    TIMES,
    HubCreateSerializer,
    HubUpdateSerializer,
    MoneyModelSerializer,
)
from customers.choices import CustomerStatus
from customers.models import Customer, CustomerStats, Preferences


class CustomerSerializer(HubModelSerializer):
    """A customer."""

    status = serializers.ChoiceField(
        (*CustomerStatus.values, "archived", "erased"),
        source="display_status",
        read_only=True,
    )

    class Meta:
        model = Customer
        fields: ClassVar = [
            "id",
            "business_id",
            "unique_id",
            *services.CUSTOMER_COLUMNS,
            "email_bounced_at",
            "phone_e164",
            "erased_at",
            *ARCHIVE,
            "rev",
            *TIMES,
        ]


class CustomerCreateSerializer(HubCreateSerializer):
    """A new customer, with contact preferences and a primary address."""

    name = serializers.CharField(max_length=255)
    prefer_sms = AnswerField(required=False)
    prefer_email = AnswerField(required=False)
    prefer_call = AnswerField(required=False)
    address = serializers.CharField(
        max_length=2000, required=False, help_text="The primary one, as typed."
    )

    class Meta:
        model = Customer
        fields: ClassVar = [
            *services.CUSTOMER_COLUMNS,
            *("prefer_sms", "prefer_email", "prefer_call", "address"),
        ]


class CustomerUpdateSerializer(HubUpdateSerializer, CustomerCreateSerializer):
    """Changes of a customer."""

    class Meta(CustomerCreateSerializer.Meta):
        fields: ClassVar = [*services.CUSTOMER_COLUMNS]


class StatsSerializer(MoneyModelSerializer):
    """The figures of a customer; amounts are in the business's currency."""

    amounts = ("total_spent", "avg_transaction_value")
    currency = "business.currency"

    class Meta:
        model = CustomerStats
        fields: ClassVar = [
            *OF_CUSTOMER,
            "total_orders",
            "completed_orders",
            "cancelled_orders",
            "no_show_orders",
            "refunded_orders",
            "total_purchases",
            "total_spent",
            "spent",
            "avg_transaction_value",
            "total_items_bought",
            "first_purchase_date",
            "last_purchase_date",
            "is_repeat_customer",
            "repeat_frequency",
            "is_high_value",
            "login_count",
            "last_login_at",
            "last_active_at",
            "data_capture_complete",
            "open_tickets",
            "urgent_tickets",
            "addresses_count",
            "contacts_count",
            "is_opted_in",
            "updated_at",
        ]


class PreferencesSerializer(MoneyModelSerializer):
    """How a customer wants to be reached and served."""

    amounts = ("average_spend",)
    currency = "business.currency"

    class Meta:
        model = Preferences
        fields: ClassVar = [
            *OF_CUSTOMER,
            *services.PREFERENCES_COLUMNS,
            "favorite_tags",
            *TIMES,
        ]


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class TextListField(serializers.JSONField):
    """A list of texts, which the model checks."""


class PreferencesUpdateSerializer(HubUpdateSerializer):
    preferred_categories = TextListField(allow_null=True, required=False)

    class Meta:
        model = Preferences
        fields = services.PREFERENCES_COLUMNS
