"""Saving tickets and their messages: numbers, times, first responses."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.tenancy.actors import Actor
from customers.choices import AuthorKind, Channel, TicketPriority, TicketStatus
from customers.models import Business, Customer, Ticket, TicketMessage
from customers.selectors.customers import is_colleague
from customers.services.constraints import changed_columns, clean_instance
from customers.services.writing import (
    Write,
    check_live,
    check_not_erased,
    save_plainly,
)


@transaction.atomic
def open_ticket(
    customer: Customer,
    *,
    actor: Actor,
    subject: str,
    body: str,
    author_kind: str = AuthorKind.CUSTOMER,
    priority: str = TicketPriority.NORMAL,
    channel: str = Channel.OTHER,
    assignee_id: UUID | None = None,
    **columns: object,
) -> Ticket:
    """Open a ticket with its first message; `columns` are further ones of the ticket.

    The message is in the customer's words, or an internal note of staff: neither is a
    response. Raises ValidationError for an assignee of another business, and for an
    archived customer.
    """
    check_live(customer)
    if assignee_id and not is_colleague(assignee_id, business_id=customer.business_id):
        msg = _("Choose somebody who works for this business.")
        raise ValidationError({"assignee": ValidationError(msg, "not_found")})
    ticket = Ticket(
        business=customer.business,
        customer=customer,
        subject=subject.strip() or None,
        priority=priority,
        channel=channel,
        assignee_id=assignee_id,
        **columns,
    )
    # Its number is given when it is saved.
    clean_instance(ticket, exclude={"number"})
    save_ticket(Write(ticket, actor=actor))
    message = TicketMessage(
        business=customer.business,
        ticket=ticket,
        author_kind=author_kind,
        is_internal=author_kind == AuthorKind.STAFF,
        body=body.strip() or None,
        sent_at=ticket.opened_at,
    )
    clean_instance(message)
    save_message(Write(message, actor=actor))
    return ticket


def stamp_ticket(ticket: Ticket) -> None:
    """Set the times that belong to the status."""
    now = timezone.now()
    if ticket.status in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
        ticket.resolved_at = ticket.resolved_at or now
    if ticket.status == TicketStatus.CLOSED:
        ticket.closed_at = ticket.closed_at or now


def save_ticket(write: Write[Ticket]) -> None:
    """Write a ticket; a new one gets the next number of its business.

    When its response and its end are due is said when the ticket is opened. Raises
    ValidationError `due_at_opening` for another time.
    """
    ticket, stored = write.instance, write.stored
    if stored is not None:
        _check_due(ticket, stored)
    if ticket.number is None:
        # One writer at a time per business, so that no number is given twice.
        Business.objects.select_for_update(no_key=True).get(pk=ticket.business_id)
        newest = Ticket.objects.filter(business=ticket.business_id).aggregate(
            n=Max("number")
        )
        ticket.number = (newest["n"] or 0) + 1
    stamp_ticket(ticket)
    save_plainly(write)


def _check_due(ticket: Ticket, stored: Ticket) -> None:
    sentences = {
        "first_response_due_at": _(
            "When the first response is due was said at the opening. It stays."
        ),
        "resolution_due_at": _(
            "When the ticket is to be resolved was said at the opening. It stays."
        ),
    }
    errors = {
        name: ValidationError(sentence, code="due_at_opening")
        for name, sentence in sentences.items()
        if getattr(ticket, name) != getattr(stored, name)
    }
    if errors:
        raise ValidationError(errors)


def save_message(write: Write[TicketMessage]) -> None:
    """Write a message; the first one of staff that is not internal is the response.

    What was sent, or written by a customer, stays. Raises ValidationError:
    `message_sent`, `not_yours` for an internal note of a colleague.
    """
    message, ticket = write.instance, write.instance.ticket
    check_not_erased(ticket.customer)
    if write.stored is not None:
        _check_message_change(message, write.stored, write.actor)
    if write.is_new and message.author_kind == AuthorKind.STAFF:
        message.author_id = message.author_id or write.actor.user_id
        if not message.is_internal and ticket.first_responded_at is None:
            ticket.first_responded_at = message.sent_at
            ticket.as_actor(write.actor).save(
                savepoint=False, update_fields=["first_responded_at"]
            )
    write.save()


def _check_message_change(
    message: TicketMessage, stored: TicketMessage, actor: Actor
) -> None:
    """Let the author of an internal note change its text, and nobody anything else."""
    changed = changed_columns(message, stored)
    if not changed:
        return
    if not stored.is_internal:
        msg = _("A message that was sent stays as it is. Write a further one.")
        raise ValidationError(msg, code="message_sent")
    if changed != {"body"}:
        msg = _("Of an internal note only the text changes. Write a further message.")
        raise ValidationError(msg, code="message_sent")
    if stored.author_id != actor.user_id:
        msg = _("Only notes of your own can be changed. Write a further one.")
        raise ValidationError(msg, code="not_yours")
