"""Paths of the canonical API, with and without a slash; literal ones first."""

from __future__ import annotations

from typing import Any

from django.urls import re_path

from audit.rest.routers import UUID, route, routes
from customers.api.customer_detail import CustomerDetailViewSet
from customers.api.data_export import PersonExportLinkView, PersonExportView
from customers.api.exports import ExportsView
from customers.api.invoices import InvoiceView, SendInvoiceView
from customers.api.me import MeView
from customers.api.money import (
    BookingRefundViewSet,
    CreditActionViewSet,
    CustomerCreditViewSet,
    CustomerFlagViewSet,
    FlagView,
    RefundDecisionViewSet,
)
from customers.api.segments import SegmentViewSet
from customers.api.statistics import StatisticsView
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
_CUSTOMER, _BOOKING = rf"customers/(?P<customer>{_ANY})", rf"bookings/(?P<pk>{_ANY})"
_REFUND, _SEGMENT = rf"refunds/(?P<pk>{_ANY})", rf"segments/(?P<segment>{_ANY})"
_LIST = {"get": "list", "post": "create"}

_VIEWS: dict[str, Any] = {
    "me": MeView,
    "statistics": StatisticsView,
    "exports": ExportsView,
    f"{_CUSTOMER}/export": PersonExportLinkView,
    f"{_CUSTOMER}/flags/(?P<code>{_ANY})": FlagView,
    f"{_BOOKING}/invoice": InvoiceView,
    f"{_BOOKING}/invoice/send": SendInvoiceView,
}
# Actions that are none of a table's.
_ACTIONS: tuple[tuple[str, Any, dict[str, str]], ...] = (
    ("customers/search", CustomerDetailViewSet, {"get": "search"}),
    (f"{_CUSTOMER}/timeline", CustomerDetailViewSet, {"get": "timeline"}),
    (f"{_CUSTOMER}/metrics", CustomerDetailViewSet, {"get": "metrics"}),
    (f"{_CUSTOMER}/reveal", CustomerDetailViewSet, {"post": "reveal"}),
    (f"{_REFUND}/approve", RefundDecisionViewSet, {"post": "approve"}),
    (f"{_REFUND}/refuse", RefundDecisionViewSet, {"post": "refuse"}),
    (f"{_CUSTOMER}/credits/balance", CreditActionViewSet, {"get": "balance"}),
    (f"{_CUSTOMER}/credits/spend", CreditActionViewSet, {"post": "spend_credit"}),
    (
        f"credits/(?P<pk>{_ANY})/reverse",
        CreditActionViewSet,
        {"post": "reverse_credit"},
    ),
    ("segments", SegmentViewSet, {"get": "list"}),
    ("segments/preview", SegmentViewSet, {"post": "preview"}),
    (_SEGMENT, SegmentViewSet, {"get": "retrieve"}),
    (f"{_SEGMENT}/customers", SegmentViewSet, {"get": "customers"}),
    (f"{_CUSTOMER}/stats", CustomerStatsViewSet, {"get": "retrieve"}),
    (
        f"{_CUSTOMER}/preferences",
        CustomerPreferencesViewSet,
        {"get": "retrieve", "patch": "partial_update"},
    ),
)
# Tables that are also listed, and written, below a customer.
_OF_CUSTOMERS: dict[str, Any] = {
    "addresses": AddressViewSet,
    "bookings": BookingViewSet,
    "consents": ConsentViewSet,
    "contacts": ContactViewSet,
    "notes": NoteViewSet,
    "tickets": TicketViewSet,
}
# Lists below another instance: its kind, and the viewset.
_BELOW: dict[str, tuple[str, Any]] = {
    f"{_BOOKING}/refunds": ("booking", BookingRefundViewSet),
    f"{_CUSTOMER}/credits": ("customer", CustomerCreditViewSet),
    f"{_CUSTOMER}/flags": ("customer", CustomerFlagViewSet),
    **{
        f"{_CUSTOMER}/{name}": ("customer", view)
        for name, view in _OF_CUSTOMERS.items()
    },
    rf"tickets/(?P<pk>{UUID})/messages": ("ticket", MessageViewSet),
}

urlpatterns = [
    *(re_path(rf"^api/v1/{path}/?$", view.as_view()) for path, view in _VIEWS.items()),
    re_path(
        r"^api/v1/exports/person/(?P<token>[^/]+)/?$",
        PersonExportView.as_view(),
        name="person_export",
    ),
    *(pattern for each in _ACTIONS for pattern in route(*each)),
    *(
        pattern
        for path, (parent, view) in _BELOW.items()
        for pattern in route(path, view, _LIST, parent=parent)
    ),
    *routes("businesses", BusinessViewSet, key=_ANY),
    *routes("memberships", MembershipViewSet),
    *routes("customers", CustomerViewSet, key=_ANY),
    *(pattern for each in _OF_CUSTOMERS.items() for pattern in routes(*each)),
    *routes("refunds", RefundViewSet),
    *routes("credits", CreditViewSet),
    *routes("flags", FlagViewSet),
    *routes("messages", MessageViewSet),
]
