"""The hub's own tabs, cards and figures on the page of a customer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from audit import log
from audit.admin.base import Context
from audit.admin.history import changes_of
from audit.history.writing import history_model
from audit.privacy.masking import REVEAL
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.customer_page import VIEW_EVENTS, overview
from customers.admin.page_parts import (
    Card,
    Figure,
    Tab,
    Visit,
    cards_for,
    register_card,
    register_figure,
    register_tab,
)
from customers.choices import (
    PURCHASE_STATUSES,
    UNRESOLVED_STATUSES,
    ConsentChannel,
    ContactKind,
    Purpose,
    TicketPriority,
)
from customers.models import (
    Address,
    Booking,
    ConsentEvent,
    Contact,
    Credit,
    Customer,
    Ticket,
)
from customers.models.booking import BookingQuerySet

_MOST_CREDITS = 100
_FOLDER = "admin/customers/customer"
# Why a person is listed as a possible duplicate.
DUPLICATE_REASONS = {
    "same_phone": "the same phone number",
    "same_email": "had this e-mail",
    "similar_email": "the e-mail looks the same and is another one",
    "similar_name": "the name looks the same and is written with other letters",
}
_VIEW = "customers.view_customer"
_HISTORY = "customers.view_historicalcustomer"


# --- which rows there are -------------------------------------------------------------


def _tickets(customer: Customer, actor: Actor) -> QuerySet[Ticket]:
    tickets = services.list_visible(Ticket, actor=actor)
    own = tickets.filter(business=customer.business_id, customer=customer)
    return own.order_by("-opened_at", "-pk")


def _bookings(customer: Customer, actor: Actor) -> BookingQuerySet:
    bookings = Booking.objects.visible_to(actor).orders()
    own = bookings.filter(business=customer.business_id, customer=customer)
    return own.order_by("-placed_at", "-pk")


def _consents(customer: Customer, actor: Actor) -> QuerySet[ConsentEvent]:
    events = services.list_visible(ConsentEvent, actor=actor)
    own = events.filter(business=customer.business_id, customer=customer)
    return own.order_by("-occurred_at", "-pk")


def _versions(customer: Customer, _actor: Actor) -> QuerySet:
    versions = history_model(Customer)._base_manager.filter(id=customer.pk)
    return versions.order_by("-history_date", "-history_id")


def _looks(customer: Customer, actor: Actor) -> QuerySet:
    return log.list_events_about(customer, actor=actor)


# --- what the tabs show ---------------------------------------------------------------


def _profile(visit: Visit) -> Context:
    return {"cards": cards_for(visit, "profile")}


def _ticket_tab(visit: Visit) -> Context:
    tickets = _tickets(visit.customer, visit.actor).select_related("assignee")
    show = visit.request.GET.get("show", "")
    if show in ("open", "urgent"):
        tickets = tickets.filter(status__in=UNRESOLVED_STATUSES)
    if show == "urgent":
        tickets = tickets.filter(priority=TicketPriority.URGENT)
    page = visit.page(tickets, "tickets")
    page.object_list = [visit.displayed(ticket) for ticket in page.object_list]
    return {"page": page, "show": show}


def _booking_tab(visit: Visit) -> Context:
    bookings = _bookings(visit.customer, visit.actor).with_refunded()
    show = visit.request.GET.get("show", "")
    if show == "purchases":
        bookings = bookings.purchases()
    page = visit.page(bookings, "bookings")
    # The rows are loaded once; what each adds to the lifetime value stands beside it.
    rows = [(visit.displayed(one), *_amounts(one)) for one in page.object_list]
    entries: list[Credit] = []
    if visit.has_perm("customers.view_credit"):
        visible = services.list_visible(Credit, actor=visit.actor)
        own = visible.filter(customer=visit.customer)
        entries = list(own.order_by("-created_at", "-pk")[:_MOST_CREDITS])
    return {
        "page": page,
        "bookings": rows,
        "show": show,
        "spent": _spent(visit.customer),
        "credits": [
            (entry, services.format_money(entry.amount, entry.currency))
            for entry in entries
        ],
        "balances": _balances(visit),
    }


def _amounts(booking: Booking) -> tuple[str, str, str]:
    """Return what a booking costs, what went back, and what it adds to the value."""
    refunded: Decimal = booking.refunded_amount  # type: ignore[attr-defined]  # by `with_refunded`
    is_purchase = booking.status in PURCHASE_STATUSES
    counted = booking.paid_amount - refunded if is_purchase else Decimal(0)
    total, back, adds = (
        services.format_money(amount, booking.currency)
        for amount in (booking.total_amount, refunded, counted)
    )
    return total, back if refunded else "–", adds if is_purchase else "–"


def _spent(customer: Customer) -> list[str]:
    """Return the lifetime value in each currency, the business's first."""
    own = customer.business.currency
    spent: dict[str, str] = {own: "0", **(customer.stats.spent or {})}
    codes = sorted(spent, key=lambda code: (code != own, code))
    return [services.format_money(Decimal(spent[code]), code) for code in codes]


def _balances(visit: Visit) -> list[str]:
    balances = services.credit_balance(visit.customer, actor=visit.actor)
    return [services.format_money(amount, code) for code, amount in balances.items()]


def _consent_tab(visit: Visit) -> Context:
    found = services.contact_answers(visit.customer)
    answers = [
        (purpose, [found[purpose, channel] for channel in ConsentChannel])
        for purpose in Purpose
    ]
    events = visit.page(_consents(visit.customer, visit.actor), "consent")
    events.object_list = [visit.displayed(event) for event in events.object_list]
    return {"answers": answers, "channels": ConsentChannel, "page": events}


def _history_tab(visit: Visit) -> Context:
    page = visit.page(_versions(visit.customer, visit.actor), "history")
    newest = list(page.object_list)
    before = None
    if newest:
        older = _versions(visit.customer, visit.actor)
        last = newest[-1]
        before = older.filter(history_id__lt=last.history_id).first()
    changes = changes_of(newest, before, is_masked=not visit.is_unmasked)
    return {"page": page, "changes": changes, "object": visit.customer}


def _access_tab(visit: Visit) -> Context:
    page = visit.page(_looks(visit.customer, visit.actor), "access")
    names = log.usernames_by_id(event.actor_id for event in page.object_list)
    entries = [
        (event, names.get(event.actor_id) or event.actor_kind)
        for event in page.object_list
    ]
    return {"page": page, "entries": entries}


# --- the cards ------------------------------------------------------------------------


def _contact_card(visit: Visit) -> Context:
    contacts = services.list_visible(Contact, actor=visit.actor)
    own = contacts.filter(customer=visit.customer, archived_at=None)
    displayed = [visit.displayed(contact) for contact in own[:20]]
    further = (ContactKind.EMAIL, ContactKind.PHONE)
    return {
        "further": [one for one in displayed if one.kind in further],
        "contacts": [one for one in displayed if one.kind not in further],
    }


def _address_card(visit: Visit) -> Context:
    addresses = services.list_visible(Address, actor=visit.actor)
    own = addresses.filter(customer=visit.customer, archived_at=None)
    return {"addresses": [visit.displayed(address) for address in own[:10]]}


def _preferences_card(visit: Visit) -> Context:
    return {"preferences": visit.displayed(visit.customer.preferences)}


def _duplicates_card(visit: Visit) -> Context:
    if not visit.customer.is_live:
        return {"duplicates": []}
    duplicates = services.find_possible_duplicates(visit.customer, actor=visit.actor)
    return {
        "duplicates": [
            (visit.displayed(one), DUPLICATE_REASONS[reason])
            for one, reason in duplicates
        ]
    }


def _identity_card(visit: Visit) -> Context:
    return {}


def _note_card(visit: Visit) -> Context:
    notes = services.list_notes(visit.customer, actor=visit.actor)
    pinned = notes.filter(is_pinned=True).order_by("-created_at", "-pk")[:5]
    return {"notes": [visit.displayed(note) for note in pinned]}


# --- the figures ----------------------------------------------------------------------


def _value(visit: Visit) -> str:
    return " · ".join(_spent(visit.customer))


def _average(visit: Visit) -> str:
    average = visit.customer.stats.avg_transaction_value
    if average is None:
        return "no purchase yet"
    return f"average {services.format_money(average, visit.customer.business.currency)}"


def _orders(visit: Visit) -> str:
    return str(visit.customer.stats.total_orders)


def _order_detail(visit: Visit) -> str:
    stats = visit.customer.stats
    return f"{stats.completed_orders} completed, {stats.cancelled_orders} cancelled"


def _open_tickets(visit: Visit) -> str:
    return str(visit.customer.stats.open_tickets)


def _urgent(visit: Visit) -> str:
    urgent = visit.customer.stats.urgent_tickets
    return f"{urgent} urgent" if urgent else "none urgent"


def _credit(visit: Visit) -> str:
    own = services.format_money(Decimal(0), visit.customer.business.currency)
    return " · ".join(_balances(visit)) or own


def _tab(key: str, title: str, *permissions: str, **more: Any) -> None:
    register_tab(Tab(key, title, permissions, f"{_FOLDER}/{key}.html", **more))


_tab("overview", "Overview", _VIEW, context=overview, order=1)
_tab("profile", "Profile", _VIEW, context=_profile, order=2)
_tab(
    "tickets",
    "Tickets",
    "customers.view_ticket",
    context=_ticket_tab,
    rows=_tickets,
    order=3,
)
_tab(
    "bookings",
    "Bookings",
    "customers.view_booking",
    context=_booking_tab,
    rows=_bookings,
    order=4,
)
_tab(
    "consent",
    "Consent",
    "customers.view_consentevent",
    context=_consent_tab,
    rows=_consents,
    order=6,
)
_tab("history", "History", _HISTORY, context=_history_tab, rows=_versions, order=7)
_tab(
    "access",
    "Who looked",
    VIEW_EVENTS,
    REVEAL,
    context=_access_tab,
    rows=_looks,
    order=8,
)

_CARDS = {
    "notes": ("Pinned notes", "customers.view_note", _note_card),
    "contact": ("Contact", _VIEW, _contact_card),
    "addresses": ("Addresses", "customers.view_address", _address_card),
    "preferences": ("Preferences", "customers.view_preferences", _preferences_card),
    "duplicates": ("Possible duplicates", _VIEW, _duplicates_card),
    "identity": ("Identity", _VIEW, _identity_card),
}
for place, keys in (
    ("overview", ("notes", "contact", "addresses", "preferences", "duplicates")),
    ("profile", ("identity", "contact", "addresses", "preferences")),
):
    for key in keys:
        title, permission, context = _CARDS[key]
        template = f"{_FOLDER}/card_{key}.html"
        register_card(Card(key, title, permission, template, context, place))

register_figure(
    Figure(
        "Lifetime value",
        "customers.view_booking",
        _value,
        _average,
        "tab=bookings&show=purchases",
    )
)
register_figure(
    Figure("Orders", "customers.view_booking", _orders, _order_detail, "tab=bookings")
)
register_figure(
    Figure(
        "Open tickets",
        "customers.view_ticket",
        _open_tickets,
        _urgent,
        "tab=tickets&show=open",
    )
)
register_figure(
    Figure(
        "Credit",
        "customers.view_credit",
        _credit,
        lambda _: "what is left to spend",
        "tab=bookings#credit",
    )
)
