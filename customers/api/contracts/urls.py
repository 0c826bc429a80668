"""Paths that the documents fix, with and without a slash; literal ones first."""

from __future__ import annotations

from typing import Any

from django.urls import re_path

from customers.api.contracts.doc002.views import (
    MarketingExportView,
    TargetedCustomersView,
)
from customers.api.contracts.doc003.actions import CustomerActionsView
from customers.api.contracts.doc003.views import HubCustomerViewSet
from customers.api.contracts.doc004.views import BusinessCustomerViewSet
from customers.api.exports import CustomerDataExportView, HubExportView

_CUSTOMERS = {"get": "list", "post": "create"}
_CUSTOMER = {
    "get": "retrieve",
    "patch": "partial_update",
    "put": "update",
    "delete": "destroy",
}
_HUB = "admin/customers"
_BUSINESS = "customers/(?P<business>[^/]+)"
_ONE = "(?P<customer>[^/]+)"

_VIEWS: dict[str, Any] = {
    "customer-data/export": CustomerDataExportView,
    "v1/tracking/targeted": TargetedCustomersView,
    "v1/tracking/marketing-export": MarketingExportView,
    f"{_HUB}/export": HubExportView,
    f"{_HUB}/{_ONE}/actions": CustomerActionsView,
}
_ACTIONS: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    (_HUB, HubCustomerViewSet, _CUSTOMERS),
    (f"{_HUB}/{_ONE}", HubCustomerViewSet, _CUSTOMER),
    (_BUSINESS, BusinessCustomerViewSet, _CUSTOMERS),
    (f"{_BUSINESS}/search", BusinessCustomerViewSet, {"get": "search"}),
    (f"{_BUSINESS}/repeat", BusinessCustomerViewSet, {"get": "repeat"}),
    (f"{_BUSINESS}/{_ONE}", BusinessCustomerViewSet, _CUSTOMER),
    (
        f"{_BUSINESS}/{_ONE}/notes",
        BusinessCustomerViewSet,
        {"get": "notes", "post": "add_note"},
    ),
    (
        f"{_BUSINESS}/{_ONE}/preferences",
        BusinessCustomerViewSet,
        {"patch": "update_preferences"},
    ),
    (f"{_BUSINESS}/{_ONE}/history", BusinessCustomerViewSet, {"get": "history"}),
    (f"{_BUSINESS}/{_ONE}/metrics", BusinessCustomerViewSet, {"get": "metrics"}),
)

urlpatterns = [
    *(re_path(rf"^api/{path}/?$", view.as_view()) for path, view in _VIEWS.items()),
    *(
        re_path(rf"^api/{path}/?$", view.as_view(actions))
        for path, view, actions in _ACTIONS
    ),
]
