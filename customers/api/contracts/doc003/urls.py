"""Paths of document 003, with and without a slash; literal ones first."""

from __future__ import annotations

from django.urls import re_path

from customers.api import exports
from customers.api.contracts.doc003 import views

_CUSTOMERS = r"^api/admin/customers"

urlpatterns = [
    re_path(rf"{_CUSTOMERS}/?$", views.Customers.as_view()),
    re_path(rf"{_CUSTOMERS}/export/?$", exports.HubExport.as_view()),
    re_path(rf"{_CUSTOMERS}/(?P<customer>[^/]+)/?$", views.OneCustomer.as_view()),
]
