"""The one way to write a row of the hub: admin, API, import and services use it.

A change, its history, its entry in the trail and the figures that depend on it stand
or fall together. How the rows of a table are written stands with its subject.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.db import models, transaction

from audit.tenancy.actors import Actor
from customers.models import (
    Booking,
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
from customers.services.money.booking_rules import save_booking
from customers.services.money.money_rules import save_credit, save_refund
from customers.services.savers import (
    save_business,
    save_consent,
    save_customer,
    save_flag,
    save_membership,
    save_note,
)
from customers.services.saving import Write, check_not_erased, save_plainly
from customers.services.tickets import save_message, save_ticket

_Row = TypeVar("_Row", bound=models.Model)

# Every other table has no rules of its own.
_SAVE: dict[type[models.Model], Callable[[Any], None]] = {
    Booking: save_booking,
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
    row: _Row,
    *,
    actor: Actor,
    reason: str | None = None,
    verb: str = "",
    stored: _Row | None = None,
    customer: Customer | None = None,
) -> _Row:
    """Write a row as the actor: history, event and figures in one transaction.

    `verb` is what the event says, unless it is "created" or "changed". A caller who has
    locked the customer hands down what it has read since: `stored`, the row as it was,
    and `customer`, whom it is about. Where a business changes what decides everybody's
    figures, these follow after the commit.

    Raises PermissionDenied for another business's row and without the right to add or
    change such rows there, ValidationError for a broken rule that needs other rows.
    The caller has validated the row itself.
    """
    business_id = _check_permission(row, actor)
    if getattr(row, "customer_id", None):
        check_not_erased(customer or row.customer)  # type: ignore[attr-defined]  # has its id
    write = Write(
        row,
        actor=actor,
        business_id=business_id,
        reason=reason,
        verb=verb,
        stored=stored,
        customer=customer,
    )
    save: Callable[[Any], None] = _SAVE.get(type(row), save_plainly)
    save(write)
    return row


def _check_permission(row: models.Model, actor: Actor) -> UUID:
    """Return the business of a row that the actor may add or change there."""
    business_id: UUID = row.pk if isinstance(row, Business) else row.business_id  # type: ignore[attr-defined]  # set at run time, not on the type
    is_new = row._state.adding
    if not (is_new and isinstance(row, Business) and actor.business_ids is None):
        act = "add" if is_new else "change"
        name = f"{row._meta.app_label}.{act}_{row._meta.model_name}"
        actor.require(business_id, name)
    return business_id
