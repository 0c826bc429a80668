"""What belongs to one customer, the newest of each kind; queries do not grow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import CharField, Model, Prefetch, QuerySet, Value

from audit import log
from audit.privacy.confusables import is_look_alike
from audit.tenancy.actors import Actor
from customers.choices import ContactKind
from customers.models import (
    Address,
    Booking,
    Contact,
    Customer,
    CustomerQuerySet,
    Flag,
    Ticket,
    TicketMessage,
)
from customers.selectors.customers import (
    list_archived_customers,
    list_customers,
    list_visible,
)

# Of those who share the look of a name, most of whom have that very name.
_MAX_LOOK_ALIKES = 100
_MAX_DUPLICATES = 10
# The strongest first.
_LOOKS = "looks"
_REASONS = ("has_email", "archived_email", "same_phone", "same_email", _LOOKS)
_Model = TypeVar("_Model", bound=Model)


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
    more: dict[str, bool] = {}

    def newest(name: str, queryset: QuerySet[_Model]) -> list[_Model]:
        instances = list(queryset.filter(customer=customer)[: limit + 1])
        if len(instances) > limit:
            more[name] = True
        return instances[:limit]

    bookings = Booking.objects.visible_to(actor).with_refunded()
    addresses = list_visible(Address, actor=actor).filter(archived_at=None)
    contacts = list_visible(Contact, actor=actor).filter(
        kind__in=[ContactKind.EMERGENCY, ContactKind.ALTERNATIVE], archived_at=None
    )
    messages = list_visible(TicketMessage, actor=actor).filter(is_internal=False)
    newest_messages = messages.order_by("-sent_at", "-pk")[: limit + 1]
    tickets = list_visible(Ticket, actor=actor).prefetch_related(
        Prefetch("messages", newest_messages, to_attr="responses")
    )
    flags = list_visible(Flag, actor=actor).filter(customer=customer, removed_at=None)
    parts = CustomerParts(
        newest("bookings", bookings),
        newest("addresses", addresses),
        newest("contacts", contacts),
        newest("support_tickets", tickets),
        sorted(flags.values_list("code", flat=True)),
        more,
    )
    # With `responses`, which the stubs do not know of.
    loaded: list[Any] = parts.tickets
    for ticket in loaded:
        if len(ticket.responses) > limit:
            more["responses"] = True
        ticket.responses = ticket.responses[:limit][::-1]
    return parts


def find_possible_duplicates(customer: Customer, *, actor: Actor) -> list[Duplicate]:
    """Return who may be the same person in the business, and by what.

    The same phone number, a former e-mail, or an e-mail or name that looks the same and
    is another one; one statement. The access event records whom it names.
    """
    others = list_customers(actor=actor, business_id=customer.business_id)
    others = others.exclude(pk=customer.pk)
    parts = _duplicates(customer, others, actor)
    return _named(parts, customer, _MAX_DUPLICATES, actor)


def find_similar(customer: Customer, *, actor: Actor, limit: int) -> list[Duplicate]:
    """Return who may be the same person as one that is being typed, and by what.

    As `find_possible_duplicates`, and who has the e-mail now, archived ones included.
    The customer need not be stored; its derived columns are computed.
    """
    others = list_customers(actor=actor, business_id=customer.business_id)
    others = others.exclude(pk=customer.pk)
    parts = _duplicates(customer, others, actor)
    if customer.email_key:
        archived = list_archived_customers(actor=actor).exclude(pk=customer.pk)
        archived = archived.filter(business=customer.business_id)
        for reason, group in (("has_email", others), ("archived_email", archived)):
            holders = group.filter(email_key=customer.email_key)
            parts[reason] = holders[:_MAX_DUPLICATES]
    return _named(parts, customer, limit, actor)


def _duplicates(
    customer: Customer, others: CustomerQuerySet, actor: Actor
) -> dict[str, QuerySet[Customer]]:
    """Return the customers who may be the same person, by reason."""
    parts: dict[str, QuerySet[Customer]] = {
        _LOOKS: others.looking_like(customer)[:_MAX_LOOK_ALIKES]
    }
    if customer.phone_e164:
        same = others.filter(phone_e164=customer.phone_e164)
        parts["same_phone"] = same[:_MAX_DUPLICATES]
    if customer.email_key:
        contacts = list_visible(Contact, actor=actor).order_by()
        former = contacts.filter(email_key=customer.email_key).values("customer")
        parts["same_email"] = others.filter(pk__in=former)[:_MAX_DUPLICATES]
    return parts


def _named(
    parts: dict[str, QuerySet[Customer]], customer: Customer, limit: int, actor: Actor
) -> list[Duplicate]:
    """Return the first of these, the strongest reason first, in one statement."""
    first, *more = [_because(part, reason) for reason, part in parts.items()]
    union: Iterable[Any] = first.union(*more, all=True) if more else first
    duplicates: dict[UUID, Duplicate] = {}
    for other in sorted(union, key=lambda one: _REASONS.index(one.reason)):
        reason = other.reason
        if reason == _LOOKS:
            reason = _look_alike(other, customer)
        if reason is not None:
            duplicates.setdefault(other.pk, Duplicate(other, reason))
    named = list(duplicates.values())[:limit]
    if named:
        log.note_access("customer.listed", [other for other, _ in named], actor=actor)
    return named


def _because(part: QuerySet[Customer], reason: str) -> QuerySet[Customer]:
    # By key: SQLite orders and cuts no part of a union.
    others = Customer.objects.filter(pk__in=part.values("pk")).order_by()
    return others.annotate(reason=Value(reason, CharField()))


def _look_alike(other: Customer, customer: Customer) -> str | None:
    """Return what looks the same of two customers, if anything does."""
    if other.email_skeleton and other.email_skeleton == customer.email_skeleton:
        return "similar_email"
    return "similar_name" if is_look_alike(other.name, customer.name) else None
