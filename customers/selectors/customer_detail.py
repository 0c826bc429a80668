"""What belongs to one customer, the newest of each kind; queries do not grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Prefetch

from audit import log
from audit.privacy.confusables import is_look_alike
from audit.tenancy.actors import Actor
from customers.choices import ContactKind
from customers.models import (
    Address,
    Booking,
    Contact,
    Customer,
    Flag,
    Ticket,
    TicketMessage,
)
from customers.selectors.customers import list_visible

# Of those who share the look of a name, most of whom have that very name.
_MAX_LOOK_ALIKES = 100


class Duplicate(NamedTuple):
    """Who may be the same person, and by what."""

    customer: Customer
    reason: str


@dataclass(frozen=True)
class CustomerParts:
    """The newest of each kind, and of which kinds there are more."""

    bookings: list[Booking] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    more: dict[str, bool] = field(default_factory=dict)


def get_parts(customer: Customer, *, actor: Actor, limit: int) -> CustomerParts:
    """Return up to `limit` of each kind, and of tickets what the customer may read.

    Of each ticket the newest messages, the oldest of them first. Kinds that the actor
    may not see are empty.
    """
    bookings: Any = list_visible(Booking, actor=actor)
    messages = list_visible(TicketMessage, actor=actor).filter(is_internal=False)
    newest_messages = messages.order_by("-sent_at", "-pk")[: limit + 1]
    tickets = list_visible(Ticket, actor=actor).prefetch_related(
        Prefetch("messages", newest_messages, to_attr="responses")
    )
    person_kinds = [ContactKind.EMERGENCY, ContactKind.ALTERNATIVE]
    sources: dict[str, Any] = {
        "bookings": bookings.with_refunded(),
        "addresses": list_visible(Address, actor=actor).filter(archived_at=None),
        "contacts": list_visible(Contact, actor=actor).filter(
            kind__in=person_kinds, archived_at=None
        ),
        "tickets": tickets,
    }
    parts: dict[str, list[Any]] = {}
    more: dict[str, bool] = {}
    for name, queryset in sources.items():
        newest = list(queryset.filter(customer=customer)[: limit + 1])
        parts[name] = newest[:limit]
        if len(newest) > limit:
            more["support_tickets" if name == "tickets" else name] = True
    for ticket in parts["tickets"]:
        if len(ticket.responses) > limit:
            more["responses"] = True
        ticket.responses = ticket.responses[:limit][::-1]
    flags = list_visible(Flag, actor=actor).filter(customer=customer, removed_at=None)
    codes = sorted(flags.values_list("code", flat=True))
    return CustomerParts(**parts, flags=codes, more=more)


def find_possible_duplicates(
    customer: Customer, *, actor: Actor, limit: int = 10
) -> list[Duplicate]:
    """Return who may be the same person in the business, and by what.

    The same phone number, a former e-mail, or an e-mail or name that looks the same and
    is another one. The access event records whom it names.
    """
    others: Any = list_visible(Customer, actor=actor)
    others = others.live()
    others = others.filter(business=customer.business_id).exclude(pk=customer.pk)
    duplicates: dict[Any, Duplicate] = {}
    if customer.phone_e164:
        for other in others.filter(phone_e164=customer.phone_e164)[:limit]:
            duplicates[other.pk] = Duplicate(other, "same_phone")
    if customer.email_key:
        contacts = list_visible(Contact, actor=actor).order_by()
        former = contacts.filter(email_key=customer.email_key).values("customer")
        for other in others.filter(pk__in=former)[:limit]:
            duplicates.setdefault(other.pk, Duplicate(other, "same_email"))
    for other in others.looking_like(customer)[:_MAX_LOOK_ALIKES]:
        if reason := _look_alike(other, customer):
            duplicates.setdefault(other.pk, Duplicate(other, reason))
    named = list(duplicates.values())[:limit]
    if named:
        log.note_access("customer.listed", [other for other, _ in named], actor=actor)
    return named


def _look_alike(other: Customer, customer: Customer) -> str | None:
    """Return what looks the same of two customers, if anything does."""
    if other.email_skeleton and other.email_skeleton == customer.email_skeleton:
        return "similar_email"
    return "similar_name" if is_look_alike(other.name, customer.name) else None
