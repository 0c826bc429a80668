"""Paths of document 004, with and without a slash; literal ones first."""

from __future__ import annotations

from django.urls import re_path

from customers.api.contracts.doc004 import views

_BUSINESS = r"^api/customers/(?P<business>[^/]+)"
_CUSTOMER = rf"{_BUSINESS}/(?P<customer>[^/]+)"

urlpatterns = [
    re_path(rf"{path}/?$", view.as_view())
    for path, view in (
        (_BUSINESS, views.BusinessCustomersView),
        (rf"{_BUSINESS}/search", views.BusinessSearchView),
        (rf"{_BUSINESS}/repeat", views.RepeatCustomersView),
        (_CUSTOMER, views.BusinessCustomerView),
        (rf"{_CUSTOMER}/notes", views.NotesView),
        (rf"{_CUSTOMER}/preferences", views.PreferencesView),
        (rf"{_CUSTOMER}/history", views.PurchasesView),
        (rf"{_CUSTOMER}/metrics", views.BusinessCustomerMetricsView),
    )
]
