"""Requests and answers about exports, and the rules of segments."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audit.json_text import JsonObject
from audit.rest.serializers import (
    OffsetDateTimeField,
    QuerySerializer,
    StrictSerializer,
)
from customers import services
from customers.api.fields import MaybeTextField, NumberInput
from customers.api.serializers.base import PaginationSerializer
from customers.choices import (
    ConsentChannel,
    CustomerStatus,
    CustomerType,
    ExportProfile,
)

_STATES = (*CustomerStatus.values, "new", "archived")


@extend_schema_field({"type": "object", "additionalProperties": True})
class RuleField(serializers.JSONField):
    """A rule of a segment; the service reads it, and says where it is wrong."""


class Conditions(StrictSerializer):
    """What figures and times customers must have; joined by AND."""

    min_spent = NumberInput(15, 3, required=False)
    min_orders = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, required=False
    )
    last_login_after = OffsetDateTimeField(required=False)
    last_login_before = OffsetDateTimeField(required=False)
    joined_after = OffsetDateTimeField(required=False)
    joined_before = OffsetDateTimeField(required=False)


class TargetQuery(QuerySerializer, Conditions):
    """The conditions of document 002, joined by AND."""

    page = serializers.IntegerField(min_value=1, max_value=100_000, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=20)


class Filters(Conditions):
    """Which customers: all of these conditions have to hold."""

    search = serializers.CharField(max_length=200, allow_blank=True, required=False)
    status = serializers.ChoiceField(_STATES, required=False)
    customer_type = serializers.ChoiceField(CustomerType.choices, required=False)
    segment = serializers.ChoiceField(tuple(services.SEGMENTS), required=False)
    rule = RuleField(required=False)


class ExportReason(StrictSerializer):
    """Why and for whom an export is made; the manifest repeats it."""

    purpose = serializers.CharField(max_length=100)
    reason = serializers.CharField(max_length=500)
    recipient = serializers.CharField(max_length=200, allow_blank=True, required=False)


class ColumnsExport(ExportReason):
    """An export of chosen columns. Without any all are written."""

    format = serializers.ChoiceField(("csv",), default="csv")
    columns = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=100, required=False
    )
    in_clear = serializers.BooleanField(default=False)


class FullExport(ColumnsExport):
    """The export of document 000. Without columns all are written."""

    filters = Filters(required=False)


class ListExport(ColumnsExport):
    """The export of document 003: the filtered list."""

    search = serializers.CharField(max_length=200, allow_blank=True, required=False)
    status = serializers.ChoiceField((*_STATES, ""), required=False)


class _Marketing(StrictSerializer):
    channel = serializers.ChoiceField(
        ConsentChannel.choices, default=ConsentChannel.EMAIL
    )
    preset = serializers.ChoiceField(tuple(services.PRESETS), default="plain")


class MarketingExport(_Marketing, ExportReason):
    """The export of document 002: a segment, or filters, and who said yes."""

    segment = serializers.ChoiceField(tuple(services.SEGMENTS), required=False)
    filters = Filters(required=False)
    purpose = serializers.CharField(max_length=100, default="marketing")


class AnyExport(_Marketing, FullExport):
    """Every export. `channel` and `preset` are for the profile marketing."""

    profile = serializers.ChoiceField(ExportProfile.choices)


class RuleBody(StrictSerializer):
    """A rule to try."""

    rule = RuleField()


class ExportedBySerializer(serializers.Serializer[JsonObject]):
    id = serializers.UUIDField(allow_null=True)
    name = MaybeTextField()


class ManifestSerializer(serializers.Serializer[JsonObject]):
    """The manifest of one export; without count and hash if it broke off."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(("started", "finished"))
    profile = serializers.CharField()
    format = MaybeTextField()
    table = MaybeTextField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    exported_by = ExportedBySerializer()
    filters = serializers.DictField(child=serializers.JSONField())
    search = MaybeTextField()
    columns = serializers.ListField(child=serializers.CharField())
    in_clear = serializers.BooleanField(allow_null=True)
    purpose = MaybeTextField()
    reason = MaybeTextField()
    recipient = MaybeTextField()
    rows = serializers.IntegerField(allow_null=True)
    left_out = serializers.DictField(child=serializers.IntegerField())
    sha256 = MaybeTextField()


class ManifestsSerializer(serializers.Serializer[JsonObject]):
    exports = ManifestSerializer(many=True)
    pagination = PaginationSerializer()


def filters_of(body: JsonObject) -> JsonObject:
    """Return the filters of a body: those below `filters`, and those beside it."""
    filters = dict(body.get("filters") or {})
    for name in ("search", "status", "segment"):
        if body.get(name):
            filters[name] = body[name]
    return filters
