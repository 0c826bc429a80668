"""Preferences and figures: one instance of each for every customer."""

from __future__ import annotations

from typing import Any, ClassVar

from audit.json_text import JsonObject, JsonValue
from customers import services
from customers.api.serializers import customer_related
from customers.api.serializers import customers as serializers
from customers.api.tables.base import HubViewSet
from customers.models import CustomerStats, Preferences


class OnePerCustomerViewSet(HubViewSet):
    """A table with one instance for each customer, who is named in the path."""

    lookup_url_kwarg = "customer"

    def get_by_reference(self, reference: str) -> Any:
        customer = self.customer(reference)
        queryset = self.get_queryset().select_related("business")
        instance = queryset.filter(customer=customer).first()
        if instance is None:
            raise self.missing(self.model, reference)
        instance.customer = customer
        return instance

    def get_reference(self, instance: Any) -> str:
        return str(instance.customer_id)


class CustomerStatsViewSet(OnePerCustomerViewSet):
    """The figures of one customer."""

    tag = "Figures"
    model = CustomerStats
    serializer_class = serializers.StatsSerializer


class CustomerPreferencesViewSet(OnePerCustomerViewSet):
    """How one customer wants to be reached and served."""

    tag = "Preferences"
    model = Preferences
    serializer_class = serializers.PreferencesSerializer
    update_serializer_class = serializers.PreferencesUpdateSerializer
    written_fields: ClassVar = customer_related.HOLDS

    def about_written(self, instance: Any, sent: JsonValue) -> JsonObject:
        """Return what holds from now on; preferences are about every purpose."""
        customer = instance.customer
        # As they were written: nothing of it is read again.
        customer.preferences = instance
        states = services.contact_states(customer, is_loaded=True)
        return {"holds": customer_related.represent_states(states)}

    def perform_update(
        self, instance: Any, expected_rev: int | None, changes: JsonObject
    ) -> Preferences:
        services.check_live(instance.customer)
        return services.update_preferences(
            instance.customer, actor=self.actor, **changes
        )
