"""Bookings, tickets, refunds and notes by what somebody types into the search.

Each takes a text and returns rows, the best first, each with whether the text is a
whole reference or number of it. A whole one is looked up in an index. Texts that people
write have none: they are looked through in the newest rows alone, so that a search
takes as long next year; the list of the table searches all.
"""

from __future__ import annotations

from typing import TypeVar

from django.db import connection
from django.db.models import Model, Q, QuerySet

from audit.tenancy.actors import Actor
from customers.models import Booking, Note, Refund, Ticket
from customers.selectors.customers import list_by_index, list_visible

_Model = TypeVar("_Model", bound=Model)
_NEWEST = 1000
# More digits are no number of a ticket.
_DIGITS = 9


def find_bookings(text: str, *, actor: Actor, limit: int) -> list[tuple[Booking, bool]]:
    """Return bookings by reference, external id or invoice number.

    Without a whole one those whose reference begins with the text.
    """
    bookings = list_by_index(Booking, actor=actor).select_related("customer")
    exact = look_up(
        bookings,
        Q(reference__in=_spellings(text)),
        Q(external_id=text),
        Q(invoice_number=text),
    )
    matches = [(booking, True) for booking in exact[:limit]]
    if matches or not _is_like_reference(text):
        return matches
    start = text.upper()
    begin = bookings.filter(reference__startswith=start)
    if connection.vendor == "sqlite":
        # Its LIKE reads along no index; and its texts are in the order of their bytes.
        begin = begin.filter(reference__gte=start, reference__lt=f"{start}\U0010ffff")
    return [(booking, False) for booking in begin.order_by("reference", "pk")[:limit]]


def find_tickets(text: str, *, actor: Actor, limit: int) -> list[tuple[Ticket, bool]]:
    """Return tickets by number, with or without its mark, or by part of the subject."""
    tickets = list_visible(Ticket, actor=actor).select_related("customer")
    digits = text.removeprefix("#")
    if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS:
        exact = list_by_index(Ticket, actor=actor).filter(number=int(digits))
        exact = exact.select_related("customer").order_by("pk")
        matches = [(ticket, True) for ticket in exact[:limit]]
        if matches:
            return matches
    newest = _newest(tickets, "-opened_at", "-pk")
    about = newest.filter(subject__icontains=text).order_by("-opened_at", "-pk")
    return [(ticket, False) for ticket in about[:limit]]


def find_refunds(text: str, *, actor: Actor, limit: int) -> list[tuple[Refund, bool]]:
    """Return refunds by external id, or by the reference of their booking."""
    refunds = list_by_index(Refund, actor=actor).select_related("customer", "booking")
    bookings = list_by_index(Booking, actor=actor, permission="customers.view_refund")
    bookings = bookings.order_by().filter(reference__in=_spellings(text))
    matching = look_up(
        refunds, Q(external_id=text), Q(booking__in=bookings.values("pk"))
    )
    return [(refund, refund.external_id == text) for refund in matching[:limit]]


def find_notes(text: str, *, actor: Actor, limit: int) -> list[tuple[Note, bool]]:
    """Return notes, archived ones left out, by a part of their text."""
    notes = list_visible(Note, actor=actor).select_related("customer")
    # The index begins with the business; keys alone are in the order of time for all.
    ordering = ("-pk",) if actor.business_ids is None else ("-created_at", "-pk")
    newest = _newest(notes.filter(archived_at=None), *ordering)
    about = newest.filter(content__icontains=text).order_by(*ordering)
    return [(note, False) for note in about[:limit]]


def look_up(
    queryset: QuerySet[_Model], *conditions: Q, newest: str = "pk"
) -> QuerySet[_Model]:
    """Return the rows that meet any of some conditions, the newest by a column first.

    Each condition is looked up for itself: joined by OR they would lead to no index.
    """
    each = [
        queryset.select_related(None).order_by().filter(condition).values("pk")
        for condition in conditions
    ]
    ids = each[0].union(*each[1:])
    return queryset.filter(pk__in=ids).order_by(f"-{newest}", "-pk")


def _newest(queryset: QuerySet[_Model], *ordering: str) -> QuerySet[_Model]:
    newest = queryset.select_related(None).order_by(*ordering)
    return queryset.filter(pk__in=newest.values("pk")[:_NEWEST])


def _spellings(text: str) -> set[str]:
    """Return a reference as it was typed, and as ours are written."""
    return {text, text.upper()}


def _is_like_reference(text: str) -> bool:
    """Tell whether a reference may begin so: one word with a digit or a hyphen."""
    is_word = not any(sign.isspace() for sign in text)
    return is_word and any(sign.isdigit() or sign == "-" for sign in text)
