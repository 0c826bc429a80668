"""The base of each table of a business; `capture` builds on it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import Model
from django_filters.filterset import filterset_factory
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.filters import OfCustomer, TableFilters, YesNoFilter
from audit.rest.model_serializers import Related
from audit.rest.write_viewsets import WritableViewSet
from customers import services
from customers.api.mixins import BusinessScopeMixin
from customers.api.serializers.customers import CustomerSerializer
from customers.models import Business, Customer

CHOICES, RANGE = ["exact", "in"], ["gte", "lt"]
TIMES = {"created_at": RANGE, "updated_at": RANGE}
CUSTOMER = Related(CustomerSerializer, "customer")
_REQUIRED = ErrorDetail("Say whose it is.", "required")
_DOES_NOT_EXIST = ErrorDetail("There is no such row.", "does_not_exist")


class ArchivedFilter(YesNoFilter):
    """Hides archived instances, also without a value; `true` hides the others."""

    def filter(self, qs: Any, value: Any) -> Any:
        return qs.filter(archived_at__isnull=not value)


class ArchivableFilters(TableFilters):
    """The filters of a table that can be archived."""

    is_archived = ArchivedFilter(label="true: the archived rows instead of the others.")


class ArchivableOfCustomer(OfCustomer, ArchivableFilters):
    """The same below customers."""


class OfBooking(OfCustomer):
    """The filters of a table that refers to bookings."""

    # No choice among bookings: it would tell which of them there are.
    booking = django_filters.UUIDFilter(field_name="booking_id")


class HubViewSet(BusinessScopeMixin, WritableViewSet):
    """A table of a business. `X-Business` narrows it to one of several."""

    # The filters besides those of the base, by column: its look-ups.
    filterset_base: ClassVar[type[TableFilters]] = TableFilters
    filterset_fields: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        if "filterset_fields" in cls.__dict__:
            cls.filterset_class = filterset_factory(
                cls.model, cls.filterset_base, cls.filterset_fields
            )
        super().__init_subclass__(**kwargs)

    @cached_property
    def parent_instance(self) -> Any:
        """The customer, booking or ticket in the path, if there is one."""
        return None

    def get_queryset(self) -> Any:
        return self.with_related(self.visible_queryset(self.model))

    def list(self, request: Request, **kwargs: Any) -> Response:
        """List the rows that the filters keep, a page at a time."""
        if self.parent_instance is not None:
            self.note_access(
                "viewed", [self.parent_instance], target=self.parent_instance
            )
        return super().list(request, **kwargs)

    def visible_queryset(self, model: type[Model]) -> Any:
        queryset: Any = services.list_visible(model, actor=self.actor)
        if self.business_id is not None:
            column = "pk" if model is Business else "business"
            queryset = queryset.filter(**{column: self.business_id})
        return queryset

    @cached_property
    def business_id(self) -> UUID | None:
        """The business that `X-Business` names. Raises Http404."""
        return self.named_business_id()

    def customer(self, reference: str) -> Customer:
        """Return the customer in the path. Raises Http404 or ApiError 400."""
        return self.find_customer(reference, business_id=self.business_id)

    def can_see(self, related: Related, other: object) -> bool:
        # Users belong to no business; who sees an instance sees who works on it.
        return isinstance(other, get_user_model()) or super().can_see(related, other)

    def perform_update(
        self, instance: Any, expected_rev: int | None, changes: dict[str, Any]
    ) -> Any:
        return services.update_instance(
            instance, actor=self.actor, expected_rev=expected_rev, **changes
        )

    def perform_archive(
        self, instance: Any, expected_rev: int | None, reason: str
    ) -> Any:
        return services.archive_instance(
            instance, actor=self.actor, expected_rev=expected_rev, reason=reason
        )

    def perform_restore(
        self, instance: Any, expected_rev: int | None, reason: str
    ) -> Any:
        return services.restore_instance(
            instance, actor=self.actor, expected_rev=expected_rev, reason=reason
        )


class CustomerRelatedViewSet(HubViewSet):
    """A table that belongs to customers: below one in the path, or of all of them."""

    filterset_base = OfCustomer
    ordering_fields: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")
    related: ClassVar = {"customer": CUSTOMER}

    @cached_property
    def parent_instance(self) -> Customer | None:
        """The customer in the path, if there is one."""
        return self.customer(self.kwargs["customer"]) if self.parent else None

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        if self.parent_instance is None:
            return queryset
        return queryset.filter(
            business=self.parent_instance.business_id, customer=self.parent_instance
        )

    def body(self, **context: object) -> Any:
        """Return the checked body; it may repeat the customer of the path."""
        customer = self.parent_instance  # a foreign one is 404, whatever the body says
        values = super().body(**context)
        if customer is None or self.action != "create":
            return values
        customer_id = customer.pk
        if values.setdefault("customer_id", customer_id) != customer_id:
            text = "The body names another customer than the path. Leave it out."
            raise ValidationError({"customer_id": [ErrorDetail(text, "conflict")]})
        return values

    def customer_of(self, values: dict[str, object]) -> Customer:
        """Take the customer out of a body and return it. Raises ValidationError."""
        key = values.pop("customer_id", None)
        if self.parent_instance is not None:
            return self.parent_instance
        if key is None:
            raise ValidationError({"customer_id": [_REQUIRED]})
        queryset = self.visible_queryset(Customer).select_related("business")
        customer: Customer | None = queryset.filter(pk=key).first()
        if customer is None:
            raise ValidationError({"customer_id": [_DOES_NOT_EXIST]})
        return customer

    def perform_create(self, values: dict[str, object]) -> Any:
        customer = self.customer_of(values)
        services.check_live(customer)
        self.check_references(
            values, business_id=customer.business_id, customer_id=customer.pk
        )
        return self.create_for_customer(customer, values)

    def create_for_customer(self, customer: Customer, values: dict[str, Any]) -> Any:
        """Create an instance that belongs to a customer."""
        return services.create_instance(
            self.model,
            business_id=customer.business_id,
            actor=self.actor,
            customer=customer,
            **values,
        )
