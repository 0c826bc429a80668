"""Captures and payments by what somebody types into the search of the admin.

Each takes a text and returns rows, the best first, each with whether the text is its
whole id. Everything is looked up in an index.
"""

from __future__ import annotations

from django.db.models import Q

from audit.emails import email_spellings
from audit.tenancy.actors import Actor
from capture.models import Capture, Payment, Source
from customers import services as customers

_SEEN = "capture.view_capture"


def find_captures(text: str, *, actor: Actor, limit: int) -> list[tuple[Capture, bool]]:
    """Return captures by message id; else the newest with this e-mail or user id."""
    captures = customers.list_by_index(Capture, actor=actor).select_related(
        "source", "link__customer"
    )
    # Message ids are unique to a source, and the index has it in between.
    sources = customers.list_visible(Source, actor=actor, permission=_SEEN)
    exact = captures.filter(source__in=sources.values("pk"), message_id=text)
    matches = [(capture, True) for capture in exact.order_by("pk")[:limit]]
    if matches:
        return matches
    about = customers.look_up(
        captures,
        Q(email__in={text, *email_spellings(text)}),
        Q(user_ref=text),
        newest="received_at",
    )
    return [(capture, False) for capture in about[:limit]]


def find_payments(text: str, *, actor: Actor, limit: int) -> list[tuple[Payment, bool]]:
    """Return payments by the transaction id of their processor."""
    payments = customers.list_by_index(Payment, actor=actor).select_related("customer")
    exact = payments.filter(transaction_id=text).order_by("pk")
    return [(payment, True) for payment in exact[:limit]]
