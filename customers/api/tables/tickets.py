"""Tickets and their messages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from rest_framework.exceptions import ErrorDetail, ValidationError

from audit.rest.filters import TableFilters
from audit.rest.model_serializers import Related
from customers import services
from customers.api.serializers import tickets as serializers
from customers.api.serializers.businesses import ColleagueSerializer
from customers.api.tables.base import (
    CHOICES,
    CUSTOMER,
    RANGE,
    TIMES,
    CustomerRelatedViewSet,
    HubViewSet,
    OfBooking,
)
from customers.api.tables.bookings import BOOKING
from customers.models import Booking, Ticket, TicketMessage

_DOES_NOT_EXIST = ErrorDetail("There is no such row.", "does_not_exist")


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
    filterset_fields: ClassVar = {
        "number": ["exact"],
        "status": CHOICES,
        "priority": CHOICES,
        "channel": CHOICES,
        "opened_at": RANGE,
        "first_response_due_at": RANGE,
        "resolution_due_at": RANGE,
        **TIMES,
    }
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
        self, values: Mapping[str, Any], *, business_id: UUID, **same: Any
    ) -> None:
        super().check_references(values, business_id=business_id, **same)
        key = values.get("assignee_id")
        if key and not services.is_colleague(key, business_id=business_id):
            raise ValidationError({"assignee_id": [_DOES_NOT_EXIST]})


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
    filterset_fields: ClassVar = {
        "author_kind": ["exact"],
        "is_internal": ["exact"],
        "sent_at": RANGE,
        "created_at": RANGE,
    }
    cursor_field = "sent_at"
    ordering_fields = ("sent_at", "created_at")
    related: ClassVar = {
        "ticket": Related(serializers.TicketSerializer, "ticket"),
        "author": Related(ColleagueSerializer, "author"),
    }

    @cached_property
    def parent_instance(self) -> Ticket | None:
        """The ticket in the path, if there is one."""
        return self.ticket(self.kwargs["pk"]) if self.parent else None

    def ticket(self, key: str) -> Ticket:
        """Return a ticket. Raises Http404."""
        queryset = self.visible_queryset(Ticket).select_related("customer")
        ticket: Ticket | None = queryset.filter(pk=key).first()
        if ticket is None:
            raise self.missing(Ticket, key)
        return ticket

    def get_queryset(self) -> Any:
        # The ticket says whom a message is about.
        messages = super().get_queryset().select_related("ticket")
        if self.parent_instance is None:
            return messages
        return messages.filter(
            business=self.parent_instance.business_id, ticket=self.parent_instance
        )

    def body(self, **context: object) -> Any:
        """Return the checked body; it may repeat the ticket of the path."""
        values = super().body(**context)
        if self.action == "create":
            if self.parent_instance is not None:
                values.setdefault("ticket_id", self.parent_instance.pk)
            self._check_ticket(values)
        return values

    def _check_ticket(self, values: Mapping[str, object]) -> None:
        key = values.get("ticket_id")
        if key is None:
            error = ErrorDetail("Say of which ticket it is.", "required")
        elif self.parent_instance is not None and key != self.parent_instance.pk:
            text = "The body names another ticket than the path. Leave it out."
            error = ErrorDetail(text, "conflict")
        elif not (
            self.parent_instance
            or self.visible_queryset(Ticket).filter(pk=key).exists()
        ):
            error = _DOES_NOT_EXIST
        else:
            return
        raise ValidationError({"ticket_id": [error]})

    def perform_create(self, values: dict[str, Any]) -> Any:
        key = str(values.pop("ticket_id"))
        ticket = self.parent_instance or self.ticket(key)
        services.check_live(ticket.customer)
        return services.add_message(ticket, actor=self.actor, **values)

    def perform_update(
        self, instance: Any, expected_rev: int | None, changes: dict[str, Any]
    ) -> Any:
        return services.change_message(instance, actor=self.actor, **changes)
