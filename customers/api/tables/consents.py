"""Consents of customers: events that are never changed."""

from __future__ import annotations

from typing import Any, ClassVar

from customers import services
from customers.api.serializers import customer_related as serializers
from customers.api.tables.base import CHOICES, RANGE, CustomerRelatedViewSet
from customers.models import ConsentEvent, Customer


class ConsentViewSet(CustomerRelatedViewSet):
    """What customers said about being contacted: kept for ever, never edited."""

    tag = "Consents"
    model = ConsentEvent
    serializer_class = serializers.ConsentSerializer
    create_serializer_class = serializers.ConsentCreateSerializer
    cursor_field = "occurred_at"
    ordering_fields = ("occurred_at", "created_at")
    filterset_fields: ClassVar = {
        "purpose": CHOICES,
        "channel": CHOICES,
        "action": CHOICES,
        "occurred_at": RANGE,
        "created_at": RANGE,
    }

    def create_for_customer(self, customer: Customer, values: dict[str, Any]) -> Any:
        return services.record_consent(customer, actor=self.actor, **values)
