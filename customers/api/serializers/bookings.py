"""Bookings, refunds and entries of credit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

from rest_framework import serializers

from audit.json_text import JsonObject
from audit.rest.serializers import StrictSerializer
from customers.api.fields import NumberInput
from customers.api.serializers.base import (
    OF_CUSTOMER,
    TIMES,
    HubCreateSerializer,
    HubUpdateSerializer,
    MoneyModelSerializer,
)
from customers.models import Booking, BookingPayment, Credit, Refund

_BOOKING = [
    "kind",
    "status",
    "placed_at",
    "starts_at",
    "ends_at",
    "completed_at",
    "cancelled_at",
    "cancelled_by",
    "cancel_reason",
    "rescheduled_from_id",
    "items_count",
    "lines",
    "original_amount",
    "discount_amount",
    "total_amount",
    "paid_amount",
    "payment_method",
    "external_id",
]


class BookingSerializer(MoneyModelSerializer):
    """One thing bought."""

    amounts = (
        "original_amount",
        "discount_amount",
        "total_amount",
        "paid_amount",
        "credit_used",
    )
    permissions: ClassVar = {"credit_used": "customers.view_credit"}

    class Meta:
        model = Booking
        extra_kwargs: ClassVar = {"credit_used": {"allow_null": True}}
        fields: ClassVar = [
            *OF_CUSTOMER,
            "reference",
            *_BOOKING,
            "raw_status",
            "credit_used",
            "currency",
            "invoice_number",
            "rev",
            *TIMES,
        ]


class AmountTextInput(NumberInput):
    """A number that is kept as a text."""

    def quantize(self, value: Decimal) -> Decimal:
        """Keep the decimals that were sent."""
        return value

    def run_validation(self, data: object = serializers.empty) -> str:
        return format(super().run_validation(data), "f")


class LineSerializer(StrictSerializer):
    """One line of a booking; what is not named is left out."""

    description = serializers.CharField(max_length=500)
    quantity = AmountTextInput(15, 3, min_value=0, required=False)
    unit_price = AmountTextInput(15, 3, required=False)
    amount = AmountTextInput(15, 3, required=False)


class BookingCreateSerializer(HubCreateSerializer):
    lines = serializers.ListField(
        child=LineSerializer(), allow_null=True, required=False, max_length=500
    )

    class Meta:
        model = Booking
        fields: ClassVar = ["customer_id", *_BOOKING, "currency"]
        extra_kwargs: ClassVar = {
            "currency": {
                "required": False,
                "help_text": "The business's own, if it is left out.",
            },
            "total_amount": {"required": True},
            "paid_amount": {
                "help_text": "What is paid already: recorded as a payment of the "
                "method in `payment_method`, else `other`. Later it follows from "
                "…/payments and is not written."
            },
        }

    def validate(self, attrs: JsonObject) -> JsonObject:
        """Count the items of the lines, unless the body says how many there are."""
        if lines := attrs.get("lines"):
            count = sum(Decimal(line.get("quantity", 1)) for line in lines)
            attrs.setdefault("items_count", count)
        return attrs


class BookingUpdateSerializer(HubUpdateSerializer, BookingCreateSerializer):
    class Meta(BookingCreateSerializer.Meta):
        fields = _BOOKING

    def to_internal_value(self, data: object) -> JsonObject:
        """Take lines of another form, as imports bring them, when they stay."""
        seen = self.context.get("seen", {}).get("lines")
        if isinstance(data, Mapping) and "lines" in data and data["lines"] == seen:
            data = {key: value for key, value in data.items() if key != "lines"}
        return super().to_internal_value(data)


class BookingPaymentSerializer(MoneyModelSerializer):
    """Money that came in for one booking, as somebody recorded it."""

    amounts = ("amount",)

    class Meta:
        model = BookingPayment
        extra_kwargs: ClassVar = {
            "amount": {"help_text": "Below zero for a reversal."},
            "external_id": {"help_text": "The same one again is the same payment."},
        }
        fields: ClassVar = [
            "id",
            "business_id",
            "booking_id",
            "amount",
            "currency",
            "method",
            "received_on",
            "reference",
            "external_id",
            "reason",
            "reverses_id",
            "created_by_id",
            "operation_id",
            "created_at",
        ]


class RefundSerializer(MoneyModelSerializer):
    """Money that goes back for one booking."""

    amounts = ("amount",)

    class Meta:
        model = Refund
        fields: ClassVar = [
            *OF_CUSTOMER,
            "booking_id",
            "amount",
            "currency",
            "status",
            "method",
            "reason_code",
            "reason",
            "requested_by_id",
            "approved_by_id",
            "settled_at",
            "external_id",
            *TIMES,
        ]


class CreditSerializer(MoneyModelSerializer):
    """One entry of a customer's credit."""

    amounts = ("amount",)

    class Meta:
        model = Credit
        fields: ClassVar = [
            *OF_CUSTOMER,
            "kind",
            "amount",
            "currency",
            "reason_code",
            "reason",
            "booking_id",
            "reverses_id",
            "expires_on",
            "created_by_id",
            "operation_id",
            "created_at",
        ]
