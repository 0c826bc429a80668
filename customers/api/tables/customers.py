"""Customers in the canonical API."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar, cast

import django_filters
from django.db.models import Model, QuerySet

from audit.json_text import JsonObject
from audit.rest.exceptions import ApiError
from audit.rest.filters import YesNoFilter
from audit.rest.serializers import EmailAddressField
from customers import services
from customers.api.serializers import customers as serializers
from customers.api.tables.base import (
    TIMES,
    ArchivableFilters,
)
from customers.api.tables.customer_expansions import EXPANSIONS
from customers.api.tables.phone_warnings import PhoneWarnings
from customers.models import Customer, CustomerQuerySet

_Model = TypeVar("_Model", bound=Model)
_PARTS = ("email__contains", "phone__contains")
_SEARCHED = (
    "search",
    "email",
    "phone",
    "name",
    "external_id",
    "name__contains",
    *_PARTS,
)


class CustomerFilters(ArchivableFilters):
    """Filters of customers; none of them tells what is masked."""

    search = django_filters.CharFilter(
        method="search_customers",
        max_length=200,
        label="Name, reference, e-mail or phone; parts of what is seen in clear.",
    )
    is_repeat_customer = YesNoFilter(field_name="stats__is_repeat_customer")
    is_high_value = YesNoFilter(field_name="stats__is_high_value")
    is_opted_in = YesNoFilter(field_name="stats__is_opted_in")

    def search_customers(
        self, customers: CustomerQuerySet, name: str, value: str
    ) -> CustomerQuerySet:
        """Return the customers that match, as far as the actor sees them in clear."""
        return services.match_customers(customers, value, actor=self.actor)


class EmailFilter(django_filters.CharFilter):
    """An e-mail address, in any spelling."""

    input_class = EmailAddressField


class CustomerQueryFilters(CustomerFilters):
    """The filters of a body. What is seen masked is told by its whole value alone."""

    email = EmailFilter(method="filter_personal", label="The whole e-mail.")
    email__contains = django_filters.CharFilter(
        method="filter_personal", label="A part of the e-mail."
    )
    phone = django_filters.CharFilter(
        method="filter_personal", label="The whole number, with or without its country."
    )
    phone__contains = django_filters.CharFilter(
        method="filter_personal", label="Digits of the number."
    )
    name = django_filters.CharFilter(method="filter_personal", label="The whole name.")
    name__contains = django_filters.CharFilter(
        method="filter_personal", label="A part of the name."
    )
    external_id = django_filters.CharFilter(label="The id in another system.")

    @property
    def searched(self) -> str:
        """What is looked for, for the access event."""
        return " ".join(str(self.data[name]) for name in _SEARCHED if name in self.data)

    def check(self) -> None:
        """Check values, and parts of what is masked. Raises ApiError 403 for those."""
        super().check()
        wrong = [name for name in _PARTS if self.data.get(name)]
        if wrong and services.sees_clear_in(self.actor, self.business_id) is not None:
            raise ApiError(
                403,
                "unmasked_required",
                "You see this masked. Ask for the whole value, or name a business in "
                "X-Business where you see it in clear.",
                pointer=f"/{wrong[0]}",
            )

    def filter_personal(
        self, customers: CustomerQuerySet, name: str, value: str
    ) -> CustomerQuerySet:
        """Keep customers by what an address may not say."""
        return services.filter_by_personal_data(
            customers, name, value, actor=self.actor, business_id=self.business_id
        )


def _restore_customer(customer: Customer, **about: Any) -> Customer:
    [restored] = services.restore_customers([customer.pk], **about)
    return restored


class CustomerViewSet(PhoneWarnings):
    """Customers of the businesses that the caller works for."""

    tag = "Customers"
    model = Customer
    serializer_class = serializers.CustomerSerializer
    create_serializer_class = serializers.CustomerCreateSerializer
    update_serializer_class = serializers.CustomerUpdateSerializer
    filterset_base = CustomerFilters
    query_filterset_base = CustomerQueryFilters
    filterset_fields = (
        "status",
        "customer_type",
        "is_email_verified",
        "unique_id",
        "joined_at",
        *TIMES,
        "stats__total_spent",
        "stats__total_purchases",
        "stats__last_login_at",
        "stats__last_active_at",
        "stats__repeat_frequency",
    )
    update_service = staticmethod(services.update_customer)
    archive_service = staticmethod(services.archive_customer)
    restore_service = staticmethod(_restore_customer)
    archive_permission = services.ARCHIVE
    bulk_permission = "customers.bulk_customer"
    lookup_url_kwarg = "customer"
    lookup_value_regex = "[^/]+"
    cursor_field = "joined_at"
    has_versions = True
    ordering_fields: ClassVar = {
        "joined_at": "joined_at",
        "created_at": "created_at",
        "updated_at": "updated_at",
        "name": "order_name",
        "total_spent": "stats__total_spent",
        "total_purchases": "stats__total_purchases",
        "total_orders": "stats__total_orders",
        "last_active_at": "stats__last_active_at",
        "last_login_at": "stats__last_login_at",
    }
    related = EXPANSIONS

    def visible_queryset(self, model: type[_Model]) -> QuerySet[_Model]:
        first, _, _ = str(self.params.get("ordering", "")).partition(",")
        if model is not Customer or first.removeprefix("-") != "name":
            return super().visible_queryset(model)
        return cast(
            "QuerySet[_Model]",
            services.list_by_projection(
                "index", actor=self.actor, business_id=self.business_id
            ),
        )

    def get_queryset(self) -> CustomerQuerySet:
        # One who was erased is found by the address alone, and in no list.
        customers = super().get_queryset().filter(erased_at=None)
        # The figures' amounts are in the business's currency.
        customers = customers.select_related("business")
        return services.with_order_name(
            customers, actor=self.actor, business_id=self.business_id
        )

    def get_by_reference(self, reference: str) -> Customer:
        return self.find_customer(
            reference, business_id=self.business_id, loads=self.related_paths()
        )

    def perform_create(self, values: JsonObject) -> Customer:
        business = self.business()
        return services.create_customer(business, actor=self.actor, **values)
