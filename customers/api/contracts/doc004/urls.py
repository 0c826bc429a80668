"""Paths of document 004, with and without a slash; literal ones first."""

from __future__ import annotations

from django.urls import re_path

from customers.api.contracts.doc004 import views

_BUSINESS = r"^api/customers/(?P<business>[^/]+)"
_CUSTOMER = rf"{_BUSINESS}/(?P<customer>[^/]+)"

urlpatterns = [
    re_path(rf"{_BUSINESS}/?$", views.Customers.as_view()),
    re_path(rf"{_BUSINESS}/search/?$", views.Search.as_view()),
    re_path(rf"{_BUSINESS}/repeat/?$", views.Repeat.as_view()),
    re_path(rf"{_CUSTOMER}/?$", views.OneCustomer.as_view()),
    re_path(rf"{_CUSTOMER}/notes/?$", views.Notes.as_view()),
    re_path(rf"{_CUSTOMER}/preferences/?$", views.CustomerPreferences.as_view()),
    re_path(rf"{_CUSTOMER}/history/?$", views.Purchases.as_view()),
    re_path(rf"{_CUSTOMER}/metrics/?$", views.Metrics.as_view()),
]
