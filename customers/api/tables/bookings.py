"""Everything bought, and money that goes back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import django_filters
from rest_framework import serializers

from audit.rest.filters import OfCustomer
from audit.rest.model_serializers import CreateSerializer, Related, UpdateSerializer
from audit.rest.serializers import StrictSerializer
from customers.api.tables import rows
from customers.api.tables.base import CustomerRelatedViewSet
from customers.api.tables.belongings import CUSTOMER
from customers.api.tables.rows import COURSE
from customers.models import Booking, Credit, Customer, Refund

_BOOKING = [
    "kind",
    "status",
    *COURSE,
    "payment_method",
    "external_id",
]
_BETWEEN = ["gte", "lt"]
BOOKING = Related(rows.BookingRow, "booking")


class AmountText(serializers.DecimalField):
    """A number that is kept as a text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=15, decimal_places=3, **kwargs)

    def quantize(self, value: Decimal) -> Decimal:
        """Keep the decimals that were sent."""
        return value

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return format(super().run_validation(data), "f")


class Line(StrictSerializer):
    """One line of a booking; what is not named is left out."""

    description = serializers.CharField(max_length=500)
    quantity = AmountText(min_value=0, required=False)
    unit_price = AmountText(required=False)
    amount = AmountText(required=False)


class WithLines(CreateSerializer):
    """Counts the items of the lines, unless the body says how many there are."""

    lines = serializers.ListField(
        child=Line(), allow_null=True, required=False, max_length=500
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if lines := attrs.get("lines"):
            count = sum(Decimal(line.get("quantity", 1)) for line in lines)
            attrs.setdefault("items_count", count)
        return attrs


class NewBooking(WithLines):
    class Meta:
        model = Booking
        fields: ClassVar = ["customer_id", *_BOOKING, "currency"]
        extra_kwargs: ClassVar = {
            "currency": {
                "required": False,
                "help_text": "The business's own, if it is left out.",
            },
            "total_amount": {"required": True},
        }


class ChangedBooking(WithLines, UpdateSerializer):
    class Meta:
        model = Booking
        fields = _BOOKING

    def to_internal_value(self, data: Any) -> Any:
        """Take lines of another form, as imports bring them, when they stay."""
        seen = self.context.get("seen", {}).get("lines")
        if isinstance(data, Mapping) and "lines" in data and data["lines"] == seen:
            data = {key: value for key, value in data.items() if key != "lines"}
        return super().to_internal_value(data)


class BookingFilters(OfCustomer):
    class Meta(OfCustomer.Meta):
        model = Booking
        fields: ClassVar = {
            "kind": ["exact", "in"],
            "status": ["exact", "in"],
            "reference": ["exact", "in"],
            "external_id": ["exact"],
            "currency": ["exact", "in"],
            "total_amount": _BETWEEN,
            "placed_at": _BETWEEN,
            "completed_at": _BETWEEN,
            "starts_at": _BETWEEN,
            "created_at": _BETWEEN,
            "updated_at": _BETWEEN,
        }


class BookingViewSet(CustomerRelatedViewSet):
    """Bookings, orders, sales and plans of customers."""

    tag = "Bookings"
    model = Booking
    serializer_class = rows.BookingRow
    create_serializer_class = NewBooking
    update_serializer_class = ChangedBooking
    references: ClassVar = {"rescheduled_from_id": Booking}
    filterset_class = BookingFilters
    has_versions = True
    cursor_field = "placed_at"
    ordering_fields = (
        "placed_at",
        "completed_at",
        "total_amount",
        "created_at",
        "updated_at",
    )
    related: ClassVar = {
        "business": Related(rows.BusinessRow, "business"),
        "customer": CUSTOMER,
    }

    def create_for_customer(self, customer: Customer, values: dict[str, Any]) -> Any:
        values.setdefault("currency", customer.business.currency)
        return super().create_for_customer(customer, values)


class OfBooking(OfCustomer):
    # No choice among bookings: it would tell which of them there are.
    booking = django_filters.UUIDFilter(field_name="booking_id")


class RefundFilters(OfBooking):
    class Meta(OfCustomer.Meta):
        model = Refund
        fields: ClassVar = {
            "status": ["exact", "in"],
            "reason_code": ["exact", "in"],
            "currency": ["exact"],
            "settled_at": _BETWEEN,
            "created_at": _BETWEEN,
        }


class RefundViewSet(CustomerRelatedViewSet):
    """Money that goes back for bookings."""

    tag = "Refunds"
    model = Refund
    serializer_class = rows.RefundRow
    filterset_class = RefundFilters
    ordering_fields = ("created_at", "settled_at", "amount")
    related: ClassVar = {"customer": CUSTOMER, "booking": BOOKING}


class CreditFilters(OfBooking):
    class Meta(OfCustomer.Meta):
        model = Credit
        fields: ClassVar = {
            "kind": ["exact", "in"],
            "reason_code": ["exact", "in"],
            "currency": ["exact"],
            "expires_on": _BETWEEN,
            "created_at": _BETWEEN,
        }


class CreditViewSet(CustomerRelatedViewSet):
    """Entries of customers' credit; a balance is the sum of them."""

    tag = "Credits"
    model = Credit
    serializer_class = rows.CreditRow
    filterset_class = CreditFilters
    ordering_fields = ("created_at", "amount")
    related: ClassVar = {"customer": CUSTOMER, "booking": BOOKING}
