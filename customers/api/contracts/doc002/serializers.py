"""What document 002 answers."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from audit.json_text import JsonObject
from customers.api.fields import AmountField, MaybeTextField
from customers.api.serializers.base import CompleteModelSerializer
from customers.api.serializers.segments import ContactableSerializer
from customers.models import Customer


class TargetedCustomerSerializer(CompleteModelSerializer):
    full_name = MaybeTextField(source="name")
    # Orders are purchases there.
    total_orders = serializers.IntegerField(source="stats.total_purchases")
    total_spent = AmountField(source="stats.total_spent", currency="business.currency")
    last_login_at = serializers.DateTimeField(
        source="stats.last_login_at", allow_null=True
    )
    contactable = ContactableSerializer()
    privacy: ClassVar = {"full_name": "identity"}

    class Meta:
        model = Customer
        fields: ClassVar = [
            "id",
            "unique_id",
            "full_name",
            "email",
            "total_orders",
            "total_spent",
            "last_login_at",
            "contactable",
        ]


class TargetedPageSerializer(serializers.Serializer[JsonObject]):
    count = serializers.IntegerField()
    next = MaybeTextField()
    previous = MaybeTextField()
    results = TargetedCustomerSerializer(many=True)
