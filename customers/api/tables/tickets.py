"""Tickets and their messages."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError

from audit.json_text import JsonObject
from audit.rest.expansion import Related
from audit.rest.filters import TableFilters
from customers import services
from customers.api.serializers import tickets as serializers
from customers.api.serializers.businesses import ColleagueSerializer
from customers.api.tables.base import (
    CUSTOMER,
    DOES_NOT_EXIST,
    TIMES,
    CustomerRelatedViewSet,
    HubViewSet,
    OfBooking,
)
from customers.api.tables.bookings import BOOKING
from customers.models import Booking, Customer, Ticket, TicketMessage


class TicketFilters(OfBooking):
    assignee = django_filters.UUIDFilter(field_name="assignee_id")


class TicketViewSet(CustomerRelatedViewSet):
    """Requests of customers."""

    tag = "Tickets"
    model = Ticket
    serializer_class = serializers.TicketSerializer
    create_serializer_class = serializers.TicketCreateSerializer
    update_serializer_class = serializers.TicketUpdateSerializer
    references: ClassVar = {"booking_id": Booking}
    filterset_base = TicketFilters
    filterset_fields = (
        "number",
        "status",
        "priority",
        "channel",
        "opened_at",
        "first_response_due_at",
        "resolution_due_at",
        *TIMES,
    )
    has_versions = True
    cursor_field = "opened_at"
    ordering_fields = (
        "opened_at",
        "number",
        "first_response_due_at",
        "resolution_due_at",
        "created_at",
        "updated_at",
    )
    related: ClassVar = {
        "customer": CUSTOMER,
        "booking": BOOKING,
        "assignee": Related(ColleagueSerializer, "assignee"),
    }

    def check_references(
        self, values: JsonObject, *, business_id: UUID, **same: object
    ) -> None:
        super().check_references(values, business_id=business_id, **same)
        key = values.get("assignee_id")
        if key and not services.is_colleague(key, business_id=business_id):
            raise ValidationError({"assignee_id": [DOES_NOT_EXIST]})

    def create_for_customer(self, customer: Customer, values: JsonObject) -> Ticket:
        message = values.pop("message", None)
        if message is None:
            return super().create_for_customer(customer, values)  # type: ignore[return-value]  # of this table
        return services.open_ticket(customer, actor=self.actor, body=message, **values)


class MessageFilters(TableFilters):
    ticket = django_filters.UUIDFilter(field_name="ticket_id")


class MessageViewSet(HubViewSet):
    """Messages of tickets: below one in the path, or of all of them."""

    tag = "Tickets"
    model = TicketMessage
    serializer_class = serializers.MessageSerializer
    create_serializer_class = serializers.MessageCreateSerializer
    update_serializer_class = serializers.MessageUpdateSerializer
    filterset_base = MessageFilters
    filterset_fields = (
        "author_kind",
        "is_internal",
        "sent_at",
        "created_at",
    )
    cursor_field = "sent_at"
    ordering_fields = ("sent_at", "created_at")
    related: ClassVar = {
        "ticket": Related(serializers.TicketSerializer, "ticket"),
        "author": Related(ColleagueSerializer, "author"),
    }

    @cached_property
    def parent_instance(self) -> Ticket | None:
        """The ticket in the path, if there is one. Raises Http404."""
        if not self.parent:
            return None
        key = self.kwargs["pk"]
        ticket = self._tickets().filter(pk=key).first()
        if ticket is None:
            raise self.missing(Ticket, key)
        return ticket

    def _tickets(self) -> QuerySet[Ticket]:
        return self.visible_queryset(Ticket).select_related("customer")

    def get_queryset(self) -> QuerySet[TicketMessage]:
        # The ticket says whom a message is about.
        messages: QuerySet[TicketMessage] = super().get_queryset()
        return messages.select_related("ticket")

    def perform_create(self, values: JsonObject) -> TicketMessage:
        tickets = self._tickets()
        ticket = self.parent_of(values, tickets)
        services.check_live(ticket.customer)
        return services.add_message(ticket, actor=self.actor, **values)
