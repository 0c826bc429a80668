"""Saving tickets and their messages: numbers, times, first responses."""

from __future__ import annotations

from django.db.models import Max
from django.utils import timezone

from customers.choices import AuthorKind, TicketStatus
from customers.models import Business, Ticket, TicketMessage
from customers.services.writing import Write, check_not_erased, save_plainly


def stamp_ticket(ticket: Ticket) -> None:
    """Set the times that belong to the status."""
    now = timezone.now()
    if ticket.status in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
        ticket.resolved_at = ticket.resolved_at or now
    if ticket.status == TicketStatus.CLOSED:
        ticket.closed_at = ticket.closed_at or now


def save_ticket(write: Write[Ticket]) -> None:
    """Write a ticket; a new one gets the next number of its business."""
    ticket = write.instance
    if ticket.number is None:
        # One writer at a time per business, so that no number is given twice.
        Business.objects.select_for_update(no_key=True).get(pk=ticket.business_id)
        newest = Ticket.objects.filter(business=ticket.business_id).aggregate(
            n=Max("number")
        )
        ticket.number = (newest["n"] or 0) + 1
    stamp_ticket(ticket)
    save_plainly(write)


def save_message(write: Write[TicketMessage]) -> None:
    """Write a message; the first one of staff that is not internal is the response."""
    message, ticket = write.instance, write.instance.ticket
    check_not_erased(ticket.customer)
    if write.is_new and message.author_kind == AuthorKind.STAFF:
        message.author_id = message.author_id or write.actor.user_id
        if not message.is_internal and ticket.first_responded_at is None:
            ticket.first_responded_at = message.sent_at
            ticket.as_actor(write.actor).save(
                savepoint=False, update_fields=["first_responded_at"]
            )
    write.save()
