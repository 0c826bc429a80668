"""Paths about customers that the source documents fix, with and without a slash.

A literal path stands before one with an identifier in the same place.
"""

from __future__ import annotations

from typing import Any

from django.urls import re_path

from audit.rest.routers import LIST
from customers.api.contracts.doc002.views import (
    MarketingExportView,
    TargetedCustomersView,
)
from customers.api.contracts.doc003.actions import CustomerActionsView
from customers.api.contracts.doc003.views import HubCustomerViewSet
from customers.api.contracts.doc004.views import BusinessCustomerViewSet
from customers.api.exports import CustomerDataExportView, HubExportView

_DETAIL: dict[str, Any] = {
    "get": "retrieve",
    "patch": "partial_update",
    "put": "update",
    "delete": "destroy",
}
_HUB, _BUSINESS = "admin/customers", "customers/(?P<business>[^/]+)"
_ONE = "(?P<customer>[^/]+)"
_hub, _business = HubCustomerViewSet.as_view, BusinessCustomerViewSet.as_view

_VIEWS = (
    ("customer-data/export", CustomerDataExportView.as_view()),
    ("v1/tracking/targeted", TargetedCustomersView.as_view()),
    ("v1/tracking/marketing-export", MarketingExportView.as_view()),
    (f"{_HUB}/export", HubExportView.as_view()),
    (f"{_HUB}/{_ONE}/actions", CustomerActionsView.as_view()),
    (_HUB, _hub(LIST)),
    (f"{_HUB}/{_ONE}", _hub(_DETAIL)),
    (_BUSINESS, _business(LIST)),
    (f"{_BUSINESS}/search", _business({"get": "search"})),
    (f"{_BUSINESS}/repeat", _business({"get": "repeat"})),
    (f"{_BUSINESS}/{_ONE}", _business(_DETAIL)),
    (f"{_BUSINESS}/{_ONE}/notes", _business({"get": "notes", "post": "add_note"})),
    (f"{_BUSINESS}/{_ONE}/preferences", _business({"patch": "update_preferences"})),
    (f"{_BUSINESS}/{_ONE}/history", _business({"get": "history"})),
    (f"{_BUSINESS}/{_ONE}/metrics", _business({"get": "metrics"})),
)

urlpatterns = [re_path(rf"^api/{path}/?$", view) for path, view in _VIEWS]
