"""Tickets and their messages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from audit.rest.filters import TableFilters
from audit.rest.model_serializers import CreateSerializer, Related, UpdateSerializer
from customers import services
from customers.api.tables import rows
from customers.api.tables.base import CustomerRelatedViewSet, HubViewSet
from customers.api.tables.belongings import CUSTOMER
from customers.api.tables.bookings import BOOKING, OfBooking
from customers.models import Booking, Ticket, TicketMessage

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
_MESSAGE = ["author_kind", "is_internal", "body", "sent_at"]
_BETWEEN = ["gte", "lt"]
_NO_ROW = ErrorDetail("There is no such row.", "does_not_exist")


class NewTicket(CreateSerializer):
    subject = serializers.CharField(max_length=255)

    class Meta:
        model = Ticket
        fields: ClassVar = ["customer_id", *_TICKET]


class ChangedTicket(UpdateSerializer):
    subject = serializers.CharField(max_length=255)

    class Meta:
        model = Ticket
        fields = _TICKET


class TicketFilters(OfBooking):
    assignee = django_filters.UUIDFilter(field_name="assignee_id")

    class Meta(OfBooking.Meta):
        model = Ticket
        fields: ClassVar = {
            "number": ["exact"],
            "status": ["exact", "in"],
            "priority": ["exact", "in"],
            "channel": ["exact", "in"],
            "opened_at": _BETWEEN,
            "first_response_due_at": _BETWEEN,
            "resolution_due_at": _BETWEEN,
            "created_at": _BETWEEN,
            "updated_at": _BETWEEN,
        }


class TicketViewSet(CustomerRelatedViewSet):
    """Requests of customers."""

    tag = "Tickets"
    model = Ticket
    serializer_class = rows.TicketRow
    create_serializer_class = NewTicket
    update_serializer_class = ChangedTicket
    references: ClassVar = {"booking_id": Booking}
    filterset_class = TicketFilters
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
        "assignee": Related(rows.ColleagueRow, "assignee"),
    }

    def check_references(
        self, values: Mapping[str, Any], *, business_id: UUID, **same: Any
    ) -> None:
        super().check_references(values, business_id=business_id, **same)
        key = values.get("assignee_id")
        if key and not services.is_colleague(key, business_id=business_id):
            raise ValidationError({"assignee_id": [_NO_ROW]})


class NewMessage(CreateSerializer):
    body = serializers.CharField(max_length=20_000)

    class Meta:
        model = TicketMessage
        fields: ClassVar = ["ticket_id", *_MESSAGE]


class ChangedMessage(UpdateSerializer):
    body = serializers.CharField(max_length=20_000)

    class Meta:
        model = TicketMessage
        fields: ClassVar = ["is_internal", "body"]


class MessageFilters(TableFilters):
    ticket = django_filters.UUIDFilter(field_name="ticket_id")

    class Meta(TableFilters.Meta):
        model = TicketMessage
        fields: ClassVar = {
            "author_kind": ["exact"],
            "is_internal": ["exact"],
            "sent_at": _BETWEEN,
            "created_at": _BETWEEN,
        }


class MessageViewSet(HubViewSet):
    """Messages of tickets: below the ticket's address, or all of them."""

    tag = "Tickets"
    model = TicketMessage
    serializer_class = rows.MessageRow
    create_serializer_class = NewMessage
    update_serializer_class = ChangedMessage
    filterset_class = MessageFilters
    cursor_field = "sent_at"
    ordering_fields = ("sent_at", "created_at")
    related: ClassVar = {
        "ticket": Related(rows.TicketRow, "ticket"),
        "author": Related(rows.ColleagueRow, "author"),
    }

    @cached_property
    def parent_instance(self) -> Ticket | None:
        """The ticket that the address names, if it does."""
        return self.ticket(self.kwargs["pk"]) if self.parent else None

    def ticket(self, key: str) -> Ticket:
        """Return a ticket. Raises Http404."""
        rows = self.visible_queryset(Ticket).select_related("customer")
        found: Ticket | None = rows.filter(pk=key).first()
        if found is None:
            raise self.missing(Ticket, key)
        return found

    def get_queryset(self) -> Any:
        # Whom a message is about stands in its ticket.
        messages = super().get_queryset().select_related("ticket")
        if self.parent_instance is None:
            return messages
        return messages.filter(
            business=self.parent_instance.business_id, ticket=self.parent_instance
        )

    def body(self, **context: Any) -> Any:
        """Return the checked body; below a ticket's address it names no other."""
        values = super().body(**context)
        if self.action == "create":
            if self.parent_instance is not None:
                values.setdefault("ticket_id", self.parent_instance.pk)
            self._check_ticket(values)
        return values

    def _check_ticket(self, values: Mapping[str, Any]) -> None:
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
            error = _NO_ROW
        else:
            return
        raise ValidationError({"ticket_id": [error]})

    def perform_create(self, values: dict[str, Any]) -> Any:
        key = str(values.pop("ticket_id"))
        ticket = self.parent_instance or self.ticket(key)
        services.check_live(ticket.customer)
        return services.add_message(ticket, actor=self.actor, **values)

    def perform_update(
        self, row: Any, expected_rev: int | None, changes: dict[str, Any]
    ) -> Any:
        return services.change_message(row, actor=self.actor, **changes)
