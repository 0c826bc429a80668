"""Money, flags, invoices and person exports; each with and without a slash."""

from __future__ import annotations

from django.urls import re_path

from audit.rest.routers import LIST
from customers.api import money, papers
from customers.api.contracts.doc003 import actions

_CUSTOMER = r"^api/v1/customers/(?P<customer>[^/]+)"
_BOOKING = r"^api/v1/bookings/(?P<pk>[^/]+)"
_REFUND = r"^api/v1/refunds/(?P<pk>[^/]+)"

urlpatterns = [
    re_path(
        r"^api/admin/customers/(?P<customer>[^/]+)/actions/?$",
        actions.Actions.as_view(),
    ),
    re_path(
        rf"{_BOOKING}/refunds/?$",
        money.BookingRefundViewSet.as_view(LIST, parent="booking"),
    ),
    re_path(rf"{_REFUND}/approve/?$", money.Approval.as_view()),
    re_path(rf"{_REFUND}/refuse/?$", money.Refusal.as_view()),
    re_path(
        rf"{_CUSTOMER}/credits/?$",
        money.CustomerCreditViewSet.as_view(LIST, parent="customer"),
    ),
    re_path(rf"{_CUSTOMER}/credits/balance/?$", money.Balance.as_view()),
    re_path(rf"{_CUSTOMER}/credits/spend/?$", money.Spending.as_view()),
    re_path(r"^api/v1/credits/(?P<pk>[^/]+)/reverse/?$", money.Reversal.as_view()),
    re_path(
        rf"{_CUSTOMER}/flags/?$",
        money.CustomerFlagViewSet.as_view(LIST, parent="customer"),
    ),
    re_path(rf"{_CUSTOMER}/flags/(?P<code>[^/]+)/?$", money.OneFlag.as_view()),
    re_path(rf"{_BOOKING}/invoice/?$", papers.Invoice.as_view()),
    re_path(rf"{_BOOKING}/invoice/send/?$", papers.SendInvoice.as_view()),
    re_path(rf"{_CUSTOMER}/export/?$", papers.AskExport.as_view()),
    re_path(
        r"^api/v1/exports/person/(?P<token>[^/]+)/?$",
        papers.PersonExport.as_view(),
        name="person_export",
    ),
]
