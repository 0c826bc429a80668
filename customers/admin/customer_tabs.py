"""The hub's own tabs, cards and figures on the page of a customer."""

from __future__ import annotations

from copy import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from audit import log
from audit.admin.base import Context
from audit.admin.history import changes_of
from audit.history.writing import history_model
from audit.privacy.masking import REVEAL, mask_instance
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.contact_words import (
    METHOD_WORDS,
    PURPOSE_WORDS,
    RULE_WORDS,
    origin_words,
)
from customers.admin.customer_page import VIEW_EVENTS, overview
from customers.admin.page_parts import (
    Card,
    CustomerView,
    Figure,
    Tab,
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
    Customer,
    Ticket,
)
from customers.models.booking import BookingQuerySet

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_MOST_CREDITS = 100
_FOLDER = "admin/customers/customer"
# Why a person is listed as a possible duplicate.
DUPLICATE_REASONS = {
    "has_email": _("has this e-mail"),
    "archived_email": _("archived, with this e-mail: restore instead of adding again"),
    "same_phone": _("the same phone number"),
    "same_email": _("had this e-mail"),
    "similar_email": _("the e-mail looks the same and is another one"),
    "similar_name": _("the name looks the same and is written with other letters"),
}
_VIEW = "customers.view_customer"
_HISTORY = "customers.view_historicalcustomer"


# --- which rows there are -------------------------------------------------------------


def _tickets(customer: Customer, actor: Actor) -> QuerySet[Ticket]:
    tickets = services.list_visible(Ticket, actor=actor)
    visible = tickets.filter(business=customer.business_id, customer=customer)
    return visible.order_by("-opened_at", "-pk")


def _bookings(customer: Customer, actor: Actor) -> BookingQuerySet:
    return services.list_orders(customer, actor=actor)


def _consents(customer: Customer, actor: Actor) -> QuerySet[ConsentEvent]:
    events = services.list_visible(ConsentEvent, actor=actor)
    visible = events.filter(business=customer.business_id, customer=customer)
    return visible.order_by("-occurred_at", "-pk")


def _versions(customer: Customer, _actor: Actor) -> QuerySet:
    versions = history_model(Customer)._base_manager.filter(id=customer.pk)
    return versions.order_by("-history_date", "-history_id")


def _looks(customer: Customer, actor: Actor) -> QuerySet:
    return log.list_events_about(customer, actor=actor)


# --- what the tabs show ---------------------------------------------------------------


def _profile(view: CustomerView) -> Context:
    return {"cards": cards_for(view, "profile")}


def _ticket_tab(view: CustomerView) -> Context:
    tickets = _tickets(view.customer, view.actor).select_related("assignee")
    chosen = view.request.GET.get("show", "")
    if chosen in ("open", "urgent"):
        tickets = tickets.filter(status__in=UNRESOLVED_STATUSES)
    if chosen == "urgent":
        tickets = tickets.filter(priority=TicketPriority.URGENT)
    page = view.paginate(tickets, "tickets")
    page.object_list = [view.displayed(ticket) for ticket in page.object_list]
    return {"page": page, "show": chosen}


def _booking_tab(view: CustomerView) -> Context:
    bookings = _bookings(view.customer, view.actor).with_refunded()
    chosen = view.request.GET.get("show", "")
    if chosen == "purchases":
        bookings = bookings.purchases()
    page = view.paginate(bookings, "bookings")
    # What each adds to the lifetime value stands beside it.
    lines = [(view.displayed(one), *_amounts(one)) for one in page.object_list]
    entries = []
    if view.has_perm("customers.view_credit"):
        newest = services.list_credits(view.customer, actor=view.actor)
        entries = list(newest.order_by("-created_at", "-pk")[:_MOST_CREDITS])
    return {
        "page": page,
        "bookings": lines,
        "show": chosen,
        "spent": _spent(view.customer),
        "credits": [
            (entry, services.format_money(entry.amount, entry.currency))
            for entry in entries
        ],
        "balances": _balances(view),
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
    first = customer.business.currency
    spent: dict[str, str] = {first: "0", **(customer.stats.spent or {})}
    codes = sorted(spent, key=lambda code: (code != first, code))
    return [services.format_money(Decimal(spent[code]), code) for code in codes]


def _balances(view: CustomerView) -> list[str]:
    balances = services.credit_balance(view.customer, actor=view.actor)
    return [services.format_money(amount, code) for code, amount in balances.items()]


def _consent_tab(view: CustomerView) -> Context:
    states = services.contact_states(view.customer, is_loaded=True)
    answers = [
        (purpose, [_answer(state) for state in states if state.purpose == purpose])
        for purpose in Purpose
    ]
    page = view.paginate(_consents(view.customer, view.actor), "consent")
    events = [
        (
            view.displayed(event),
            PURPOSE_WORDS.get(event.purpose, event.purpose),
            METHOD_WORDS.get(event.method, event.method),
        )
        for event in page.object_list
    ]
    return {
        "answers": answers,
        "channels": ConsentChannel,
        "page": page,
        "events": events,
    }


def _answer(state: services.ContactState) -> Context:
    rule = state.answer.rule
    return {
        "state": state,
        "channel": ConsentChannel(state.channel).label,
        "rule": RULE_WORDS.get(rule, rule),
        "origin": origin_words(state.origin),
    }


def _history_tab(view: CustomerView) -> Context:
    page = view.paginate(_versions(view.customer, view.actor), "history")
    newest = list(page.object_list)
    before = None
    if newest:
        older = _versions(view.customer, view.actor)
        last = newest[-1]
        before = older.filter(history_id__lt=last.history_id).first()
    changes = changes_of(newest, before, is_masked=not view.is_unmasked)
    return {"page": page, "changes": changes, "object": view.customer}


def _access_tab(view: CustomerView) -> Context:
    page = view.paginate(_looks(view.customer, view.actor), "access")
    names = log.usernames_by_id(event.actor_id for event in page.object_list)
    entries = [
        (event, names.get(event.actor_id) or event.actor_kind)
        for event in page.object_list
    ]
    return {"page": page, "entries": entries}


# --- the cards ------------------------------------------------------------------------


def _contact_card(view: CustomerView) -> Context:
    contacts = services.list_visible(Contact, actor=view.actor)
    visible = contacts.filter(customer=view.customer, archived_at=None)
    displayed = [view.displayed(contact) for contact in visible[:20]]
    further = (ContactKind.EMAIL, ContactKind.PHONE)
    return {
        "further": [one for one in displayed if one.kind in further],
        "contacts": [one for one in displayed if one.kind not in further],
    }


def _address_card(view: CustomerView) -> Context:
    addresses = services.list_visible(Address, actor=view.actor)
    visible = addresses.filter(customer=view.customer, archived_at=None)
    return {"addresses": [view.displayed(address) for address in visible[:10]]}


def _preferences_card(view: CustomerView) -> Context:
    return {"preferences": view.displayed(view.customer.preferences)}


def _duplicates_card(view: CustomerView) -> Context:
    if not view.customer.is_live:
        return {"duplicates": []}
    duplicates = services.find_possible_duplicates(view.customer, actor=view.actor)
    return {
        "duplicates": [
            # Masked: what is revealed of one person is not revealed of others.
            (mask_instance(copy(one)), DUPLICATE_REASONS[reason])
            for one, reason in duplicates
        ]
    }


def _identity_card(view: CustomerView) -> Context:
    return {}


def _note_card(view: CustomerView) -> Context:
    notes = services.list_notes(view.customer, actor=view.actor)
    pinned = notes.filter(is_pinned=True).order_by("-created_at", "-pk")[:5]
    return {"notes": [view.displayed(note) for note in pinned]}


# --- the figures ----------------------------------------------------------------------


def _value(view: CustomerView) -> str:
    return " · ".join(_spent(view.customer))


def _average(view: CustomerView) -> str:
    average = view.customer.stats.avg_transaction_value
    if average is None:
        return gettext("no purchase yet")
    money = services.format_money(average, view.customer.business.currency)
    return gettext("average %(amount)s") % {"amount": money}


def _orders(view: CustomerView) -> str:
    return str(view.customer.stats.total_orders)


def _order_detail(view: CustomerView) -> str:
    stats = view.customer.stats
    return gettext("%(completed)s completed, %(cancelled)s cancelled") % {
        "completed": stats.completed_orders,
        "cancelled": stats.cancelled_orders,
    }


def _open_tickets(view: CustomerView) -> str:
    return str(view.customer.stats.open_tickets)


def _urgent(view: CustomerView) -> str:
    urgent = view.customer.stats.urgent_tickets
    if not urgent:
        return gettext("none urgent")
    return gettext("%(number)s urgent") % {"number": urgent}


def _credit(view: CustomerView) -> str:
    nothing = services.format_money(Decimal(0), view.customer.business.currency)
    return " · ".join(_balances(view)) or nothing


def _what_is_left(view: CustomerView) -> str:
    return gettext("what is left to spend")


def _tab(key: str, title: _StrOrPromise, *permissions: str, **more: Any) -> None:
    register_tab(Tab(key, title, permissions, f"{_FOLDER}/{key}.html", **more))


_tab("overview", _("Overview"), _VIEW, context=overview, order=1)
_tab("profile", _("Profile"), _VIEW, context=_profile, order=2)
_tab(
    "tickets",
    _("Tickets"),
    "customers.view_ticket",
    context=_ticket_tab,
    queryset=_tickets,
    order=3,
)
_tab(
    "bookings",
    _("Bookings"),
    "customers.view_booking",
    context=_booking_tab,
    queryset=_bookings,
    order=4,
)
_tab(
    "consent",
    _("Consent"),
    "customers.view_consentevent",
    context=_consent_tab,
    queryset=_consents,
    order=6,
)
_tab(
    "history", _("History"), _HISTORY, context=_history_tab, queryset=_versions, order=7
)
_tab(
    "access",
    _("Who looked"),
    VIEW_EVENTS,
    REVEAL,
    context=_access_tab,
    queryset=_looks,
    order=8,
)

_CARDS = {
    "notes": (_("Pinned notes"), "customers.view_note", _note_card),
    "contact": (_("Contact"), _VIEW, _contact_card),
    "addresses": (_("Addresses"), "customers.view_address", _address_card),
    "preferences": (
        pgettext_lazy("customer", "Preferences"),
        "customers.view_preferences",
        _preferences_card,
    ),
    "duplicates": (_("Possible duplicates"), _VIEW, _duplicates_card),
    "identity": (_("Identity"), _VIEW, _identity_card),
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
        _("Lifetime value"),
        "customers.view_booking",
        _value,
        _average,
        "tab=bookings&show=purchases",
    )
)
register_figure(
    Figure(
        _("Orders"), "customers.view_booking", _orders, _order_detail, "tab=bookings"
    )
)
register_figure(
    Figure(
        _("Open tickets"),
        "customers.view_ticket",
        _open_tickets,
        _urgent,
        "tab=tickets&show=open",
    )
)
register_figure(
    Figure(
        _("Credit"),
        "customers.view_credit",
        _credit,
        _what_is_left,
        "tab=bookings#credit",
    )
)
