"""Money, flags, invoices and person exports; each with and without a slash."""

from __future__ import annotations

from django.urls import re_path

from audit.rest.routers import route
from customers.api import invoices, money
from customers.api.contracts.doc003 import actions

_CUSTOMER = r"^api/v1/customers/(?P<customer>[^/]+)"
_BOOKING = r"^api/v1/bookings/(?P<pk>[^/]+)"
_REFUND = r"^api/v1/refunds/(?P<pk>[^/]+)"

_LIST = {"get": "list", "post": "create"}

urlpatterns = [
    re_path(
        r"^api/admin/customers/(?P<customer>[^/]+)/actions/?$",
        actions.Actions.as_view(),
    ),
    *route(
        "bookings/(?P<pk>[^/]+)/refunds",
        money.BookingRefundViewSet,
        _LIST,
        parent="booking",
    ),
    re_path(rf"{_REFUND}/approve/?$", money.Approval.as_view()),
    re_path(rf"{_REFUND}/refuse/?$", money.Refusal.as_view()),
    *route(
        "customers/(?P<customer>[^/]+)/credits",
        money.CustomerCreditViewSet,
        _LIST,
        parent="customer",
    ),
    re_path(rf"{_CUSTOMER}/credits/balance/?$", money.Balance.as_view()),
    re_path(rf"{_CUSTOMER}/credits/spend/?$", money.Spending.as_view()),
    re_path(r"^api/v1/credits/(?P<pk>[^/]+)/reverse/?$", money.Reversal.as_view()),
    *route(
        "customers/(?P<customer>[^/]+)/flags",
        money.CustomerFlagViewSet,
        _LIST,
        parent="customer",
    ),
    re_path(rf"{_CUSTOMER}/flags/(?P<code>[^/]+)/?$", money.OneFlag.as_view()),
    re_path(rf"{_BOOKING}/invoice/?$", invoices.Invoice.as_view()),
    re_path(rf"{_BOOKING}/invoice/send/?$", invoices.SendInvoice.as_view()),
    re_path(rf"{_CUSTOMER}/export/?$", invoices.AskExport.as_view()),
    re_path(
        r"^api/v1/exports/person/(?P<token>[^/]+)/?$",
        invoices.PersonExport.as_view(),
        name="person_export",
    ),
]
