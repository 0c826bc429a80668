"""Document 003: `/api/admin/customers…`, camelCase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.pagination import page_of
from audit.rest.views import ActionSpec
from audit.rest.write_viewsets import Reason
from customers import services
from customers.api.contracts.base import CustomerView, OneCustomerView
from customers.api.contracts.doc003 import bodies, serializers
from customers.models import Customer

_VIEW, _CHANGE = "customers.view_customer", "customers.change_customer"
_ADD, _ARCHIVE = "customers.add_customer", "customers.archive_customer"

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

    methods: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(_VIEW, serializers.HubPageSerializer, query=bodies.HubList),
        "post": ActionSpec(
            _ADD, serializers.HubCreatedSerializer, 201, bodies.HubCreate
        ),
    }

    def get(self, request: Request) -> Response:
        """List customers with figures, and sums over the business."""
        asked, business = self.parameters, self.business()
        rows = services.list_hub_customers(
            actor=self.actor,
            business=business,
            search=asked["search"],
            status=asked.get("status", ""),
            sort_by=asked["sort_by"],
            is_descending=asked["sort_order"] == "desc",
        )
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        verb = "searched" if asked["search"] else "listed"
        self.note_shown(verb, page.rows, query=asked["search"] or None)
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
        row = self.customer(str(created.pk))
        twins = services.find_possible_duplicates(row, actor=self.actor)
        row.possible_duplicates = twins  # type: ignore[attr-defined]  # for the serializer
        response = self.detail(row)
        response["Location"] = f"{request.path.rstrip('/')}/{row.pk}"
        return response


class OneCustomer(OneCustomerView, HubView):
    """GET shows, PUT and PATCH change, DELETE archives."""

    methods: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(_VIEW, serializers.HubDetailSerializer, has_versions=True),
        "put": ActionSpec(
            _CHANGE,
            serializers.HubDetailSerializer,
            body=bodies.HubReplace,
            has_versions=True,
        ),
        "patch": ActionSpec(
            _CHANGE,
            serializers.HubDetailSerializer,
            body=bodies.HubUpdate,
            has_versions=True,
        ),
        "delete": ActionSpec(_ARCHIVE, None, 204, Reason),
    }

    def get(self, request: Request, customer: str) -> Response:
        """Show a customer with bookings, addresses, contacts and tickets."""
        return self.detail(self.customer(customer))
