"""Payments: one row for each purchase, whatever the number of messages about it."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.fields import NullCharField, NullTextField, SealedJSONField
from capture.choices import PaymentState, Trust
from capture.models.base import BusinessModel, UntrackedModel, money
from capture.models.capture import Capture
from customers.choices import within_sentence


class Payment(UntrackedModel, BusinessModel):
    """One payment of a processor; a claim until a server or a webhook confirms it.

    A projection of every capture that shares one of its references.
    """

    privacy: ClassVar[dict[str, str]] = {
        "trust": "public",
        "ip_address": "trace",
        "user_agent": "trace",
        "user_id": "identity",
        "user_email": "contact",
        "user_name": "identity",
        "plan_name": "public",
        "coupon_code": "payment",
        "payment_method": "payment",
        "payment_processor": "public",
        "transaction_id": "public",
        "payment_status": "public",
        "crypto_transaction_hash": "payment",
        "crypto_from_address": "payment",
        "crypto_amount": "payment",
        "currency": "public",
        "state": "public",
        "refunds": "public",
    }

    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, null=True, related_name="payments"
    )
    first_capture = models.ForeignKey(Capture, models.PROTECT, related_name="+")
    latest_capture = models.ForeignKey(Capture, models.PROTECT, related_name="+")
    trust = models.CharField(max_length=10, choices=Trust.choices)
    occurred_at = models.DateTimeField()
    user_id = NullCharField(max_length=255)
    user_email = NullCharField(max_length=254)
    user_name = NullCharField(max_length=200)
    plan_name = models.CharField(max_length=200, null=True)
    original_price = money()
    discount_amount = money()
    final_price = money()
    coupon_code = NullCharField(max_length=100)
    payment_method = NullCharField(max_length=50)
    payment_processor = models.CharField(max_length=50, null=True)
    transaction_id = models.CharField(max_length=255, null=True)
    payment_status = models.CharField(max_length=50, null=True)
    crypto_transaction_hash = NullCharField(max_length=128)
    crypto_from_address = NullCharField(max_length=128)
    crypto_amount = NullCharField(max_length=64)
    crypto_amount_value = models.DecimalField(
        max_digits=38, decimal_places=18, null=True
    )
    currency = models.CharField(max_length=3)
    currency_assumed = models.BooleanField(default=False)
    state = models.CharField(max_length=20, choices=PaymentState.choices)
    verified = models.BooleanField(default=False)
    amount_refunded = money()
    # Each refund and dispute as its provider last told of it: `refund_ledger.py`.
    refunds = SealedJSONField(null=True)
    ip_address = NullCharField(max_length=45)
    user_agent = NullTextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-occurred_at", "-id")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=PaymentState.values),
                name="payment_state_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "customer"], name="payment_customer"),
            models.Index(fields=["business", "-occurred_at"], name="payment_occurred"),
            models.Index(fields=["business", "transaction_id"], name="payment_number"),
            models.Index(fields=["-occurred_at", "-id"], name="payment_newest"),
        ]

    def __str__(self) -> str:
        return _("%(state)s payment") % {
            "state": within_sentence(self.get_state_display())
        }

    @property
    def is_claim(self) -> bool:
        """Tell whether only a browser speaks of it; a claim is in no total."""
        return not self.verified

    @property
    def is_refunded_above_price(self) -> bool:
        """Tell whether more went back than was paid, as far as messages say."""
        price, refunded = self.final_price, self.amount_refunded
        return price is not None and refunded is not None and refunded > price


class PaymentReference(UntrackedModel, BusinessModel):
    """An id of the processor by which further messages find a payment. A projection."""

    privacy: ClassVar[dict[str, str]] = {"value": "public"}

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="references")
    value = models.CharField(max_length=310)

    class Meta:
        ordering = ("value", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "value"], name="one_payment_per_reference"
            ),
        ]

    def __str__(self) -> str:
        return _("payment reference")

    @property
    def subject_id(self) -> UUID | None:
        """Whom the row is about."""
        return self.payment.customer_id
