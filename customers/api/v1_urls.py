"""The hub's tables in the canonical API; literal paths before identifiers."""

from __future__ import annotations

from typing import Any

from audit.rest.routers import UUID, route, routes
from customers.api.tables.addresses import AddressViewSet
from customers.api.tables.bookings import BookingViewSet, CreditViewSet, RefundViewSet
from customers.api.tables.businesses import BusinessViewSet, MembershipViewSet
from customers.api.tables.consents import ConsentViewSet
from customers.api.tables.contacts import ContactViewSet
from customers.api.tables.customers import CustomerViewSet
from customers.api.tables.notes import FlagViewSet, NoteViewSet
from customers.api.tables.preferences import (
    CustomerPreferencesViewSet,
    CustomerStatsViewSet,
)
from customers.api.tables.tickets import MessageViewSet, TicketViewSet

_ANY = "[^/]+"
_CUSTOMER = rf"customers/(?P<customer>{_ANY})"
# Also below a customer, and written there.
_OF_CUSTOMERS: dict[str, Any] = {
    "addresses": AddressViewSet,
    "bookings": BookingViewSet,
    "consents": ConsentViewSet,
    "contacts": ContactViewSet,
    "notes": NoteViewSet,
    "tickets": TicketViewSet,
}
_LIST = {"get": "list", "post": "create"}

urlpatterns = [
    *routes("businesses", BusinessViewSet, key=_ANY),
    *routes("memberships", MembershipViewSet),
    *routes("customers", CustomerViewSet, key=_ANY),
    *route(rf"{_CUSTOMER}/stats", CustomerStatsViewSet, {"get": "retrieve"}),
    *route(
        rf"{_CUSTOMER}/preferences",
        CustomerPreferencesViewSet,
        {"get": "retrieve", "patch": "partial_update"},
    ),
    *(
        pattern
        for name, view in _OF_CUSTOMERS.items()
        for pattern in (
            *routes(name, view),
            *route(rf"{_CUSTOMER}/{name}", view, _LIST, parent="customer"),
        )
    ),
    *routes("refunds", RefundViewSet),
    *routes("credits", CreditViewSet),
    *routes("flags", FlagViewSet),
    *routes("messages", MessageViewSet),
    *route(rf"tickets/(?P<pk>{UUID})/messages", MessageViewSet, _LIST, parent="ticket"),
]
