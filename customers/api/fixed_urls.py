"""Paths that the documents fix; each with and without a slash, literal ones first."""

from __future__ import annotations

from django.urls import re_path

from customers.api import by_business, exports, hub

_BUSINESS = r"^api/customers/(?P<business>[^/]+)"
_CUSTOMER = rf"{_BUSINESS}/(?P<customer>[^/]+)"

urlpatterns = [
    re_path(r"^api/admin/customers/?$", hub.Customers.as_view()),
    re_path(r"^api/admin/customers/export/?$", exports.HubExport.as_view()),
    re_path(r"^api/admin/customers/(?P<customer>[^/]+)/?$", hub.OneCustomer.as_view()),
    re_path(rf"{_BUSINESS}/?$", by_business.Customers.as_view()),
    re_path(rf"{_BUSINESS}/search/?$", by_business.Search.as_view()),
    re_path(rf"{_BUSINESS}/repeat/?$", by_business.Repeat.as_view()),
    re_path(rf"{_CUSTOMER}/?$", by_business.OneCustomer.as_view()),
    re_path(rf"{_CUSTOMER}/notes/?$", by_business.Notes.as_view()),
    re_path(rf"{_CUSTOMER}/preferences/?$", by_business.CustomerPreferences.as_view()),
    re_path(rf"{_CUSTOMER}/history/?$", by_business.Purchases.as_view()),
    re_path(rf"{_CUSTOMER}/metrics/?$", by_business.Metrics.as_view()),
]
