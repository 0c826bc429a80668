"""Document 003: `/api/admin/customers…`, camelCase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from audit.api.paging import page_of
from audit.api.views import Method, etag_of
from audit.api.writing import Reason
from audit.masking import masks_of
from customers import services
from customers.api import bodies
from customers.api.contracts.doc003 import serializers
from customers.api.versions import VersionedCustomer
from customers.api.working import WorkingBusinessView
from customers.models import Customer

_VIEW, _ADD, _CHANGE, _ARCHIVE = (
    f"customers.{verb}_customer" for verb in ("view", "add", "change", "archive")
)

# How many of each kind stand in the detail.
NEWEST = 50


class HubView(VersionedCustomer, WorkingBusinessView):
    """An endpoint of document 003."""

    tag = "Customers hub"
    is_camel = True

    def customer(self, reference: str) -> Customer:
        """Return the customer that the path names. Raises Http404."""
        try:
            return services.get_shown_customer(
                reference, actor=self.actor, business=self.business()
            )
        except ObjectDoesNotExist as error:
            self.actor.operation.refuse("not_found", "customers.customer", reference)
            raise Http404 from error

    def detail(self, row: Customer) -> Response:
        """Answer one customer with its newest bookings, places, people and tickets."""
        parts = services.get_parts(row, actor=self.actor, limit=NEWEST)
        row.parts = parts  # type: ignore[attr-defined]  # for the serializer
        self.note_shown("viewed", [row], target=row)
        headers = {"ETag": etag_of(row.rev)}
        return self.respond(row, headers=headers, is_clear=self.sees_clear)


class Customers(HubView):
    """GET lists with sums, POST creates."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(_VIEW, serializers.HubPageSerializer, query=bodies.HubList),
        "post": Method(_ADD, serializers.HubCreatedSerializer, 201, bodies.HubCreate),
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


class OneCustomer(HubView):
    """GET shows, PUT and PATCH change, DELETE archives."""

    methods: ClassVar[Mapping[str, Method]] = {
        "get": Method(_VIEW, serializers.HubDetailSerializer, has_versions=True),
        "put": Method(
            _CHANGE,
            serializers.HubDetailSerializer,
            body=bodies.HubReplace,
            has_versions=True,
        ),
        "patch": Method(
            _CHANGE,
            serializers.HubDetailSerializer,
            body=bodies.HubUpdate,
            has_versions=True,
        ),
        "delete": Method(_ARCHIVE, None, 204, Reason),
    }

    def get(self, request: Request, customer: str) -> Response:
        """Show a customer with bookings, addresses, contacts and tickets."""
        return self.detail(self.customer(customer))

    def patch(self, request: Request, customer: str) -> Response:
        """Change a customer; what is not named stays."""
        return self._change(customer)

    def put(self, request: Request, customer: str) -> Response:
        """Replace what can be changed of a customer."""
        return self._change(customer)

    def delete(self, request: Request, customer: str) -> Response:
        """Archive a customer; nothing is lost."""
        row = self.customer(customer)
        reason = self.body().get("reason") or "archived by the API"
        with self.versioned(customer):
            services.archive_customer(
                row, actor=self.actor, reason=reason, expected_rev=self.expected_rev()
            )
        return Response(status=204)

    def _change(self, reference: str) -> Response:
        row = self.customer(reference)
        is_clear = self.sees_clear(row)
        changes = self.body(masks=masks_of(row), is_clear=is_clear)
        with self.versioned(reference):
            services.update_customer(
                row, actor=self.actor, expected_rev=self.expected_rev(), **changes
            )
        return self.detail(self.customer(str(row.pk)))
