"""Document 004: `/api/customers/<business>/…`, twelve endpoints, snake_case."""

from __future__ import annotations

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
from customers.api.contracts.base import (
    ADD,
    VIEW,
    CustomerView,
    OneCustomerView,
    customer_methods,
)
from customers.api.contracts.doc004 import inputs, serializers
from customers.api.inputs import SearchQuery
from customers.models import Business, Customer


class BusinessView(CustomerView):
    """An endpoint below one business; a foreign one is as missing as any."""

    tag = "Customers of a business"
    takes_business = False

    def check_query(self, request: Request) -> dict[str, Any]:
        params = super().check_query(request)
        self.business()  # of the path, before the body is parsed
        return params

    def business(self, permission: str = "") -> Business:
        """Return the business in the path. Raises Http404."""
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

    def respond_with_page(
        self, name: str, queryset: Any, customer: Customer, **more: Any
    ) -> Response:
        """Answer a page of what belongs to one customer."""
        params = self.parameters
        page = page_of(queryset, number=params["page"], limit=params["limit"])
        self.note_viewed(customer)
        return self.respond({name: page.rows, **more, "pagination": page})


class BusinessCustomersView(BusinessView):
    """GET lists, POST creates."""

    methods: ClassVar = {
        "get": ActionSpec(
            VIEW, serializers.ListedCustomerPageSerializer, query=inputs.CustomerList
        ),
        "post": ActionSpec(
            ADD, serializers.OneCustomerSerializer, 201, inputs.CreateCustomer
        ),
    }

    def get(self, request: Request, **_: Any) -> Response:
        """List customers."""
        params = self.parameters
        customers = services.list_shown_customers(
            actor=self.actor,
            business=self.business(),
            search=params["search"],
            customer_type=params.get("customer_type", ""),
            is_active=params["is_active"],
            sort_by=params["sort_by"],
            is_descending=params["sort_order"] == "desc",
        )
        page = self.list_page(customers)
        return self.respond({"customers": page.rows, "pagination": page})

    def post(self, request: Request, **_: Any) -> Response:
        """Create a customer."""
        values = self.body()
        created = services.create_customer(self.business(), actor=self.actor, **values)
        return self.created(self.customer(str(created.pk)))


class BusinessSearchView(BusinessView):
    """GET finds customers while somebody types; exact hits come first."""

    methods: ClassVar = {
        "get": ActionSpec(
            VIEW, serializers.CustomerMatchListSerializer, query=SearchQuery
        )
    }

    def get(self, request: Request, **_: Any) -> Response:
        """Find customers while somebody types; exact hits come first."""
        text = self.parameters["q"]
        customers = services.search_customers(
            text,
            actor=self.actor,
            business_id=self.business().pk,
            limit=self.parameters["limit"],
        )
        self.note_listed("searched", customers, text or None)
        return self.respond({"customers": customers})


class RepeatCustomersView(BusinessView):
    """GET lists who bought twice or more, most first."""

    methods: ClassVar = {
        "get": ActionSpec(VIEW, serializers.RepeatPageSerializer, query=PageQuery)
    }

    def get(self, request: Request, **_: Any) -> Response:
        """List who bought twice or more, most first."""
        customers = services.get_repeat_customers(
            actor=self.actor, business_id=self.business().pk
        ).with_shown()
        page = self.list_page(customers)
        return self.respond({"customers": page.rows, "pagination": page})


class BusinessCustomerView(OneCustomerView, BusinessView):
    """GET shows a customer with preferences, figures and newest notes."""

    methods: ClassVar = customer_methods(
        serializers.OneCustomerSerializer,
        update=inputs.UpdateCustomer,
        replace=inputs.ReplaceCustomer,
    )

    def get_masks(self, customer: Customer) -> dict[str, Any]:
        return serializers.get_customer_masks(customer)


class NotesView(BusinessView):
    """GET lists a customer's notes, POST writes one."""

    methods: ClassVar = {
        "get": ActionSpec(
            "customers.view_note",
            serializers.CustomerNotePageSerializer,
            query=inputs.NoteList,
        ),
        "post": ActionSpec(
            "customers.add_note",
            serializers.CustomerNoteSerializer,
            201,
            inputs.WriteNote,
        ),
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """List a customer's notes, newest first."""
        instance = self.customer(customer)
        note_type = self.parameters.get("note_type", "")
        notes = services.list_notes(instance, actor=self.actor, note_type=note_type)
        return self.respond_with_page("notes", notes, instance)

    def post(self, request: Request, customer: str, **_: Any) -> Response:
        """Write a note about a customer."""
        instance = self.customer(customer)
        values = self.body()
        content = values.pop("content")
        note = services.add_note(instance, content, actor=self.actor, **values)
        self.note_viewed(instance)
        return self.respond(note)


class PreferencesView(BusinessView):
    """PATCH changes how somebody wants to be served."""

    methods: ClassVar = {
        "patch": ActionSpec(
            "customers.change_preferences",
            serializers.StoredPreferencesSerializer,
            body=inputs.UpdatePreferences,
        )
    }

    def patch(self, request: Request, customer: str, **_: Any) -> Response:
        """Change how a customer wants to be served."""
        self.refuse_version()
        instance = self.customer(customer)
        masks = masks_of(instance.preferences)
        values = self.body(masks=masks, is_unmasked=self.can_see_unmasked(instance))
        changed = services.update_preferences(instance, actor=self.actor, **values)
        self.note_viewed(instance)
        return self.respond(changed, is_unmasked=self.can_see_unmasked)


class PurchasesView(BusinessView):
    """GET lists what somebody bought, with the sums."""

    methods: ClassVar = {
        "get": ActionSpec(
            "customers.view_booking",
            serializers.PurchasePageSerializer,
            query=PageQuery,
        )
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """List what a customer bought, with the sums."""
        instance = self.customer(customer)
        history = services.get_purchase_history(instance, actor=self.actor)
        return self.respond_with_page(
            "purchases", history.with_refunded(), instance, summary=instance.stats
        )


class BusinessCustomerMetricsView(BusinessView):
    """GET answers somebody's figures."""

    methods: ClassVar = {
        "get": ActionSpec("customers.view_customerstats", serializers.MetricsSerializer)
    }

    def get(self, request: Request, customer: str, **_: Any) -> Response:
        """Show a customer's figures and loyalty."""
        instance = self.customer(customer)
        self.note_viewed(instance)
        return self.respond(instance, is_unmasked=self.can_see_unmasked)
