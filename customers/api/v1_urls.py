"""Paths of the canonical API, with and without a slash; literal ones first."""

from __future__ import annotations

from django.urls import re_path

from audit.rest.routers import LIST, UUID_REGEX, HubRouter, api_route
from customers.api.customer_detail import CustomerDetailViewSet
from customers.api.data_export import PersonExportLinkView, PersonExportView
from customers.api.exports import ExportsView
from customers.api.invoices import InvoiceView, SendInvoiceView
from customers.api.me import MeView
from customers.api.money import (
    BookingPaymentListViewSet,
    BookingRefundViewSet,
    CreditActionViewSet,
    CustomerCreditViewSet,
    CustomerFlagViewSet,
    FlagView,
    PaymentActionViewSet,
    RefundDecisionViewSet,
)
from customers.api.segments import SegmentViewSet
from customers.api.statistics import StatisticsView
from customers.api.tables.bookings import BookingViewSet, CreditViewSet, RefundViewSet
from customers.api.tables.businesses import BusinessViewSet, MembershipViewSet
from customers.api.tables.customer_related import (
    AddressViewSet,
    ConsentViewSet,
    ContactViewSet,
    FlagViewSet,
    NoteViewSet,
)
from customers.api.tables.customers import CustomerViewSet
from customers.api.tables.preferences import (
    CustomerPreferencesViewSet,
    CustomerStatsViewSet,
)
from customers.api.tables.tickets import MessageViewSet, TicketViewSet

_CUSTOMER, _BOOKING = "customers/(?P<customer>[^/]+)", "bookings/(?P<pk>[^/]+)"
_REFUND, _SEGMENT = "refunds/(?P<pk>[^/]+)", "segments/(?P<segment>[^/]+)"


class CustomerRelatedRouter(HubRouter):
    """Adds the path below a customer, where one of theirs is written too."""

    routes = [
        *HubRouter.routes,
        api_route(f"{_CUSTOMER}/{{prefix}}", LIST, parent="customer"),
    ]


router = HubRouter()
router.register("businesses", BusinessViewSet)
router.register("memberships", MembershipViewSet)
router.register("customers", CustomerViewSet)
router.register("refunds", RefundViewSet)
router.register("credits", CreditViewSet)
router.register("flags", FlagViewSet)
router.register("messages", MessageViewSet)

related_router = CustomerRelatedRouter()
related_router.register("addresses", AddressViewSet)
related_router.register("bookings", BookingViewSet)
related_router.register("consents", ConsentViewSet)
related_router.register("contacts", ContactViewSet)
related_router.register("notes", NoteViewSet)
related_router.register("tickets", TicketViewSet)

# Actions that are none of a table's.
_detail, _segment = CustomerDetailViewSet.as_view, SegmentViewSet.as_view
_refund, _credit = RefundDecisionViewSet.as_view, CreditActionViewSet.as_view
_VIEWS = (
    ("me", MeView.as_view()),
    ("statistics", StatisticsView.as_view()),
    ("exports", ExportsView.as_view()),
    ("segments", _segment({"get": "list"})),
    ("segments/preview", _segment({"post": "preview"})),
    (_SEGMENT, _segment({"get": "retrieve"})),
    (f"{_SEGMENT}/customers", _segment({"get": "customers"})),
    ("customers/search", _detail({"get": "search"})),
    (f"{_CUSTOMER}/timeline", _detail({"get": "timeline"})),
    (f"{_CUSTOMER}/metrics", _detail({"get": "metrics"})),
    (f"{_CUSTOMER}/reveal", _detail({"post": "reveal"})),
    (f"{_CUSTOMER}/export", PersonExportLinkView.as_view()),
    (f"{_CUSTOMER}/stats", CustomerStatsViewSet.as_view({"get": "retrieve"})),
    (
        f"{_CUSTOMER}/preferences",
        CustomerPreferencesViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update"}
        ),
    ),
    (f"{_CUSTOMER}/flags", CustomerFlagViewSet.as_view(LIST, parent="customer")),
    (f"{_CUSTOMER}/flags/(?P<code>[^/]+)", FlagView.as_view()),
    (f"{_CUSTOMER}/credits", CustomerCreditViewSet.as_view(LIST, parent="customer")),
    (f"{_CUSTOMER}/credits/balance", _credit({"get": "balance"})),
    (f"{_CUSTOMER}/credits/spend", _credit({"post": "spend_credit"})),
    ("credits/(?P<pk>[^/]+)/reverse", _credit({"post": "reverse_credit"})),
    (
        f"{_BOOKING}/payments",
        BookingPaymentListViewSet.as_view(LIST, parent="booking"),
    ),
    (
        f"{_BOOKING}/payments/(?P<payment>[^/]+)/reverse",
        PaymentActionViewSet.as_view({"post": "reverse_payment"}),
    ),
    (f"{_BOOKING}/refunds", BookingRefundViewSet.as_view(LIST, parent="booking")),
    (f"{_REFUND}/approve", _refund({"post": "approve"})),
    (f"{_REFUND}/refuse", _refund({"post": "refuse"})),
    (f"{_REFUND}/fail", _refund({"post": "fail"})),
    (f"{_BOOKING}/invoice", InvoiceView.as_view()),
    (f"{_BOOKING}/invoice/send", SendInvoiceView.as_view()),
    (
        f"tickets/(?P<pk>{UUID_REGEX})/messages",
        MessageViewSet.as_view(LIST, parent="ticket"),
    ),
)

urlpatterns = [
    *(re_path(rf"^api/v1/{path}/?$", view) for path, view in _VIEWS),
    re_path(
        r"^api/v1/exports/person/(?P<token>[^/]+)/?$",
        PersonExportView.as_view(),
        name="person_export",
    ),
    *router.urls,
    *related_router.urls,
]
