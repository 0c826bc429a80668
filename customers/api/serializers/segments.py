"""Ready segments and the customers in them."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from audit.json_text import JsonObject
from customers.api.fields import AmountTextField
from customers.api.serializers.base import CompleteModelSerializer, PaginationSerializer
from customers.models import Customer


class ContactableSerializer(serializers.Serializer[Customer]):
    """Which channels may carry offers now, and the rule that decided."""

    email = serializers.BooleanField()
    sms = serializers.BooleanField()
    call = serializers.BooleanField()
    rule = serializers.CharField()

    def get_attribute(self, instance: Customer) -> JsonObject:
        # The view asks for a whole page at once.
        contactable: JsonObject = self.context["contactable"][instance.pk]
        return contactable


class OneSegmentSerializer(serializers.Serializer[JsonObject]):
    key = serializers.CharField()
    title = serializers.CharField()
    definition = serializers.CharField()
    use = serializers.CharField()
    count = serializers.IntegerField()
    as_of = serializers.DateTimeField()


class SegmentListSerializer(serializers.Serializer[JsonObject]):
    segments = OneSegmentSerializer(many=True)


class SegmentCustomerSerializer(CompleteModelSerializer):
    status = serializers.CharField(source="display_status")
    total_purchases = serializers.IntegerField(source="stats.total_purchases")
    total_spent = AmountTextField(
        source="stats.total_spent", currency="business.currency"
    )
    currency = serializers.CharField(source="business.currency")
    last_login_at = serializers.DateTimeField(
        source="stats.last_login_at", allow_null=True
    )
    last_purchase_date = serializers.DateField(
        source="stats.last_purchase_date", allow_null=True
    )
    contactable = ContactableSerializer()

    class Meta:
        model = Customer
        fields: ClassVar = [
            "id",
            "unique_id",
            "name",
            "email",
            "phone",
            "customer_type",
            "status",
            "total_purchases",
            "total_spent",
            "currency",
            "joined_at",
            "last_login_at",
            "last_purchase_date",
            "contactable",
        ]


class SegmentCustomersSerializer(serializers.Serializer[JsonObject]):
    customers = SegmentCustomerSerializer(many=True)
    pagination = PaginationSerializer()
