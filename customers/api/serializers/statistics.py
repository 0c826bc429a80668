"""The figures of a business."""

from __future__ import annotations

from rest_framework import serializers

from audit.json_text import JsonObject
from customers.api.fields import AmountsField, NumberTextField


class SignupsOfWeekSerializer(serializers.Serializer[JsonObject]):
    week = serializers.DateField()
    signups = serializers.IntegerField()


class CustomerCountsSerializer(serializers.Serializer[JsonObject]):
    as_of = serializers.DateTimeField()
    currency = serializers.CharField()
    total_customers = serializers.IntegerField()
    active_customers = serializers.IntegerField()
    inactive_customers = serializers.IntegerField()
    new_this_week = serializers.IntegerField()
    new_this_month = serializers.IntegerField()
    marketing_opt_ins = serializers.IntegerField()


class StatisticsSerializer(CustomerCountsSerializer):
    """The figures of a business; rates are fractions, null of nothing."""

    business_id = serializers.UUIDField()
    opt_in_rate = NumberTextField(allow_null=True)
    total_orders = serializers.IntegerField()
    completed_orders = serializers.IntegerField()
    cancelled_orders = serializers.IntegerField()
    refunded_orders = serializers.IntegerField()
    total_purchases = serializers.IntegerField()
    total_items = NumberTextField()
    lifetime_value = AmountsField()
    open_tickets = serializers.IntegerField()
    urgent_tickets = serializers.IntegerField()
    buyers = serializers.IntegerField()
    repeat_customers = serializers.IntegerField()
    repeat_share = NumberTextField(allow_null=True)
    loyalty = serializers.DictField(child=serializers.IntegerField())
    high_value_customers = serializers.IntegerField()
    logins = serializers.IntegerField()
    signups_per_week = SignupsOfWeekSerializer(many=True)
    channels = serializers.DictField(child=serializers.IntegerField())
