"""Businesses, and the staff who work for them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth import get_user_model

from audit.rest.model_serializers import HubModelSerializer
from customers.api.serializers.base import (
    TIMES,
    HubUpdateSerializer,
    MoneyModelSerializer,
)
from customers.models import Business, Membership

_LIMITS = [
    "country",
    "consent_mode",
    "occasional_from",
    "regular_from",
    "frequent_from",
    "high_value_purchases",
    "high_value_spent",
    "refund_limit",
    "signup_is_login",
    "settings",
]


class ColleagueSerializer(HubModelSerializer):
    """Somebody who works on a row: the names and nothing else."""

    class Meta:
        model = get_user_model()
        fields: ClassVar = ["id", "username", "first_name", "last_name"]


class BusinessSerializer(MoneyModelSerializer):
    """A business, with its limits and settings."""

    amounts = ("high_value_spent", "refund_limit")

    class Meta:
        model = Business
        fields: ClassVar = [
            "id",
            "slug",
            "name",
            "timezone",
            "currency",
            *_LIMITS,
            *TIMES,
        ]


class BusinessUpdateSerializer(HubUpdateSerializer):
    """Limits and settings; the slug and the currency of a business are fixed."""

    class Meta:
        model = Business
        fields: ClassVar = ["name", "timezone", *_LIMITS]


class MembershipSerializer(HubModelSerializer):
    """What somebody is at a business."""

    class Meta:
        model = Membership
        fields: ClassVar = [
            "id",
            "business_id",
            "user_id",
            "role",
            "is_default",
            "ended_at",
            *TIMES,
        ]
