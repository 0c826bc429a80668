"""The base of each table of a business; `capture` builds on it too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import django_filters
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django_filters.filterset import filterset_factory
from django_filters.utils import get_model_field
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.json_text import JsonObject
from audit.rest.expansion import Related
from audit.rest.filters import OfCustomer, TableFilters, YesNoFilter, lookups_of
from audit.rest.model_serializers import naming_parent
from audit.rest.views import ActionSpec
from audit.rest.write_viewsets import WritableViewSet
from customers import services
from customers.api.serializers.customers import CustomerSerializer
from customers.api.views import BusinessScopedView
from customers.models import Business, Customer

_Model = TypeVar("_Model", bound=Model)

TIMES = ("created_at", "updated_at")
CUSTOMER = Related(CustomerSerializer, "customer")
DOES_NOT_EXIST = ErrorDetail("There is no such row.", "does_not_exist")


class ArchivedFilter(YesNoFilter):
    """Hides archived instances, also without a value; `true` hides the others."""

    def filter(self, qs: QuerySet, value: object) -> QuerySet:
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


class HubViewSet(BusinessScopedView, WritableViewSet):
    """A table of a business. `X-Business` narrows it to one of several."""

    # The columns that have filters besides those of the base; see `lookups_of`.
    filterset_base: ClassVar[type[TableFilters]] = TableFilters
    filterset_fields: ClassVar[tuple[str, ...]] = ()
    # Those of `POST …/query` besides, of a table that has it.
    query_filterset_base: ClassVar[type[TableFilters] | None] = None
    update_service: ClassVar[Callable[..., Model]] = staticmethod(
        services.update_instance
    )
    archive_service: ClassVar[Callable[..., Model]] = staticmethod(
        services.archive_instance
    )
    restore_service: ClassVar[Callable[..., Model]] = staticmethod(
        services.restore_instance
    )

    def __init_subclass__(cls, **kwargs: object) -> None:
        if "filterset_fields" in cls.__dict__:
            lookups = {
                name: lookups_of(get_model_field(cls.model, name))
                for name in cls.filterset_fields
            }
            cls.filterset_class = filterset_factory(
                cls.model, cls.filterset_base, lookups
            )
            if cls.query_filterset_base is not None:
                cls.query_filterset_class = filterset_factory(
                    cls.model, cls.query_filterset_base, lookups
                )
        super().__init_subclass__(**kwargs)

    @property
    def spec(self) -> ActionSpec | None:
        """What the action takes and answers; a new row says whose it is."""
        spec = super().spec
        is_new = self.action == "create" and not self.parent
        if spec is None or spec.body is None or not is_new:
            return spec
        return replace(spec, body=naming_parent(spec.body))

    def make_filterset(self, filters: Mapping[str, str]) -> TableFilters:
        """Return the filters of this request, which know its business."""
        filterset = super().make_filterset(filters)
        filterset.business_id = self.business_id
        return filterset

    @cached_property
    def parent_instance(self) -> Any:  # of a type that each table knows
        """The customer, booking or ticket in the path, if there is one."""
        return None

    def get_queryset(self) -> Any:  # some have a queryset class of their own
        queryset = self.with_related(self.visible_queryset(self.model))
        parent = self.parent_instance
        if parent is None:
            return queryset
        column = parent._meta.model_name
        return queryset.filter(business=parent.business_id, **{column: parent})

    def list(self, request: Request, **kwargs: object) -> Response:
        """List the rows that the filters keep, a page at a time."""
        if self.parent_instance is not None:
            self.note_access(
                "viewed", [self.parent_instance], target=self.parent_instance
            )
        return super().list(request, **kwargs)

    def visible_queryset(self, model: type[_Model]) -> QuerySet[_Model]:
        queryset = services.list_visible(model, actor=self.actor)
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

    def parent_of(self, values: JsonObject, parents: QuerySet[_Model]) -> _Model:
        """Take the id of the parent out of a body, and return the parent.

        The path names it, or the body, or both the same one. Raises ValidationError.
        """
        named, noun = self.parent_instance, parents.model._meta.model_name
        key = values.pop(f"{noun}_id", None)
        if named is not None:
            if key in (None, named.pk):
                return named
            text = f"The body names another {noun} than the path. Leave it out."
            error = ErrorDetail(text, "conflict")
        else:
            parent = parents.filter(pk=key).first()
            if parent is not None:
                return parent
            error = DOES_NOT_EXIST
        raise ValidationError({f"{noun}_id": [error]})


class CustomerRelatedViewSet(HubViewSet):
    """A table that belongs to customers: below one in the path, or of all of them."""

    filterset_base = OfCustomer
    ordering_fields: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")
    related: ClassVar = {"customer": CUSTOMER}

    @cached_property
    def parent_instance(self) -> Customer | None:
        """The customer in the path, if there is one."""
        return self.customer(self.kwargs["customer"]) if self.parent else None

    def body(self, **context: object) -> JsonObject:
        """Return the checked body. A foreign customer is 404, whatever it says."""
        _ = self.parent_instance
        body: JsonObject = super().body(**context)
        return body

    def perform_create(self, values: JsonObject) -> Model:
        customers = self.visible_queryset(Customer).select_related("business")
        customer = self.parent_of(values, customers)
        services.check_live(customer)
        self.check_references(
            values, business_id=customer.business_id, customer_id=customer.pk
        )
        return self.create_for_customer(customer, values)

    def create_for_customer(self, customer: Customer, values: JsonObject) -> Model:
        """Create an instance that belongs to a customer."""
        return services.create_instance(
            self.model,
            business_id=customer.business_id,
            actor=self.actor,
            customer=customer,
            **values,
        )
