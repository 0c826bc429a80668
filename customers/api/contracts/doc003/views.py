"""Document 003: `/api/admin/customers…`, camelCase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.views import ActionSpec
from customers import services
from customers.api.contracts.base import (
    ADD,
    VIEW,
    CustomerView,
    OneCustomerView,
    one_customer,
)
from customers.api.contracts.doc003 import bodies, serializers
from customers.models import Customer

# How many of each kind stand in the detail.
NEWEST = 50


class HubView(CustomerView):
    """An endpoint of document 003."""

    tag = "Customers hub"
    is_camel = True

    def load_details(self, customer: Customer) -> None:
        parts = services.get_parts(customer, actor=self.actor, limit=NEWEST)
        customer.parts = parts  # type: ignore[attr-defined]  # for the serializer


class Customers(HubView):
    """GET lists with sums, POST creates."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(VIEW, serializers.HubPageSerializer, query=bodies.HubList),
        "post": ActionSpec(
            ADD, serializers.HubCreatedSerializer, 201, bodies.HubCreate
        ),
    }

    def get(self, request: Request) -> Response:
        """List customers with figures, and sums over the business."""
        asked, business = self.params, self.business()
        rows = services.list_hub_customers(
            actor=self.actor,
            business=business,
            search=asked["search"],
            status=asked.get("status", ""),
            sort_by=asked["sort_by"],
            is_descending=asked["sort_order"] == "desc",
        )
        page = self.list_page(rows, search=asked["search"])
        figures = services.get_business_figures(business, actor=self.actor)
        return self.respond(
            {
                "customers": page.items,
                "pagination": page,
                "summary": {"figures": figures, "business": business},
            }
        )

    def post(self, request: Request) -> Response:
        """Create a customer; the answer names possible duplicates."""
        values = self.body()
        addresses = values.pop("addresses", [])
        created = services.create_customer(
            self.business(), actor=self.actor, addresses=addresses, **values
        )
        row = self.customer(str(created.pk))
        twins = services.find_possible_duplicates(row, actor=self.actor)
        row.possible_duplicates = twins  # type: ignore[attr-defined]  # for the serializer
        return self.created(row)


class OneCustomer(OneCustomerView, HubView):
    """GET shows, PUT and PATCH change, DELETE archives."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = one_customer(
        serializers.HubDetailSerializer,
        update=bodies.HubUpdate,
        replace=bodies.HubReplace,
    )

    def get(self, request: Request, customer: str) -> Response:
        """Show a customer with bookings, addresses, contacts and tickets."""
        return self.detail(self.customer(customer))
