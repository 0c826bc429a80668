"""Document 004: `/api/customers/<business>/…`, twelve endpoints, snake_case."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.privacy.masking import masks_of
from audit.rest.pagination import page_of
from audit.rest.serializers import PageQuery
from audit.rest.views import ActionSpec
from customers import services
from customers.api.bodies import SearchQuery
from customers.api.contracts.base import (
    ADD,
    VIEW,
    CustomerView,
    OneCustomerView,
    one_customer,
)
from customers.api.contracts.doc004 import bodies, serializers
from customers.models import Business, Customer


class BusinessView(CustomerView):
    """An endpoint below one business; a foreign one is as missing as any."""

    tag = "Customers of a business"
    takes_business = False

    def check_query(self, request: Request) -> dict[str, Any]:
        parameters = super().check_query(request)
        self.business()  # of the path, before a body is read
        return parameters

    def business(self, permission: str = "") -> Business:
        """Return the business that the path names. Raises Http404."""
        return self._business

    @cached_property
    def _business(self) -> Business:
        try:
            return services.get_business(
                self.kwargs["business"],
                actor=self.actor,
                permission=self.required_permission,
            )
        except ObjectDoesNotExist as error:
            raise Http404 from error

    def body(self, **context: Any) -> dict[str, Any]:
        """Return the checked body without its business, which has to be the path's."""
        body = super().body(**context)
        business_id = self.business().pk
        if body.pop("business_id", business_id) != business_id:
            text = "The body names another business than the path. Leave it out."
            raise ValidationError({"business_id": [ErrorDetail(text, "conflict")]})
        return body

    def load_details(self, customer: Customer) -> None:
        notes = services.newest_notes(customer, actor=self.actor, limit=5)
        customer.recent_notes = notes  # type: ignore[attr-defined]  # for the serializer


class Customers(BusinessView):
    """GET lists, POST creates."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            VIEW, serializers.CustomerPageSerializer, query=bodies.CustomerList
        ),
        "post": ActionSpec(
            ADD, serializers.OneCustomerSerializer, 201, bodies.CreateCustomer
        ),
    }

    def get(self, request: Request, **_: Any) -> Response:
        """List customers."""
        asked = self.params
        rows = services.list_shown_customers(
            actor=self.actor,
            business=self.business(),
            search=asked["search"],
            customer_type=asked.get("customer_type", ""),
            is_active=asked["is_active"],
            sort_by=asked["sort_by"],
            is_descending=asked["sort_order"] == "desc",
        )
        page = self.list_page(rows, search=asked["search"])
        return self.respond({"customers": page.items, "pagination": page})

    def post(self, request: Request, **_: Any) -> Response:
        """Create a customer."""
        values = self.body()
        created = services.create_customer(self.business(), actor=self.actor, **values)
        return self.created(self.customer(str(created.pk)))


class Search(BusinessView):
    """GET finds while somebody types; exact hits come first."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(VIEW, serializers.FoundSerializer, query=SearchQuery)
    }

    def get(self, request: Request, **_: Any) -> Response:
        """Find customers while somebody types; exact hits come first."""
        asked = self.params
        rows = services.search_customers(
            asked["q"],
            actor=self.actor,
            business_id=self.business().pk,
            limit=asked["limit"],
        )
        self.note_access("searched", rows, query=asked["q"] or None)
        return self.respond({"customers": rows})


class Repeat(BusinessView):
    """GET lists who bought twice or more, most first."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(VIEW, serializers.RepeatPageSerializer, query=PageQuery)
    }

    def get(self, request: Request, **_: Any) -> Response:
        """List who bought twice or more, most first."""
        rows = services.get_repeat_customers(
            actor=self.actor, business_id=self.business().pk
        ).with_shown()
        page = self.list_page(rows)
        return self.respond({"customers": page.items, "pagination": page})


class OneCustomer(OneCustomerView, BusinessView):
    """GET shows, PATCH and PUT change, DELETE archives."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = one_customer(
        serializers.OneCustomerSerializer,
        update=bodies.UpdateCustomer,
        replace=bodies.ReplaceCustomer,
    )

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """Show a customer with preferences, figures and newest notes."""
        return self.detail(self.customer(customer))

    def get_masks(self, customer: Customer) -> dict[str, Any]:
        return serializers.get_customer_masks(customer)


class Notes(BusinessView):
    """GET lists a customer's notes, POST writes one."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            "customers.view_note", serializers.NotePageSerializer, query=bodies.NoteList
        ),
        "post": ActionSpec(
            "customers.add_note", serializers.OneNoteSerializer, 201, bodies.WriteNote
        ),
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """List a customer's notes, newest first."""
        asked, row = self.params, self.customer(customer)
        rows = services.list_notes(
            row, actor=self.actor, note_type=asked.get("note_type", "")
        )
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        self.note_access("viewed", [row], target=row)
        return self.respond({"notes": page.items, "pagination": page})

    def post(self, request: Request, customer: str, **_: Any) -> Response:
        """Write a note about a customer."""
        row = self.customer(customer)
        values = self.body()
        content = values.pop("content")
        written = services.add_note(row, content, actor=self.actor, **values)
        self.note_access("viewed", [row], target=row)
        return self.respond(written)


class CustomerPreferences(BusinessView):
    """PATCH changes how somebody wants to be served."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "patch": ActionSpec(
            "customers.change_preferences",
            serializers.PreferencesSerializer,
            body=bodies.UpdatePreferences,
        )
    }

    def patch(self, request: Request, customer: str, **_: Any) -> Response:
        """Change how a customer wants to be served."""
        self.refuse_version()
        row = self.customer(customer)
        masks = masks_of(row.preferences)
        values = self.body(masks=masks, is_unmasked=self.can_see_unmasked(row))
        changed = services.update_preferences(row, actor=self.actor, **values)
        self.note_access("viewed", [row], target=row)
        return self.respond(changed, is_unmasked=self.can_see_unmasked)


class Purchases(BusinessView):
    """GET lists what somebody bought, with the sums."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec(
            "customers.view_booking",
            serializers.PurchasePageSerializer,
            query=PageQuery,
        )
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """List what a customer bought, with the sums."""
        asked, row = self.params, self.customer(customer)
        rows = services.get_purchase_history(row, actor=self.actor).with_refunded()
        page = page_of(rows, number=asked["page"], limit=asked["limit"])
        self.note_access("viewed", [row], target=row)
        return self.respond(
            {"purchases": page.items, "summary": row.stats, "pagination": page}
        )


class Metrics(BusinessView):
    """GET answers somebody's figures."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "get": ActionSpec("customers.view_customerstats", serializers.MetricsSerializer)
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """Show a customer's figures and loyalty."""
        row = self.customer(customer)
        self.note_access("viewed", [row], target=row)
        return self.respond(row, is_unmasked=self.can_see_unmasked)
