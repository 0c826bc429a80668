"""Money, flags, invoices and person exports; each with and without a slash."""

from __future__ import annotations

from django.urls import re_path

from audit.rest.routers import route
from customers.api import data_export, invoices, money
from customers.api.contracts.doc003.actions import CustomerActionsView

_CUSTOMER = "customers/(?P<customer>[^/]+)"
_BOOKING, _REFUND = "bookings/(?P<pk>[^/]+)", "refunds/(?P<pk>[^/]+)"

urlpatterns = [
    re_path(
        r"^api/admin/customers/(?P<customer>[^/]+)/actions/?$",
        CustomerActionsView.as_view(),
    ),
    *(
        pattern
        for path, view, parent in (
            (f"{_BOOKING}/refunds", money.BookingRefundViewSet, "booking"),
            (f"{_CUSTOMER}/credits", money.CustomerCreditViewSet, "customer"),
            (f"{_CUSTOMER}/flags", money.CustomerFlagViewSet, "customer"),
        )
        for pattern in route(
            path, view, {"get": "list", "post": "create"}, parent=parent
        )
    ),
    *(
        re_path(rf"^api/v1/{path}/?$", view.as_view())
        for path, view in (
            (f"{_REFUND}/approve", money.RefundApprovalView),
            (f"{_REFUND}/refuse", money.RefundRefusalView),
            (f"{_CUSTOMER}/credits/balance", money.CreditBalanceView),
            (f"{_CUSTOMER}/credits/spend", money.CreditSpendingView),
            ("credits/(?P<pk>[^/]+)/reverse", money.CreditReversalView),
            (f"{_CUSTOMER}/flags/(?P<code>[^/]+)", money.FlagView),
            (f"{_BOOKING}/invoice", invoices.InvoiceView),
            (f"{_BOOKING}/invoice/send", invoices.SendInvoiceView),
            (f"{_CUSTOMER}/export", data_export.PersonExportLinkView),
        )
    ),
    re_path(
        r"^api/v1/exports/person/(?P<token>[^/]+)/?$",
        data_export.PersonExportView.as_view(),
        name="person_export",
    ),
]
