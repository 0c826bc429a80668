"""Answers of document 004."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers

from audit.json_text import JsonObject
from audit.privacy.masking import mask, masks_of
from customers import services
from customers.api.fields import (
    AmountField,
    MaybeTextField,
    NumberField,
    PresumedField,
)
from customers.api.serializers.base import (
    TIMES,
    CompleteModelSerializer,
    PaginationSerializer,
    PaidBookingSerializer,
)
from customers.choices import LoyaltyTier
from customers.models import (
    Booking,
    Customer,
    CustomerStats,
    Note,
    Preferences,
)

_CUSTOMER = ["id", "unique_id", "name", "phone", "email", "customer_type"]
_OF_CUSTOMER = ["id", "customer_id", "business_id"]
_CURRENCY = "customer.business.currency"


class CustomerPreferencesSerializer(CompleteModelSerializer):
    average_spend = NumberField(allow_null=True)

    class Meta:
        model = Preferences
        fields: ClassVar = [
            "favorite_products",
            "preferred_payment",
            "average_spend",
            "best_contact_time",
            "do_not_contact",
            "can_receive_offers",
            "can_receive_loyalty",
        ]


class StoredPreferencesSerializer(CustomerPreferencesSerializer):
    class Meta(CustomerPreferencesSerializer.Meta):
        fields: ClassVar = [
            *_OF_CUSTOMER,
            *CustomerPreferencesSerializer.Meta.fields,
            *TIMES,
        ]


class DaysSincePurchaseField(serializers.IntegerField):
    """Whole days since the last purchase, as of now."""

    def get_attribute(self, instance: CustomerStats) -> int | None:
        return services.days_since_purchase(instance.customer)


class PurchaseFiguresSerializer(CompleteModelSerializer):
    total_spent = AmountField(currency=_CURRENCY)
    total_items_bought = NumberField()
    avg_transaction_value = AmountField(currency=_CURRENCY, absent=Decimal(0))
    days_since_last_purchase = DaysSincePurchaseField(allow_null=True)
    customer_lifetime_value = AmountField(source="total_spent", currency=_CURRENCY)

    class Meta:
        model = CustomerStats
        fields: ClassVar = [
            "total_purchases",
            "total_spent",
            "total_items_bought",
            "avg_transaction_value",
            "first_purchase_date",
            "last_purchase_date",
            "days_since_last_purchase",
            "is_repeat_customer",
            "repeat_frequency",
            "customer_lifetime_value",
        ]


class PurchaseSummarySerializer(PurchaseFiguresSerializer):
    # Made with the customer, in the same transaction.
    created_at = serializers.DateTimeField(source="customer.created_at")

    class Meta(PurchaseFiguresSerializer.Meta):
        fields: ClassVar = [
            *_OF_CUSTOMER,
            *PurchaseFiguresSerializer.Meta.fields,
            *TIMES,
        ]


class CustomerMatchSerializer(CompleteModelSerializer):
    class Meta:
        model = Customer
        fields: ClassVar = _CUSTOMER


class CustomerMatchListSerializer(serializers.Serializer[JsonObject]):
    customers = CustomerMatchSerializer(many=True)


class AddressTextField(MaybeTextField):
    """The primary address as one line, from the prefetch of `with_details()`."""

    def to_representation(self, value: Any) -> Any:
        return next((address.as_text for address in value), None)


class ListedCustomerSerializer(CompleteModelSerializer):
    address = AddressTextField(source="primary_addresses")
    is_active = serializers.BooleanField()
    prefer_sms = PresumedField(source="preferences.prefer_sms", presumed=True)
    prefer_email = PresumedField(source="preferences.prefer_email", presumed=False)
    prefer_call = PresumedField(source="preferences.prefer_call", presumed=False)
    privacy: ClassVar = {"address": "contact"}

    class Meta:
        model = Customer
        fields: ClassVar = [
            "id",
            "business_id",
            *_CUSTOMER[1:-1],
            "address",
            "customer_type",
            "is_active",
            "prefer_sms",
            "prefer_email",
            "prefer_call",
            *TIMES,
        ]


def get_customer_masks(customer: Customer) -> JsonObject:
    """Return what the answer shows in the place of each masked value."""
    address = AddressTextField().to_representation(customer.primary_addresses)  # type: ignore[attr-defined]  # from with_details()
    masks = masks_of(customer)
    return {**masks, "address": mask(address)} if address else masks


class ListedCustomerPageSerializer(serializers.Serializer[JsonObject]):
    customers = ListedCustomerSerializer(many=True)
    pagination = PaginationSerializer()


class RepeatCustomerSerializer(ListedCustomerSerializer):
    purchase_history = PurchaseFiguresSerializer(source="stats")

    class Meta(ListedCustomerSerializer.Meta):
        fields: ClassVar = [*ListedCustomerSerializer.Meta.fields, "purchase_history"]


class RepeatPageSerializer(serializers.Serializer[JsonObject]):
    customers = RepeatCustomerSerializer(many=True)
    pagination = PaginationSerializer()


class AuthorNameField(serializers.CharField):
    def to_representation(self, value: Any) -> str:
        return value.get_full_name() or value.username


class AuthorSerializer(serializers.Serializer[object]):
    id = serializers.UUIDField()
    name = AuthorNameField(source="*")


class CustomerNoteSerializer(CompleteModelSerializer):
    created_by = AuthorSerializer(allow_null=True)

    class Meta:
        model = Note
        fields: ClassVar = [
            *_OF_CUSTOMER,
            "note_type",
            "content",
            "created_by",
            *TIMES,
        ]


class CustomerNotePageSerializer(serializers.Serializer[JsonObject]):
    notes = CustomerNoteSerializer(many=True)
    pagination = PaginationSerializer()


class OneCustomerSerializer(RepeatCustomerSerializer):
    preferences = CustomerPreferencesSerializer()
    # The newest; set by the view.
    recent_notes = CustomerNoteSerializer(many=True)

    class Meta(RepeatCustomerSerializer.Meta):
        fields: ClassVar = [
            *ListedCustomerSerializer.Meta.fields,
            "preferences",
            "purchase_history",
            "recent_notes",
        ]


class PurchaseSerializer(PaidBookingSerializer):
    items_count = NumberField()
    purchased_at = serializers.DateTimeField()

    class Meta:
        model = Booking
        fields: ClassVar = [
            "id",
            "reference",
            "kind",
            "status",
            "total_amount",
            "refunded_amount",
            "items_count",
            "currency",
            "purchased_at",
        ]


class PurchasePageSerializer(serializers.Serializer[JsonObject]):
    purchases = PurchaseSerializer(many=True)
    summary = PurchaseSummarySerializer()
    pagination = PaginationSerializer()


class MeasuredCustomerSerializer(CompleteModelSerializer):
    is_active = serializers.BooleanField()

    class Meta:
        model = Customer
        fields: ClassVar = ["id", "name", "customer_type", "is_active"]


class LoyaltySerializer(serializers.Serializer[Customer]):
    tier = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    next_tier = serializers.ChoiceField(LoyaltyTier.choices, allow_null=True)
    purchases_to_next_tier = serializers.IntegerField(allow_null=True)

    def get_attribute(self, instance: Customer) -> JsonObject:
        stats = instance.stats
        tier, missing = services.next_tier(stats.total_purchases, instance.business)
        return {
            "tier": stats.repeat_frequency,
            "next_tier": tier,
            "purchases_to_next_tier": missing,
        }


class MetricsSerializer(serializers.Serializer[Customer]):
    customer = MeasuredCustomerSerializer(source="*")
    metrics = PurchaseFiguresSerializer(source="stats")
    loyalty = LoyaltySerializer()
    currency = serializers.CharField(source="business.currency")
