"""What a customer asked for and what was answered."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.fields import NullCharField, PastDateTimeField
from audit.history.models import TrackedModel
from customers.choices import (
    AuthorKind,
    Channel,
    TicketPriority,
    TicketStatus,
    within_sentence,
)
from customers.models.base import BusinessModel, one_of
from customers.models.booking import Booking
from customers.models.customer import Customer
from customers.models.fields import AnswerField


class Ticket(BusinessModel, TrackedModel):
    """A request of a customer, with the clocks of its answer."""

    privacy: ClassVar[dict[str, str]] = {
        "subject": "free_text",
        "raw_channel": "free_text",
    }

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="tickets")
    booking = models.ForeignKey(
        Booking, models.PROTECT, null=True, blank=True, related_name="tickets"
    )
    number = models.PositiveIntegerField(editable=False)
    # Required by every form and service; null only once the person is erased.
    subject = models.CharField(max_length=255, null=True)
    status = models.CharField(
        max_length=20, choices=TicketStatus.choices, default=TicketStatus.OPEN
    )
    priority = models.CharField(
        max_length=20, choices=TicketPriority.choices, default=TicketPriority.NORMAL
    )
    channel = models.CharField(
        max_length=20, choices=Channel.choices, default=Channel.OTHER
    )
    raw_channel = NullCharField(max_length=100, editable=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    opened_at = PastDateTimeField("opened", default=timezone.now)
    first_response_due_at = models.DateTimeField(null=True, blank=True)
    first_responded_at = PastDateTimeField(null=True, blank=True)
    resolution_due_at = models.DateTimeField(null=True, blank=True)
    resolved_at = PastDateTimeField("resolved", null=True, blank=True)
    closed_at = PastDateTimeField("closed", null=True, blank=True)
    rev = models.PositiveIntegerField("revision", default=1, editable=False)

    class Meta(TrackedModel.Meta):
        ordering = ("-opened_at", "-id")
        permissions: ClassVar = [
            ("export_ticket", "Can export tickets"),
            ("import_ticket", "Can import tickets"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "number"], name="ticket_number_unique"
            ),
            one_of("status", TicketStatus.values, "ticket_status_known"),
            one_of("priority", TicketPriority.values, "ticket_priority_known"),
            one_of("channel", Channel.values, "ticket_channel_known"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "customer", "-opened_at"], name="ticket_customer"
            ),
            models.Index(fields=["business", "status", "priority"], name="ticket_desk"),
            models.Index(
                fields=["business", "-opened_at", "-id"], name="ticket_opened"
            ),
            models.Index(fields=["business", "-created_at"], name="ticket_created"),
            models.Index(fields=["-opened_at", "-id"], name="ticket_newest"),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"


class TicketMessage(BusinessModel, TrackedModel):
    """One message of a ticket; internal ones never reach the customer."""

    privacy: ClassVar[dict[str, str]] = {"body": "free_text"}

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="messages")
    author_kind = models.CharField(
        "author", max_length=20, choices=AuthorKind.choices, default=AuthorKind.STAFF
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
    )
    is_internal = AnswerField("internal", default=False)
    # Required by every form and service; null only once the person is erased.
    body = models.TextField(null=True)
    sent_at = PastDateTimeField("sent", default=timezone.now)

    class Meta(TrackedModel.Meta):
        ordering = ("sent_at", "id")
        permissions: ClassVar = [
            ("export_ticketmessage", "Can export ticket messages"),
            ("import_ticketmessage", "Can import ticket messages"),
        ]
        constraints: ClassVar = [
            one_of("author_kind", AuthorKind.values, "message_author_known"),
            models.CheckConstraint(
                condition=models.Q(author_kind=AuthorKind.STAFF)
                | models.Q(is_internal=False),
                name="customers_write_no_internal_messages",
                violation_error_message=_("A customer's message cannot be internal."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "ticket", "sent_at"], name="message_ticket"
            ),
            models.Index(fields=["business", "-created_at"], name="message_created"),
            models.Index(fields=["sent_at", "id"], name="message_order"),
        ]

    @property
    def subject_id(self) -> UUID | None:
        """Whom the row is about."""
        return self.ticket.customer_id

    def __str__(self) -> str:
        return gettext("message of %(author)s") % {
            "author": within_sentence(self.get_author_kind_display())
        }
