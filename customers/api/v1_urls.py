"""The hub's tables in the canonical API; literal addresses before identifiers."""

from __future__ import annotations

from typing import Any

from audit.rest.routers import UUID, route, routes
from customers.api.tables.belongings import (
    Addresses,
    Consents,
    Contacts,
    Flags,
    Notes,
    OwnPreferences,
    OwnStats,
)
from customers.api.tables.bookings import Bookings, Credits, Refunds
from customers.api.tables.businesses import Businesses, Memberships
from customers.api.tables.people import Customers
from customers.api.tables.tickets import Messages, Tickets

_ANY = "[^/]+"
_CUSTOMER = rf"customers/(?P<customer>{_ANY})"
# What stands below a customer too, and is written there.
_OF_CUSTOMERS: dict[str, Any] = {
    "addresses": Addresses,
    "bookings": Bookings,
    "consents": Consents,
    "contacts": Contacts,
    "notes": Notes,
    "tickets": Tickets,
}
_LIST = {"get": "index", "post": "create"}

urlpatterns = [
    *routes("businesses", Businesses, key=_ANY),
    *routes("memberships", Memberships),
    *routes("customers", Customers, key=_ANY),
    *route(rf"{_CUSTOMER}/stats", OwnStats, {"get": "show"}),
    *route(
        rf"{_CUSTOMER}/preferences", OwnPreferences, {"get": "show", "patch": "change"}
    ),
    *(
        pattern
        for name, view in _OF_CUSTOMERS.items()
        for pattern in (
            *routes(name, view),
            *route(rf"{_CUSTOMER}/{name}", view, _LIST, parent="customer"),
        )
    ),
    *routes("refunds", Refunds),
    *routes("credits", Credits),
    *routes("flags", Flags),
    *routes("messages", Messages),
    *route(rf"tickets/(?P<pk>{UUID})/messages", Messages, _LIST, parent="ticket"),
]
