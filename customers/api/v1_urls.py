"""The hub's tables in the canonical API; literal addresses before identifiers."""

from __future__ import annotations

from django.urls import re_path

from audit.rest.routers import LIST, UUID_REGEX, HubRouter, api_route
from customers.api.tables.belongings import (
    AddressViewSet,
    ConsentViewSet,
    ContactViewSet,
    CustomerPreferencesViewSet,
    CustomerStatsViewSet,
    FlagViewSet,
    NoteViewSet,
)
from customers.api.tables.bookings import BookingViewSet, CreditViewSet, RefundViewSet
from customers.api.tables.businesses import BusinessViewSet, MembershipViewSet
from customers.api.tables.people import CustomerViewSet
from customers.api.tables.tickets import MessageViewSet, TicketViewSet

_CUSTOMER = "customers/(?P<customer>[^/]+)"


class CustomerRelatedRouter(HubRouter):
    """Adds the address below a customer, where one of theirs is written too."""

    routes = [
        *HubRouter.routes,
        api_route(f"{_CUSTOMER}/{{prefix}}", LIST, parent="customer"),
    ]


router = HubRouter()
router.register("businesses", BusinessViewSet)
router.register("memberships", MembershipViewSet)
router.register("customers", CustomerViewSet)

related_router = CustomerRelatedRouter()
related_router.register("addresses", AddressViewSet)
related_router.register("bookings", BookingViewSet)
related_router.register("consents", ConsentViewSet)
related_router.register("contacts", ContactViewSet)
related_router.register("notes", NoteViewSet)
related_router.register("tickets", TicketViewSet)

other_router = HubRouter()
other_router.register("refunds", RefundViewSet)
other_router.register("credits", CreditViewSet)
other_router.register("flags", FlagViewSet)
other_router.register("messages", MessageViewSet)

urlpatterns = [
    *router.urls,
    re_path(
        rf"^api/v1/{_CUSTOMER}/stats/?$",
        CustomerStatsViewSet.as_view({"get": "retrieve"}),
    ),
    re_path(
        rf"^api/v1/{_CUSTOMER}/preferences/?$",
        CustomerPreferencesViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update"}
        ),
    ),
    *related_router.urls,
    *other_router.urls,
    re_path(
        rf"^api/v1/tickets/(?P<pk>{UUID_REGEX})/messages/?$",
        MessageViewSet.as_view(LIST, parent="ticket"),
    ),
]
