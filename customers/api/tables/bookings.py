"""Everything bought, and money that goes back."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import Model

from audit.json_text import JsonObject
from audit.rest.expansion import Related
from customers.api.serializers import bookings as serializers
from customers.api.serializers.businesses import BusinessSerializer
from customers.api.tables.base import (
    CUSTOMER,
    TIMES,
    CustomerRelatedViewSet,
    HubViewSet,
    OfBooking,
)
from customers.models import Booking, BookingPayment, Credit, Customer, Refund

BOOKING = Related(serializers.BookingSerializer, "booking")


class BookingViewSet(CustomerRelatedViewSet):
    """Bookings, orders, sales and plans of customers."""

    tag = "Bookings"
    model = Booking
    serializer_class = serializers.BookingSerializer
    create_serializer_class = serializers.BookingCreateSerializer
    update_serializer_class = serializers.BookingUpdateSerializer
    references: ClassVar = {"rescheduled_from_id": Booking}
    has_versions = True
    cursor_field = "placed_at"
    ordering_fields = (
        "placed_at",
        "completed_at",
        "total_amount",
        "created_at",
        "updated_at",
    )
    filterset_fields = (
        "kind",
        "status",
        "reference",
        "external_id",
        "currency",
        "total_amount",
        "placed_at",
        "completed_at",
        "starts_at",
        *TIMES,
    )
    related: ClassVar = {
        "business": Related(BusinessSerializer, "business"),
        "customer": CUSTOMER,
    }

    def create_for_customer(self, customer: Customer, values: JsonObject) -> Model:
        values.setdefault("currency", customer.business.currency)
        return super().create_for_customer(customer, values)


class BookingPaymentViewSet(HubViewSet):
    """Money that came in for bookings, as somebody recorded it."""

    tag = "Bookings"
    model = BookingPayment
    serializer_class = serializers.BookingPaymentSerializer
    ordering_fields = ("created_at", "received_on", "amount")
    filterset_fields = (
        "method",
        "received_on",
        "external_id",
        "created_at",
    )
    related: ClassVar = {"booking": BOOKING}


class RefundViewSet(CustomerRelatedViewSet):
    """Money that goes back for bookings."""

    tag = "Refunds"
    model = Refund
    serializer_class = serializers.RefundSerializer
    ordering_fields = ("created_at", "settled_at", "amount")
    filterset_base = OfBooking
    filterset_fields = (
        "status",
        "method",
        "reason_code",
        "currency",
        "settled_at",
        "created_at",
    )
    related: ClassVar = {"customer": CUSTOMER, "booking": BOOKING}


class CreditViewSet(CustomerRelatedViewSet):
    """Entries of customers' credit; a balance is the sum of them."""

    tag = "Credits"
    model = Credit
    serializer_class = serializers.CreditSerializer
    ordering_fields = ("created_at", "amount")
    filterset_base = OfBooking
    filterset_fields = (
        "kind",
        "reason_code",
        "currency",
        "expires_on",
        "created_at",
    )
    related: ClassVar = {"customer": CUSTOMER, "booking": BOOKING}
