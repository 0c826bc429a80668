"""Messages of tickets, written by the actor."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from audit.tenancy.actors import Actor
from customers.models import Ticket, TicketMessage
from customers.services.crud import create_instance


@transaction.atomic
def add_message(
    ticket: Ticket, *, actor: Actor, sent_at: datetime | None = None, **values: Any
) -> TicketMessage:
    """Create a message. `sent_at` is now, unless it was sent elsewhere before.

    Raises ValidationError for a time before the ticket or in the future, and as
    `create_instance` does.
    """
    if sent_at is not None:
        if sent_at < ticket.opened_at:
            msg = _("The ticket was opened later. Send a time after it, or none.")
            raise ValidationError({"sent_at": ValidationError(msg, "too_early")})
        values["sent_at"] = sent_at
    return create_instance(
        TicketMessage,
        business_id=ticket.business_id,
        actor=actor,
        ticket=ticket,
        **values,
    )
