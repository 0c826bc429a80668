"""Payments of bookings that somebody recorded."""

from __future__ import annotations

from typing import ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.database.sealed import SealedModel, sealed_constraints
from audit.fields import NullCharField, NullTextField
from audit.history.querysets import ScopedQuerySet
from customers.choices import PaymentMethod, within_sentence
from customers.models.base import BusinessModel, currency_code, money, one_of
from customers.models.booking import Booking, money_event_data


class BookingPaymentQuerySet(ScopedQuerySet["BookingPayment"]):
    """Recorded payments and their reversals."""

    def reversible(self) -> Self:
        """Keep payments that are not reversed."""
        return self.filter(amount__gt=0, reversed_by=None)


class BookingPayment(BusinessModel, SealedModel):
    """Money that came in for one booking, as somebody recorded it.

    Not what a processor says, which is captured. An entry is never changed: a reversal
    is the opposite of the entry that it names, and the sum of them is what was paid.
    """

    # Events are called payment.recorded and payment.reversed.
    event_name: ClassVar[str] = "payment"
    privacy: ClassVar[dict[str, str]] = {
        "currency": "public",
        "reference": "payment",
        "external_id": "public",
        "reason": "free_text",
    }

    booking = models.ForeignKey(
        Booking, models.PROTECT, related_name="payments", db_index=False
    )
    amount = money(is_signed=True)
    currency = currency_code()
    method = models.CharField(max_length=20, choices=PaymentMethod.choices)
    received_on = models.DateField("received")
    # Of a transfer or a receipt, as it stands there.
    reference = NullCharField(max_length=100)
    # Of the sender: the same one again is the same payment.
    external_id = NullCharField(max_length=255)
    reason = NullTextField()
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    operation_id = models.UUIDField(null=True, editable=False, db_index=True)

    objects = BookingPaymentQuerySet.as_manager()

    class Meta:
        verbose_name = "recorded payment"
        ordering = ("-created_at", "-id")
        permissions: ClassVar = [
            ("export_bookingpayment", "Can export recorded payments")
        ]
        constraints: ClassVar = [
            *sealed_constraints("customers_bookingpayment", ["reference", "reason"]),
            one_of("method", PaymentMethod.values, "booking_payment_method_known"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, reverses__isnull=True)
                | Q(amount__lt=0, reverses__isnull=False),
                name="booking_payment_sign_fits",
                violation_error_message=_(
                    "A payment is more than zero; a reversal names its payment."
                ),
            ),
            models.UniqueConstraint(
                fields=["business", "external_id"],
                name="booking_payment_external_id_unique",
                violation_error_message=_(
                    "A payment here has this external id already."
                ),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["booking", "-created_at"], name="booking_payment_booking"
            ),
            models.Index(
                fields=["business", "-created_at"], name="booking_payment_created"
            ),
            models.Index(fields=["-created_at", "-id"], name="booking_payment_order"),
        ]

    @property
    def subject_id(self) -> UUID | None:
        """Whom the row is about."""
        return self.booking.customer_id

    @property
    def event_data(self) -> dict[str, str]:
        """Return what the trail says of it."""
        return {**money_event_data(self), "method": self.method}

    def __str__(self) -> str:
        return gettext("payment by %(method)s") % {
            "method": within_sentence(self.get_method_display())
        }
