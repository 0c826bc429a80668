"""Answers of document 003; the views write the keys in camelCase."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from audit.json_text import JsonObject
from customers import services
from customers.api.contracts.doc003.inputs import ACTS
from customers.api.fields import AmountField, MaybeTextField, NumberField
from customers.api.serializers.base import (
    CompleteModelSerializer,
    PaginationSerializer,
    PaidBookingSerializer,
)
from customers.api.serializers.customer_detail import (
    RevealedAddressSerializer,
    RevealedContactSerializer,
)
from customers.choices import AuthorKind
from customers.models import Booking, Customer, CustomerStats, Ticket, TicketMessage


class HubStatsSerializer(CompleteModelSerializer):
    total_ltv = AmountField(source="total_spent", currency="customer.business.currency")

    class Meta:
        model = CustomerStats
        fields: ClassVar = [
            "total_orders",
            "completed_orders",
            "cancelled_orders",
            "total_ltv",
            "open_tickets",
            "urgent_tickets",
            "addresses_count",
            "contacts_count",
        ]


class HubCustomerSerializer(CompleteModelSerializer):
    email_verified = serializers.BooleanField(source="is_email_verified")
    status = serializers.CharField(source="display_status")
    stats = HubStatsSerializer()

    class Meta:
        model = Customer
        fields: ClassVar = [
            "id",
            "unique_id",
            "name",
            "email",
            "phone",
            "created_at",
            "email_verified",
            "customer_type",
            "status",
            "stats",
        ]


class HubPaginationSerializer(PaginationSerializer):
    """The same in camelCase."""


class HubSummarySerializer(serializers.Serializer[JsonObject]):
    total_customers = serializers.IntegerField()
    total_ltv = NumberField()
    total_orders = serializers.IntegerField()
    total_cancellations = serializers.IntegerField(source="cancelled_orders")
    currency = serializers.CharField()


class HubPageSerializer(serializers.Serializer[JsonObject]):
    customers = HubCustomerSerializer(many=True)
    pagination = HubPaginationSerializer()
    summary = HubSummarySerializer()


class HubBookingSerializer(PaidBookingSerializer):
    paid_amount = AmountField()

    class Meta:
        model = Booking
        fields: ClassVar = [
            "id",
            "reference",
            "kind",
            "status",
            "total_amount",
            "paid_amount",
            "refunded_amount",
            "currency",
            "created_at",
            "completed_at",
        ]


# Components of their own: here the same keys are in camelCase.
class HubPlaceSerializer(RevealedAddressSerializer):
    pass


class HubContactSerializer(RevealedContactSerializer):
    pass


class HubResponseSerializer(serializers.Serializer[TicketMessage]):
    author = serializers.ChoiceField(AuthorKind.choices, source="author_kind")
    body = MaybeTextField()
    created_at = serializers.DateTimeField(source="sent_at")


class HubTicketSerializer(CompleteModelSerializer):
    # From a prefetch.
    responses = HubResponseSerializer(many=True)

    class Meta:
        model = Ticket
        fields: ClassVar = [
            "id",
            "number",
            "subject",
            "status",
            "priority",
            "created_at",
            "responses",
        ]


class HubDetailSerializer(HubCustomerSerializer):
    # `parts` is set by the view.
    flags = serializers.ListField(child=serializers.CharField(), source="parts.flags")
    currency = serializers.CharField(source="business.currency")
    bookings = HubBookingSerializer(many=True, source="parts.bookings")
    addresses = HubPlaceSerializer(many=True, source="parts.addresses")
    contacts = HubContactSerializer(many=True, source="parts.contacts")
    support_tickets = HubTicketSerializer(many=True, source="parts.tickets")
    more = serializers.DictField(child=serializers.BooleanField(), source="parts.more")

    class Meta(HubCustomerSerializer.Meta):
        fields: ClassVar = [
            *HubCustomerSerializer.Meta.fields,
            "flags",
            "currency",
            "bookings",
            "addresses",
            "contacts",
            "support_tickets",
            "more",
        ]


class DuplicateSerializer(serializers.Serializer[services.Duplicate]):
    id = serializers.UUIDField(source="customer.pk")
    reason = serializers.CharField()


class HubCreatedSerializer(HubDetailSerializer):
    """A new customer, with possible duplicates."""

    # Set by the view.
    possible_duplicates = DuplicateSerializer(many=True)

    class Meta(HubDetailSerializer.Meta):
        fields: ClassVar = [*HubDetailSerializer.Meta.fields, "possible_duplicates"]


class DoneSerializer(serializers.Serializer[JsonObject]):
    success = serializers.BooleanField()
    action = serializers.ChoiceField(sorted(ACTS))
    result = serializers.DictField()
    operation_id = serializers.UUIDField()
