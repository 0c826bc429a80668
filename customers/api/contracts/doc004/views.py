"""Document 004: `/api/customers/<business>/…`, twelve endpoints, snake_case."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.json_text import JsonObject
from audit.privacy.masking import masks_of
from audit.rest.pagination import page_of
from audit.rest.serializers import PageQuery
from audit.rest.views import ActionSpec
from customers import services
from customers.api.contracts.base import VIEW, ContractViewSet, customer_specs
from customers.api.contracts.doc004 import inputs, serializers
from customers.api.fields import is_descending
from customers.api.inputs import SearchQuery
from customers.models import Business, Customer


class BusinessCustomerViewSet(ContractViewSet):
    """The customers below one business; a foreign one is as missing as any."""

    tag = "Customers of a business"
    takes_business = False
    action_specs: ClassVar = {
        **customer_specs(
            serializers.OneCustomerSerializer,
            create=inputs.CreateCustomer,
            created=serializers.OneCustomerSerializer,
            update=inputs.UpdateCustomer,
            replace=inputs.ReplaceCustomer,
        ),
        "list": ActionSpec(
            VIEW, serializers.ListedCustomerPageSerializer, query=inputs.CustomerList
        ),
        "search": ActionSpec(
            VIEW, serializers.CustomerMatchListSerializer, query=SearchQuery
        ),
        "repeat": ActionSpec(VIEW, serializers.RepeatPageSerializer, query=PageQuery),
        "notes": ActionSpec(
            "customers.view_note",
            serializers.CustomerNotePageSerializer,
            query=inputs.NoteList,
        ),
        "add_note": ActionSpec(
            "customers.add_note",
            serializers.CustomerNoteSerializer,
            201,
            inputs.WriteNote,
        ),
        "update_preferences": ActionSpec(
            "customers.change_preferences",
            serializers.StoredPreferencesSerializer,
            body=inputs.UpdatePreferences,
        ),
        "history": ActionSpec(
            "customers.view_booking",
            serializers.PurchasePageSerializer,
            query=PageQuery,
        ),
        "metrics": ActionSpec(
            "customers.view_customerstats", serializers.MetricsSerializer
        ),
    }

    def check_query(self, request: Request) -> JsonObject:
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

    def body(self, **context: object) -> JsonObject:
        """Return the checked body without its business, which has to be the path's."""
        body: JsonObject = super().body(**context)
        business_id = self.business().pk
        if body.pop("business_id", business_id) != business_id:
            text = "The body names another business than the path. Leave it out."
            raise ValidationError({"business_id": [ErrorDetail(text, "conflict")]})
        return body

    def load_details(self, customer: Customer) -> None:
        notes = services.newest_notes(customer, actor=self.actor, limit=5)
        customer.recent_notes = notes  # type: ignore[attr-defined]  # for the serializer

    def get_masks(self, customer: Customer) -> JsonObject:
        return serializers.get_customer_masks(customer)

    # --- many customers -------------------------------------------------------------

    def list(self, request: Request, **_: object) -> Response:
        """List customers."""
        params = self.params
        customers = services.list_detailed_customers(
            actor=self.actor,
            business=self.business(),
            search=params["search"],
            customer_type=params.get("customer_type", ""),
            is_active=params["is_active"],
            sort_by=params["sort_by"],
            is_descending=is_descending(params),
        )
        page = self.list_page(customers)
        return self.respond({"customers": page.items, "pagination": page})

    def search(self, request: Request, **_: object) -> Response:
        """Find customers while somebody types; exact hits come first."""
        text = self.params["q"]
        customers = services.search_customers(
            text,
            actor=self.actor,
            business_id=self.business().pk,
            limit=self.params["limit"],
        )
        self.note_listed("searched", customers, text or None)
        return self.respond({"customers": customers})

    def repeat(self, request: Request, **_: object) -> Response:
        """List who bought twice or more, most first."""
        customers = services.get_repeat_customers(
            actor=self.actor, business_id=self.business().pk
        ).with_details()
        page = self.list_page(customers)
        return self.respond({"customers": page.items, "pagination": page})

    # --- below one customer ---------------------------------------------------------

    def notes(self, request: Request, customer: str, **_: object) -> Response:
        """List a customer's notes, newest first."""
        instance = self.customer(customer)
        note_type = self.params.get("note_type", "")
        notes = services.list_notes(instance, actor=self.actor, note_type=note_type)
        return self._page("notes", notes, instance)

    def add_note(self, request: Request, customer: str, **_: object) -> Response:
        """Write a note about a customer."""
        instance = self.customer(customer)
        note = services.add_note(instance, actor=self.actor, **self.body())
        self.note_viewed(instance)
        return self.respond(note)

    def update_preferences(
        self, request: Request, customer: str, **_: object
    ) -> Response:
        """Change how a customer wants to be served."""
        self.refuse_version()
        instance = self.customer(customer)
        masks = masks_of(instance.preferences)
        values = self.body(masks=masks, is_unmasked=self.can_see_unmasked(instance))
        changed = services.update_preferences(instance, actor=self.actor, **values)
        self.note_viewed(instance)
        return self.respond(changed, is_unmasked=self.can_see_unmasked)

    def history(self, request: Request, customer: str, **_: object) -> Response:
        """List what a customer bought, with the sums."""
        instance = self.customer(customer)
        purchases = services.get_purchase_history(instance, actor=self.actor)
        return self._page(
            "purchases", purchases.with_refunded(), instance, summary=instance.stats
        )

    def metrics(self, request: Request, customer: str, **_: object) -> Response:
        """Show a customer's figures and loyalty."""
        instance = self.customer(customer)
        self.note_viewed(instance)
        return self.respond(instance, is_unmasked=self.can_see_unmasked)

    def _page(
        self, name: str, queryset: QuerySet, customer: Customer, **more: object
    ) -> Response:
        """Answer a page of what belongs to one customer."""
        params = self.params
        page = page_of(queryset, number=params["page"], limit=params["limit"])
        self.note_viewed(customer)
        return self.respond({name: page.items, **more, "pagination": page})
