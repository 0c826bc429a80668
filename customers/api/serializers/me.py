"""Who is signed in, where they work, and what they have confirmed."""

from __future__ import annotations

from rest_framework import serializers

from audit.json_text import JsonObject
from customers import services
from customers.choices import Role


class WorkplaceSerializer(serializers.Serializer[services.Workplace]):
    id = serializers.UUIDField(source="business.id")
    slug = serializers.CharField(source="business.slug")
    name = serializers.CharField(source="business.name")
    currency = serializers.CharField(source="business.currency")
    time_zone = serializers.CharField(source="business.timezone")
    role = serializers.ChoiceField(Role.choices, allow_null=True)
    is_default = serializers.BooleanField()
    rights = serializers.ListField(child=serializers.CharField(), source="permissions")


class LiveStepUpSerializer(serializers.Serializer[object]):
    scope = serializers.CharField()
    expires_at = serializers.DateTimeField()


class MeSerializer(serializers.Serializer[JsonObject]):
    """Who is signed in, where they work, and what they have confirmed here."""

    id = serializers.UUIDField(source="user.pk")
    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.get_full_name", allow_blank=True)
    email = serializers.CharField(source="user.email")
    time_zone = serializers.CharField(source="user.time_zone")
    is_platform_owner = serializers.BooleanField(source="user.is_superuser")
    has_second_factor = serializers.BooleanField()
    has_pin = serializers.BooleanField(source="step_up.has_pin")
    step_ups = LiveStepUpSerializer(many=True, source="step_up.grants")
    default_business = serializers.UUIDField(allow_null=True)
    businesses = WorkplaceSerializer(many=True)
