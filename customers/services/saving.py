"""Saving an instance of any model, by the rules of its subject.

For pages and viewsets that are made for any model. A service that knows its subject
calls the save function of that subject.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import models, transaction

from audit.tenancy.actors import Actor
from customers.models import (
    Booking,
    BookingPayment,
    Business,
    ConsentEvent,
    Credit,
    Customer,
    Flag,
    Membership,
    Note,
    Refund,
    Ticket,
    TicketMessage,
)
from customers.services.businesses import save_business, save_membership
from customers.services.customers import save_customer
from customers.services.locking import lock_stored
from customers.services.money.booking_rules import save_booking
from customers.services.money.money_rules import save_credit, save_refund
from customers.services.money.payments import save_payment
from customers.services.notes import save_note
from customers.services.preferences import save_consent, save_flag
from customers.services.tickets import save_message, save_ticket
from customers.services.writing import Write, check_rev, save_plainly

_Model = TypeVar("_Model", bound=models.Model)

# Each takes the writes of its model. All other models have no rules of their own.
_SAVE: dict[type[models.Model], Callable[[Any], None]] = {
    Booking: save_booking,
    BookingPayment: save_payment,
    Business: save_business,
    ConsentEvent: save_consent,
    Credit: save_credit,
    Customer: save_customer,
    Flag: save_flag,
    Membership: save_membership,
    Note: save_note,
    Refund: save_refund,
    Ticket: save_ticket,
    TicketMessage: save_message,
}


@transaction.atomic
def save_record(
    instance: _Model,
    *,
    actor: Actor,
    reason: str | None = None,
    expected_rev: int | None = None,
) -> _Model:
    """Save an instance with its history, event and figures in one transaction.

    With `expected_rev` the stored row is locked first. Raises ValidationError
    `stale_version` when it is no longer at that revision or for a rule that concerns
    other rows, and as `Write` does.
    """
    customer = stored = None
    if expected_rev is not None:
        customer, stored = lock_stored(instance)
        check_rev(stored, expected_rev)
    write = Write(
        instance, actor=actor, reason=reason, stored=stored, customer=customer
    )
    save_by_subject(write)
    return instance


def save_by_subject(write: Write[_Model]) -> None:
    """Save an instance by the rules of its subject, in the caller's transaction."""
    save = _SAVE.get(type(write.instance), save_plainly)
    save(write)
