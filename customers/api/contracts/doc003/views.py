"""Document 003: `/api/admin/customers…`, camelCase."""

from __future__ import annotations

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
    customer_methods,
)
from customers.api.contracts.doc003 import inputs, serializers
from customers.models import Customer

# The detail holds so many of each kind.
NEWEST = 50


class HubView(CustomerView):
    """An endpoint of document 003."""

    tag = "Customers hub"
    is_camel = True

    def load_details(self, customer: Customer) -> None:
        parts = services.get_parts(customer, actor=self.actor, limit=NEWEST)
        customer.parts = parts  # type: ignore[attr-defined]  # for the serializer


class HubCustomersView(HubView):
    """GET lists with sums, POST creates."""

    methods: ClassVar = {
        "get": ActionSpec(VIEW, serializers.HubPageSerializer, query=inputs.HubList),
        "post": ActionSpec(
            ADD, serializers.HubCreatedSerializer, 201, inputs.HubCreate
        ),
    }

    def get(self, request: Request) -> Response:
        """List customers with figures, and sums over the business."""
        params, business = self.parameters, self.business()
        customers = services.list_hub_customers(
            actor=self.actor,
            business=business,
            search=params["search"],
            status=params.get("status", ""),
            sort_by=params["sort_by"],
            is_descending=params["sort_order"] == "desc",
        )
        page = self.list_page(customers)
        figures = services.get_business_figures(business, actor=self.actor)
        return self.respond(
            {
                "customers": page.rows,
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
        customer = self.customer(str(created.pk))
        duplicates = services.find_possible_duplicates(customer, actor=self.actor)
        customer.possible_duplicates = duplicates  # type: ignore[attr-defined]  # for the serializer
        return self.created(customer)


class HubCustomerView(OneCustomerView, HubView):
    """GET shows a customer with bookings, addresses, contacts and tickets."""

    methods: ClassVar = customer_methods(
        serializers.HubDetailSerializer,
        update=inputs.HubUpdate,
        replace=inputs.HubReplace,
    )
