"""What acts with refunds, credit and invoices answer."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from django.urls import reverse
from rest_framework import serializers

from audit.privacy.masking import mask
from customers import services
from customers.api.serializers.customers import CreditRow, RefundRow
from customers.choices import RefundStatus
from customers.models import Booking, Refund


class NeedsField(serializers.ChoiceField):
    """What a refund still waits for."""

    def get_attribute(self, instance: Refund) -> str | None:
        return "second_person" if instance.status == RefundStatus.REQUESTED else None


class BookingAmountField(serializers.CharField):
    """An amount of the refund's booking, in the refund's currency."""

    def __init__(self, amount_of: Callable[[Booking], Decimal], **kwargs: Any) -> None:
        self.amount_of = amount_of
        super().__init__(**kwargs)

    def get_attribute(self, instance: Refund) -> str:
        amount = self.amount_of(instance.booking)
        return services.amount_text(amount, instance.currency)


class RefundDoneSerializer(RefundRow):
    """A refund after an act, with what has gone back of its booking."""

    needs = NeedsField(["second_person"], allow_null=True)
    refunded_total = BookingAmountField(services.refunded_of)
    left = BookingAmountField(
        services.refundable_amount, help_text="What may still go back."
    )

    class Meta(RefundRow.Meta):
        fields: ClassVar = [*RefundRow.Meta.fields, "needs", "refunded_total", "left"]


class CreditDoneSerializer(CreditRow):
    """A new entry, with what the customer can spend now."""

    # The view adds it to the row.
    balance = serializers.CharField()

    class Meta(CreditRow.Meta):
        fields: ClassVar = [*CreditRow.Meta.fields, "balance"]


class BalancesSerializer(serializers.Serializer[Any]):
    balances = serializers.DictField(
        child=serializers.CharField(),
        help_text="By currency: what can be spent. What has run out is not in it.",
    )


class RecipientField(serializers.CharField):
    """The address that an invoice goes to; the context says whether in clear."""

    def to_representation(self, value: str) -> str:
        address: str = value if self.context["sees_address"] else mask(value)
        return address


class OneInvoiceSerializer(serializers.Serializer[Any]):
    booking_id = serializers.UUIDField()
    invoice_number = serializers.CharField(source="number")
    to = RecipientField(help_text="Masked by role.")
    again = serializers.BooleanField(help_text="It had its number before.")


class SentInvoicesSerializer(serializers.Serializer[Any]):
    results = OneInvoiceSerializer(many=True)


class LinkField(serializers.CharField):
    """Where an export is opened."""

    def to_representation(self, value: str) -> str:
        return reverse("person_export", kwargs={"token": value})


class LinkSerializer(serializers.Serializer[Any]):
    link = LinkField(source="token")
    expires_at = serializers.DateTimeField()
