"""Tickets and their messages."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from audit.rest.model_serializers import HubModelSerializer
from customers.api.serializers.base import (
    OF_CUSTOMER,
    TIMES,
    HubCreateSerializer,
    HubUpdateSerializer,
    RelatedUpdateSerializer,
)
from customers.models import Ticket, TicketMessage

_TICKET = [
    "booking_id",
    "subject",
    "status",
    "priority",
    "channel",
    "assignee_id",
    "opened_at",
    "first_response_due_at",
    "resolution_due_at",
]
LONGEST_MESSAGE = 20_000
_MESSAGE = ["ticket_id", "author_kind", "is_internal", "body", "sent_at"]


class TicketSerializer(HubModelSerializer):
    """A request of a customer, with the clocks of its answer."""

    class Meta:
        model = Ticket
        fields: ClassVar = [
            *OF_CUSTOMER,
            "number",
            *_TICKET,
            "raw_channel",
            "first_responded_at",
            "resolved_at",
            "closed_at",
            "rev",
            *TIMES,
        ]


class TicketCreateSerializer(HubCreateSerializer):
    """A new ticket, with its first message."""

    subject = serializers.CharField(max_length=255)
    message = serializers.CharField(
        max_length=LONGEST_MESSAGE,
        required=False,
        help_text="The first message, in the words of the customer.",
    )

    class Meta:
        model = Ticket
        fields: ClassVar = ["customer_id", *_TICKET, "message"]


class TicketUpdateSerializer(RelatedUpdateSerializer):
    """Changes of a ticket."""

    subject = serializers.CharField(max_length=255)

    class Meta:
        model = Ticket
        fields: ClassVar = ["customer_id", *_TICKET]


class MessageSerializer(HubModelSerializer):
    """One message of a ticket; internal ones never reach the customer."""

    class Meta:
        model = TicketMessage
        fields: ClassVar = [
            "id",
            "business_id",
            *_MESSAGE,
            "author_id",
            *TIMES,
        ]


class MessageCreateSerializer(HubCreateSerializer):
    body = serializers.CharField(max_length=LONGEST_MESSAGE)

    class Meta:
        model = TicketMessage
        fields = _MESSAGE


class MessageUpdateSerializer(HubUpdateSerializer, MessageCreateSerializer):
    class Meta(MessageCreateSerializer.Meta):
        fields = ["is_internal", "body"]
