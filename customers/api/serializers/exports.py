"""What is known of each export."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from customers.api.fields import MaybeTextField
from customers.api.serializers.base import PaginationSerializer


class ExportedBySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True)
    name = MaybeTextField()


class ManifestSerializer(serializers.Serializer[Any]):
    """What is known of one export; without rows and hash where it broke off."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(("started", "finished"))
    profile = serializers.CharField()
    format = MaybeTextField()
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


class ManifestsSerializer(serializers.Serializer[Any]):
    exports = ManifestSerializer(many=True)
    pagination = PaginationSerializer()
