"""Requests and answers about refunds, credit, flags, invoices and person exports."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import ClassVar

from django.urls import reverse
from rest_framework import serializers

from audit.json_text import JsonObject
from audit.privacy.masking import mask
from audit.rest.serializers import DayField, StrictSerializer
from customers import services
from customers.api.fields import AmountInput
from customers.api.serializers.bookings import (
    BookingPaymentSerializer,
    CreditSerializer,
    RefundSerializer,
)
from customers.choices import (
    CHOSEN_METHODS,
    CreditReason,
    RefundMethod,
    RefundReason,
    RefundStatus,
)
from customers.models import Booking, BookingPayment, Refund


def amount_input(*, required: bool = True) -> AmountInput:
    return AmountInput(min_value=Decimal("0.001"), required=required)


def currency_input() -> serializers.CharField:
    return serializers.CharField(min_length=3, max_length=3, required=False)


def reason_input(*, required: bool = True) -> serializers.CharField:
    return serializers.CharField(max_length=500, required=required)


class AskRefund(StrictSerializer):
    """Without an amount all that is left goes back."""

    amount = amount_input(required=False)
    currency = currency_input()
    method = serializers.ChoiceField(
        RefundMethod.choices,
        required=False,
        help_text="How it goes back. What a payment provider tells of is the same "
        "money if this is processor, or unsaid, and other money if not.",
    )
    reason_code = serializers.ChoiceField(RefundReason.choices)
    reason = reason_input(required=False)


class RecordPayment(StrictSerializer):
    """Without an amount all that is left was paid, without a day today."""

    amount = amount_input(required=False)
    currency = currency_input()
    method = serializers.ChoiceField(
        [(method.value, method.label) for method in CHOSEN_METHODS]
    )
    received_on = DayField(required=False)
    reference = serializers.CharField(max_length=100, required=False)
    external_id = serializers.CharField(
        max_length=255,
        required=False,
        help_text="Of yours: the same one again is the same payment.",
    )
    reason = reason_input(required=False)


class GiveReason(StrictSerializer):
    reason = reason_input()


class IssueCredit(StrictSerializer):
    amount = amount_input()
    currency = currency_input()
    reason_code = serializers.ChoiceField(CreditReason.choices, required=False)
    reason = reason_input(required=False)
    expires_on = DayField(required=False)


class SpendCredit(StrictSerializer):
    amount = amount_input()
    currency = currency_input()
    booking = serializers.CharField(max_length=100, required=False)
    reason = reason_input(required=False)


class AddFlag(StrictSerializer):
    code = serializers.SlugField(max_length=50)
    reason = reason_input()


class NeedsField(serializers.ChoiceField):
    """What a refund still waits for."""

    def get_attribute(self, instance: Refund) -> str | None:
        return "second_person" if instance.status == RefundStatus.REQUESTED else None


class BookingAmountField(serializers.CharField):
    """An amount of the booking of an entry, in its currency."""

    def __init__(
        self, amount_of: Callable[[Booking], Decimal], help_text: str | None = None
    ) -> None:
        self.amount_of = amount_of
        super().__init__(help_text=help_text)

    def get_attribute(self, instance: Refund | BookingPayment) -> str:
        amount = self.amount_of(instance.booking)
        return services.amount_text(amount, instance.currency)


class RefundDoneSerializer(RefundSerializer):
    """A refund after an act, with what has gone back of its booking."""

    needs = NeedsField(["second_person"], allow_null=True)
    refunded_total = BookingAmountField(services.refunded_of)
    left = BookingAmountField(
        services.refundable_amount, help_text="What may still go back."
    )

    class Meta(RefundSerializer.Meta):
        fields: ClassVar = [
            *RefundSerializer.Meta.fields,
            "needs",
            "refunded_total",
            "left",
        ]


class PaymentDoneSerializer(BookingPaymentSerializer):
    """A recorded payment after an act, with what is paid of its booking."""

    paid_total = BookingAmountField(attrgetter("paid_amount"))
    left = BookingAmountField(
        lambda booking: max(booking.left_to_pay, Decimal(0)),
        help_text="What is still to pay.",
    )

    class Meta(BookingPaymentSerializer.Meta):
        fields: ClassVar = [
            *BookingPaymentSerializer.Meta.fields,
            "paid_total",
            "left",
        ]


class CreditDoneSerializer(CreditSerializer):
    """A new entry, with what the customer can spend now."""

    # The view adds it to the row.
    balance = serializers.CharField()

    class Meta(CreditSerializer.Meta):
        fields: ClassVar = [*CreditSerializer.Meta.fields, "balance"]


class BalancesSerializer(serializers.Serializer[JsonObject]):
    balances = serializers.DictField(
        child=serializers.CharField(),
        help_text="By currency: what can be spent. What has run out is not in it.",
    )


class RecipientField(serializers.CharField):
    """The address that an invoice goes to; the context says whether in clear."""

    def to_representation(self, value: str) -> str:
        address: str = value if self.context["sees_address"] else mask(value)
        return address


class OneInvoiceSerializer(serializers.Serializer[services.SentInvoice]):
    booking_id = serializers.UUIDField()
    invoice_number = serializers.CharField(source="number")
    to = RecipientField(help_text="Masked by role.")
    again = serializers.BooleanField(help_text="It had its number before.")


class SentInvoicesSerializer(serializers.Serializer[JsonObject]):
    results = OneInvoiceSerializer(many=True)


class LinkField(serializers.CharField):
    """Where an export is opened."""

    def to_representation(self, value: str) -> str:
        return reverse("person_export", kwargs={"token": value})


class LinkSerializer(serializers.Serializer[services.PersonLink]):
    link = LinkField(source="token")
    expires_at = serializers.DateTimeField()
