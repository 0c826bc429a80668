"""Paths of document 003, with and without a slash; literal ones first."""

from __future__ import annotations

from django.urls import re_path

from customers.api.contracts.doc003 import views
from customers.api.exports import HubExportView

urlpatterns = [
    re_path(rf"^api/admin/customers{path}/?$", view.as_view())
    for path, view in (
        ("", views.HubCustomersView),
        ("/export", HubExportView),
        ("/(?P<customer>[^/]+)", views.HubCustomerView),
    )
]
