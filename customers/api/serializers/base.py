"""Bases of serializers that render whole rows and describe them for the schema."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from audit.rest.model_serializers import HubModelSerializer
from customers.api.fields import AmountField

# The documents say what a key is.
_UNSAID = frozenset({"read_only", "label", "help_text"})


class WholeRowSerializer(HubModelSerializer):
    """A row with all of its keys, as the documents answer it.

    The view asks for no part of it, so the schema promises every key.
    """

    is_sparse = False

    def build_field(self, *args: Any) -> Any:
        kind, options = super().build_field(*args)
        # Nothing is written by it, so the schema need not say it of every key.
        return kind, {k: v for k, v in options.items() if k not in _UNSAID}


class PaidBookingSerializer(WholeRowSerializer):
    """A booking with what went back of it; null without the permission to see that."""

    total_amount = AmountField()
    # From with_refunded().
    refunded_amount = AmountField(allow_null=True)
    permissions: ClassVar = {"refunded_amount": "customers.view_refund"}


class PaginationSerializer(serializers.Serializer[Any]):
    """Where in a list a page is; the count stops at 10,001."""

    page = serializers.IntegerField(source="number")
    limit = serializers.IntegerField()
    total = serializers.IntegerField()
    total_pages = serializers.IntegerField(source="pages")
    total_is_capped = serializers.BooleanField(source="is_capped")
