"""Saving tickets and their messages: numbers, times, first answers."""

from __future__ import annotations

from django.db.models import Max
from django.utils import timezone

from customers.choices import AuthorKind, TicketStatus
from customers.models import Business, Ticket, TicketMessage
from customers.services.saving import Write, check_not_erased, save_plainly


def stamp_ticket(row: Ticket) -> None:
    """Set the times that its status asks for."""
    now = timezone.now()
    if row.status in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
        row.resolved_at = row.resolved_at or now
    if row.status == TicketStatus.CLOSED:
        row.closed_at = row.closed_at or now


def save_ticket(write: Write[Ticket]) -> None:
    """Write a ticket; a new one gets the next number of its business."""
    row = write.row
    if row.number is None:
        # One writer at a time per business, so that no number is given twice.
        Business.objects.select_for_update(no_key=True).get(pk=row.business_id)
        newest = Ticket.objects.filter(business=row.business_id).aggregate(
            n=Max("number")
        )
        row.number = (newest["n"] or 0) + 1
    stamp_ticket(row)
    save_plainly(write)


def save_message(write: Write[TicketMessage]) -> None:
    """Write a message; the first one of staff to the customer answers the ticket."""
    row, ticket = write.row, write.row.ticket
    check_not_erased(ticket.customer)
    if write.is_new and row.author_kind == AuthorKind.STAFF:
        row.author_id = row.author_id or write.actor.user_id
        if not row.is_internal and ticket.first_responded_at is None:
            ticket.first_responded_at = row.sent_at
            ticket.by(write.actor).save(update_fields=["first_responded_at"])
    write.save()
