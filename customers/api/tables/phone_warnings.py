"""What is written and can hardly be meant is answered with a warning, as forms do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from rest_framework import serializers

from audit.json_text import JsonObject, JsonValue
from customers.api.tables.base import HubViewSet
from customers.values.phone_number import CODE, example_number


class WarningSerializer(serializers.Serializer):
    """What was taken as it was sent, and what to send instead."""

    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class PhoneWarnings(HubViewSet):
    """A table with phones: one that nobody can call is taken, with a warning."""

    written_fields: ClassVar = {
        "warnings": WarningSerializer(
            many=True,
            required=False,
            help_text="Only where there is something to warn of.",
        )
    }

    def about_written(self, instance: Any, sent: JsonValue) -> JsonObject:
        """Return a warning of a phone that was sent and that nobody can call."""
        is_sent = isinstance(sent, Mapping) and "phone" in sent
        if not is_sent or not instance.phone or instance.phone_e164 is not None:
            return {}
        detail = _(
            "The phone is kept as it was sent, but it is no number that can be called "
            "or found by search. Send one like %(example)s."
        ) % {"example": example_number("")}
        return {"warnings": [{"pointer": "/phone", "code": CODE, "detail": detail}]}
