"""Customers in the canonical API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from rest_framework import serializers

from audit.rest.filters import YesNoFilter
from audit.rest.model_serializers import CreateSerializer, Related, UpdateSerializer
from customers import services
from customers.api.tables.base import ArchivableFilters, HubViewSet
from customers.api.tables.rows import (
    BusinessRow,
    CustomerRow,
    PreferencesRow,
    StatsRow,
)
from customers.models import Customer


class NewCustomer(CreateSerializer):
    """A new customer, with wishes."""

    name = serializers.CharField(max_length=255)
    prefer_sms = serializers.BooleanField(required=False)
    prefer_email = serializers.BooleanField(required=False)
    prefer_call = serializers.BooleanField(required=False)
    address = serializers.CharField(
        max_length=2000, required=False, help_text="The primary one, as typed."
    )

    class Meta:
        model = Customer
        fields: ClassVar = [
            *services.CUSTOMER_COLUMNS,
            *("prefer_sms", "prefer_email", "prefer_call", "address"),
        ]


class ChangedCustomer(UpdateSerializer):
    """What changes of a customer."""

    name = serializers.CharField(max_length=255)

    class Meta:
        model = Customer
        fields = services.CUSTOMER_COLUMNS


class CustomerFilters(ArchivableFilters):
    """Filters of customers; none of them tells what is masked."""

    search = django_filters.CharFilter(
        method="search_customers",
        max_length=200,
        label="Name, reference, e-mail or phone; parts of what is seen in clear.",
    )

    class Meta(ArchivableFilters.Meta):
        model = Customer
        fields: ClassVar = {
            "status": ["exact", "in"],
            "customer_type": ["exact", "in"],
            "is_email_verified": ["exact"],
            "unique_id": ["exact"],
            "joined_at": ["gte", "lt"],
            "created_at": ["gte", "lt"],
            "updated_at": ["gte", "lt"],
            "stats__total_spent": ["gte", "lt"],
            "stats__total_purchases": ["gte", "lt"],
            "stats__last_login_at": ["gte", "lt"],
            "stats__last_active_at": ["gte", "lt"],
            "stats__repeat_frequency": ["exact", "in"],
        }

    is_repeat_customer = YesNoFilter(field_name="stats__is_repeat_customer")
    is_high_value = YesNoFilter(field_name="stats__is_high_value")
    is_opted_in = YesNoFilter(field_name="stats__is_opted_in")

    def search_customers(self, customers: Any, name: str, value: str) -> Any:
        """Return the customers that match, as far as the actor sees them in clear."""
        return services.match_customers(customers, value, actor=self.actor)


class CustomerViewSet(HubViewSet):
    """Customers of the businesses that the caller works for."""

    tag = "Customers"
    model = Customer
    serializer_class = CustomerRow
    create_serializer_class = NewCustomer
    update_serializer_class = ChangedCustomer
    filterset_class = CustomerFilters
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
    related: ClassVar[Mapping[str, Related]] = {
        "business": Related(BusinessRow, "business"),
        "preferences": Related(
            PreferencesRow, "preferences", ("preferences__business",)
        ),
        "stats": Related(StatsRow, "stats", ("stats__business",)),
    }

    def get_queryset(self) -> Any:
        # One who was erased is found by the address alone, and in no list.
        customers = super().get_queryset().filter(erased_at=None)
        # The figures' amounts are in the business's currency.
        customers = customers.select_related("business")
        return services.with_order_name(
            customers, actor=self.actor, business_id=self.business_id
        )

    def get_by_reference(self, reference: str) -> Customer:
        return self.customer(reference)

    def perform_create(self, values: dict[str, Any]) -> Any:
        business = self.business()
        return services.create_customer(business, actor=self.actor, **values)

    def perform_update(
        self, row: Any, expected_rev: int | None, changes: dict[str, Any]
    ) -> Any:
        return services.update_customer(
            row, actor=self.actor, expected_rev=expected_rev, **changes
        )

    def perform_archive(self, row: Any, expected_rev: int | None, reason: str) -> Any:
        return services.archive_customer(
            row, actor=self.actor, reason=reason, expected_rev=expected_rev
        )

    def perform_restore(self, row: Any, expected_rev: int | None, reason: str) -> Any:
        [restored] = services.restore_customers(
            [row.pk], actor=self.actor, reason=reason, expected_rev=expected_rev
        )
        return restored
