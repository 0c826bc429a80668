"""What the search of the admin finds here: customers and what belongs to them."""

from __future__ import annotations

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from audit.admin.search import (
    Description,
    SearchGroup,
    described,
    register_search_group,
)
from audit.privacy.masking import mask_text, shortened
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking, Customer, Note, Refund, Ticket

_SHORT = 80


def _find_customers(
    text: str, *, actor: Actor, limit: int
) -> list[tuple[Customer, bool]]:
    matches = services.find_customers(text, actor=actor, limit=limit)
    return [(match.customer, match.is_exact) for match in matches]


def _describe_customer(customer: Customer) -> Description:
    contact = " · ".join(part for part in (customer.email, customer.phone) if part)
    return Description(customer.name or customer.unique_id, customer.unique_id, contact)


def _describe_booking(booking: Booking) -> Description:
    money = services.format_money(booking.total_amount, booking.currency)
    day = date_format(localtime(booking.placed_at), "SHORT_DATE_FORMAT")
    return described(
        booking.reference, booking.get_status_display(), money, day, booking.customer
    )


def _describe_ticket(ticket: Ticket) -> Description:
    state = (ticket.get_status_display(), ticket.get_priority_display())
    title = f"#{ticket.number} {mask_text(ticket.subject or '')}"
    return described(title, *state, ticket.customer)


def _describe_refund(refund: Refund) -> Description:
    money = services.format_money(refund.amount, refund.currency)
    state = refund.get_status_display()
    return described(money, state, refund.booking.reference, refund.customer)


def _describe_note(note: Note) -> Description:
    # Masked first: a half address would look like none.
    text = mask_text(shortened(note.content or ""))
    title = text if len(text) <= _SHORT else f"{text[:_SHORT]}…"
    day = date_format(localtime(note.created_at), "SHORT_DATE_FORMAT")
    return described(title, note.get_note_type_display(), day, note.customer)


register_search_group(
    SearchGroup(_("Customers"), Customer, _find_customers, _describe_customer, order=10)
)
register_search_group(
    SearchGroup(
        _("Bookings"), Booking, services.find_bookings, _describe_booking, order=20
    )
)
register_search_group(
    SearchGroup(_("Tickets"), Ticket, services.find_tickets, _describe_ticket, order=30)
)
register_search_group(
    SearchGroup(
        _("Refunds"),
        Refund,
        services.find_refunds,
        _describe_refund,
        order=40,
        is_suggested=False,
    )
)
register_search_group(
    SearchGroup(
        _("Notes"),
        Note,
        services.find_notes,
        _describe_note,
        order=50,
        is_suggested=False,
    )
)
