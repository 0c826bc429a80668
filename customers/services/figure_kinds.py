"""The kinds of figures of a customer, and which rows decide them."""

from __future__ import annotations

import enum
from collections.abc import Collection

from django.db.models import Model

from customers.models import (
    Address,
    Booking,
    BookingPayment,
    ConsentEvent,
    Contact,
    Credit,
    Customer,
    Flag,
    Note,
    Preferences,
    Refund,
    Ticket,
    TicketMessage,
)


class Figures(enum.Flag):
    """Kinds of figures, each computed from other tables.

    Purchases decide consent as well (soft opt-in). `ACTIVITY` is what other apps add.
    """

    PURCHASES = enum.auto()
    TICKETS = enum.auto()
    ADDRESSES = enum.auto()
    CONTACTS = enum.auto()
    CONSENT = enum.auto()
    ACTIVITY = enum.auto()
    ALL = PURCHASES | TICKETS | ADDRESSES | CONTACTS | CONSENT | ACTIVITY


# Which figures depend on a model, and on which of its columns: on any column where none
# is named. On a model that is not here all figures depend.
_NONE = Figures(0)
_DECIDES: dict[type[Model], tuple[Figures, str]] = {
    Address: (Figures.ADDRESSES, "archived_at"),
    Booking: (
        Figures.PURCHASES | Figures.CONSENT,
        "status currency paid_amount items_count completed_at",
    ),
    # What it changes is a column of its booking.
    BookingPayment: (_NONE, ""),
    ConsentEvent: (Figures.CONSENT, ""),
    Contact: (Figures.CONTACTS, "kind archived_at"),
    Credit: (_NONE, ""),
    Customer: (
        Figures.CONSENT,
        "status email email_bounced_at is_email_verified phone archived_at erased_at",
    ),
    Flag: (Figures.CONSENT, "code removed_at"),
    Note: (_NONE, ""),
    Preferences: (
        Figures.CONSENT,
        "do_not_contact can_receive_offers can_receive_loyalty "
        "prefer_email prefer_sms prefer_call",
    ),
    Refund: (Figures.PURCHASES, "status currency amount booking_id"),
    Ticket: (Figures.TICKETS, "status priority"),
    TicketMessage: (_NONE, ""),
}


def figures_from(model: type[Model], changed: Collection[str] | None = None) -> Figures:
    """Return the figures that depend on these columns of a model.

    Without columns those that depend on a new instance.
    """
    figures, columns = _DECIDES.get(model, (Figures.ALL, ""))
    if changed is None or not columns:
        return figures
    return figures if {"customer_id", *columns.split()} & set(changed) else _NONE
