"""Bookings, orders, sales and plans; refunds and credit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.database.sealed import SealedModel, sealed_constraints
from audit.fields import (
    NullCharField,
    NullTextField,
    PastDateTimeField,
    SealedJSONField,
)
from audit.history.models import TrackedModel
from audit.history.querysets import ScopedQuerySet, TrackedQuerySet
from customers.choices import (
    CLAIMING_STATUSES,
    PURCHASE_STATUSES,
    UNINVOICED_STATUSES,
    BookingKind,
    BookingStatus,
    CancelledBy,
    CreditKind,
    CreditReason,
    RefundMethod,
    RefundReason,
    RefundStatus,
    within_sentence,
)
from customers.models.base import (
    ZERO,
    AmountsModel,
    BusinessModel,
    currency_code,
    money,
    one_of,
)
from customers.models.customer import Customer
from customers.models.fields import MoneyField
from customers.money import amount_text, quantise
from customers.references import new_booking_reference
from customers.values.amount import check_amount, parse_amount, parse_number

# How the external id of a booking or refund begins that a payment has created.
OF_PAYMENT = "payment:"


class BookingQuerySet(TrackedQuerySet["Booking"]):
    """Bookings by status, and with sums."""

    def orders(self) -> Self:
        """Keep all but drafts."""
        return self.exclude(status=BookingStatus.DRAFT)

    def with_refunded(self) -> Self:
        """Add `refunded_amount`: how much of each was refunded."""
        refunds = Refund.objects.filter(
            booking=OuterRef("pk"), status=RefundStatus.SUCCEEDED
        )
        sums = refunds.order_by().values("booking").annotate(n=Sum("amount"))
        zero = Value(ZERO, output_field=money())
        return self.annotate(refunded_amount=Coalesce(Subquery(sums.values("n")), zero))

    def with_claimed(self) -> Self:
        """Add `claimed_amount`: how much of each is refunded or asked for."""
        refunds = Refund.objects.filter(
            booking=OuterRef("pk"), status__in=CLAIMING_STATUSES
        )
        sums = refunds.order_by().values("booking").annotate(n=Sum("amount"))
        zero = Value(ZERO, output_field=money())
        return self.annotate(claimed_amount=Coalesce(Subquery(sums.values("n")), zero))

    def refundable(self) -> Self:
        """Keep those of which something is left to refund, with `claimed_amount`."""
        # SQLite adds decimals as floats: half of the smallest amount is a rounding.
        left = F("paid_amount") - F("claimed_amount")
        return (
            self.with_claimed()
            .filter(paid_amount__gt=0)
            .alias(left=left)
            .filter(left__gt=Decimal("0.0005"))
        )

    def payable(self) -> Self:
        """Keep those of which something is left to pay."""
        # SQLite adds decimals as floats: half of the smallest amount is a rounding.
        left = F("total_amount") - F("paid_amount") - F("credit_used")
        open_ones = self.exclude(status=BookingStatus.CANCELLED).alias(to_pay=left)
        return open_ones.filter(to_pay__gt=Decimal("0.0005"))

    def paid_earlier(self) -> Self:
        """Keep those paid before payments were recorded, and by no captured one."""
        earlier = self.filter(confirmed_amount=None, paid_amount__gt=0)
        return earlier.filter(
            Q(external_id=None) | ~Q(external_id__startswith=OF_PAYMENT)
        )

    def invoiceable(self) -> Self:
        """Keep those that have an invoice, or may get one."""
        return self.exclude(invoice_number=None, status__in=UNINVOICED_STATUSES)

    def purchases(self) -> Self:
        """Keep what was completed, also if it was refunded later."""
        return self.filter(status__in=PURCHASE_STATUSES)


class Booking(BusinessModel, AmountsModel, TrackedModel):
    """One booking, order, sale or plan. All amounts are in its currency."""

    privacy: ClassVar[dict[str, str]] = {
        "reference": "public",
        "raw_status": "free_text",
        "cancel_reason": "free_text",
        "lines": "behaviour",
        "currency": "public",
        "payment_method": "payment",
        "invoice_number": "public",
        "external_id": "public",
    }

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="bookings")
    kind = models.CharField(
        max_length=20, choices=BookingKind.choices, default=BookingKind.ORDER
    )
    reference = models.CharField(
        max_length=100, default=new_booking_reference, editable=False
    )
    status = models.CharField(
        max_length=20, choices=BookingStatus.choices, default=BookingStatus.PENDING
    )
    raw_status = NullCharField(max_length=100, editable=False)
    placed_at = PastDateTimeField("placed", default=timezone.now)
    starts_at = models.DateTimeField("starts", null=True, blank=True)
    ends_at = models.DateTimeField("ends", null=True, blank=True)
    completed_at = PastDateTimeField("completed", null=True, blank=True)
    cancelled_at = PastDateTimeField("cancelled", null=True, blank=True)
    cancelled_by = models.CharField(
        max_length=20, choices=CancelledBy.choices, null=True, blank=True
    )
    cancel_reason = NullTextField()
    rescheduled_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="rescheduled_to"
    )
    items_count = models.DecimalField(
        "items", max_digits=12, decimal_places=3, default=ZERO
    )
    lines = SealedJSONField(
        null=True,
        blank=True,
        help_text="A list of objects: description, quantity, unit_price, amount. "
        "Amounts are texts.",
    )
    original_amount = money(null=True, blank=True)
    discount_amount = money(default=ZERO)
    total_amount = money(default=ZERO)
    # Computed: what was recorded as a payment, and what confirmed ones say.
    paid_amount = money(default=ZERO)
    # The part of it that captured payments say. Null: paid before payments were
    # recorded, so nobody knows which part.
    confirmed_amount = money(null=True, blank=True, default=ZERO, editable=False)
    credit_used = money(default=ZERO)
    currency = currency_code()
    payment_method = NullCharField(max_length=50)
    invoice_number = models.CharField(max_length=50, null=True, blank=True)
    external_id = models.CharField(max_length=255, null=True, blank=True)
    rev = models.PositiveIntegerField("revision", default=1, editable=False)

    objects = BookingQuerySet.as_manager()  # type: ignore[misc]  # not in the stubs

    class Meta(TrackedModel.Meta):
        ordering = ("-placed_at", "-id")
        permissions: ClassVar = [
            ("export_booking", "Can export bookings"),
            ("import_booking", "Can import bookings"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "reference"], name="booking_reference_unique"
            ),
            models.UniqueConstraint(
                fields=["business", "external_id"],
                name="booking_external_id_unique",
                violation_error_message=_(
                    "A booking here has this external id already."
                ),
            ),
            models.UniqueConstraint(
                fields=["business", "invoice_number"], name="booking_invoice_unique"
            ),
            one_of("kind", BookingKind.values, "booking_kind_known"),
            one_of("status", BookingStatus.values, "booking_status_known"),
            one_of("cancelled_by", CancelledBy.values, "booking_cancelled_by_known"),
            models.CheckConstraint(
                condition=Q(
                    total_amount__gte=0,
                    paid_amount__gte=0,
                    discount_amount__gte=0,
                    credit_used__gte=0,
                    items_count__gte=0,
                ),
                name="booking_amounts_not_negative",
                violation_error_message=_("Amounts and items are zero or more."),
            ),
            models.CheckConstraint(
                condition=~Q(status__in=PURCHASE_STATUSES)
                | Q(completed_at__isnull=False),
                name="purchase_has_a_time",
                violation_error_message=_("A completed booking needs its time."),
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True)
                | Q(ends_at__isnull=True)
                | Q(ends_at__gte=F("starts_at")),
                name="booking_ends_after_start",
                violation_error_message=_("The booking ends before it starts."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "customer", "-placed_at"], name="booking_customer"
            ),
            models.Index(
                fields=["business", "-placed_at", "-id"], name="booking_placed"
            ),
            models.Index(fields=["business", "-created_at"], name="booking_created"),
            models.Index(fields=["business", "status"], name="booking_status"),
            models.Index(fields=["-placed_at", "-id"], name="booking_newest"),
        ]

    def __str__(self) -> str:
        return self.reference

    def clean(self) -> None:
        """Raise ValidationError unless the amounts agree with each other."""
        super().clean()
        self._check_paid()
        self._check_lines()

    def _check_paid(self) -> None:
        names = ("total_amount", "paid_amount", "credit_used")
        total, paid, credit = (self._valid_amount(name) for name in names)
        if total is None or paid is None or credit is None:
            return
        # The total of an invoice stays, and somebody may transfer more than it says.
        is_judged = not self.invoice_number and self.has_changed(*names)
        if is_judged and paid + credit > total:
            msg = gettext("More is paid than the total. Write the total as well.")
            raise ValidationError(
                {"paid_amount": ValidationError(msg, code="paid_above_total")}
            )

    def _valid_amount(self, name: str) -> Decimal | None:
        """Return an amount; None for what is none, which has an error of its own."""
        try:
            return parse_amount(getattr(self, name), self.currency)
        except ValidationError:
            return None

    def _check_lines(self) -> None:
        """Compare the sum of the lines with the total, with or without the discount.

        Where every line has an amount. What they cannot say, as a tax, is no line.
        """
        lines, total = _sum_of(self.lines), self._valid_amount("total_amount")
        is_same = _sum_of(self.stored_values.get("lines")) == lines
        if is_same and not self.has_changed("total_amount", "discount_amount"):
            return
        discount = self._valid_amount("discount_amount")
        if lines is None or total is None or discount is None:
            return
        if total not in (lines, lines - discount):
            msg = gettext(
                "The lines do not add up to the total. Mend one of them, or leave the "
                "amounts of lines out."
            )
            raise ValidationError({"lines": ValidationError(msg, code="lines_differ")})

    @property
    def purchased_at(self) -> datetime:
        """When it was completed, or placed while it is not."""
        return self.completed_at or self.placed_at

    @property
    def is_too_fine(self) -> bool:
        """Return True for what was paid in parts of a coin, before the rule."""
        paid = Decimal(self.paid_amount)
        return quantise(paid, self.currency) != paid

    @property
    def is_purchase(self) -> bool:
        """Return True if the booking counts as a purchase."""
        return self.status in PURCHASE_STATUSES

    @property
    def is_synced(self) -> bool:
        """Return True if a captured payment has created it, which it then follows."""
        return (self.external_id or "").startswith(OF_PAYMENT)

    @property
    def left_to_pay(self) -> Decimal:
        """Return what is still to pay; below zero where more was paid."""
        return self.total_amount - self.paid_amount - self.credit_used


def _sum_of(lines: object) -> Decimal | None:
    """Return the sum of lines that all have an amount, None for others and for none."""
    if not isinstance(lines, list) or not lines:
        return None
    total = Decimal(0)
    for line in lines:
        raw = line.get("amount") if isinstance(line, dict) else None
        try:
            amount = parse_number(raw)
        except ValidationError:
            amount = None
        if amount is None:
            return None
        total += amount
    return total


class RefundQuerySet(TrackedQuerySet["Refund"]):
    """Refunds by what may become of them."""

    def pending(self) -> Self:
        """Keep what was requested, and waits for an approval."""
        return self.filter(status=RefundStatus.REQUESTED)

    def failable(self) -> Self:
        """Keep what went back, unless its processor says what became of it."""
        succeeded = self.filter(status=RefundStatus.SUCCEEDED)
        return succeeded.filter(
            Q(external_id=None) | ~Q(external_id__startswith=OF_PAYMENT)
        )


class RefundAmountField(MoneyField):
    """What goes back of a booking."""

    def check_of(self, instance: models.Model, amount: Decimal) -> None:
        # All that is left of a booking from before the rule goes back as it is: saving
        # compares it with what is left.
        is_old = isinstance(instance, Refund) and instance.is_of_older_booking
        check_amount(amount, None if is_old else self.currency_of(instance))


class Refund(BusinessModel, TrackedModel):
    """A refund of one booking, in the booking's currency."""

    privacy: ClassVar[dict[str, str]] = {
        "currency": "public",
        "reason": "free_text",
        "external_id": "public",
    }

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="refunds")
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="refunds")
    amount = RefundAmountField(
        max_digits=15, decimal_places=3, currency="booking.currency"
    )
    currency = currency_code()
    status = models.CharField(
        max_length=20, choices=RefundStatus.choices, default=RefundStatus.REQUESTED
    )
    # Null counts as by the provider: what it tells of may be the same money.
    method = models.CharField(
        max_length=20, choices=RefundMethod.choices, null=True, blank=True
    )
    reason_code = models.CharField(max_length=30, choices=RefundReason.choices)
    reason = NullTextField()
    requested_by_id = models.UUIDField(null=True, editable=False)
    approved_by_id = models.UUIDField(null=True, editable=False)
    settled_at = PastDateTimeField(null=True, blank=True)
    external_id = models.CharField(max_length=255, null=True, blank=True)

    objects = RefundQuerySet.as_manager()  # type: ignore[misc]  # not in the stubs

    class Meta(TrackedModel.Meta):
        ordering = ("-created_at", "-id")
        permissions: ClassVar = [
            ("export_refund", "Can export refunds"),
            ("import_refund", "Can import refunds"),
            ("exceed_limit_refund", "Can give back more than the business's limit"),
        ]
        constraints: ClassVar = [
            one_of("status", RefundStatus.values, "refund_status_known"),
            one_of("reason_code", RefundReason.values, "refund_reason_known"),
            one_of("method", RefundMethod.values, "refund_method_known"),
            models.CheckConstraint(
                condition=Q(amount__gt=0),
                name="refund_is_positive",
                violation_error_message=_("A refund is more than zero."),
            ),
            models.UniqueConstraint(
                fields=["business", "external_id"], name="refund_external_id_unique"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "customer"], name="refund_customer"),
            models.Index(fields=["business", "-created_at"], name="refund_created"),
            models.Index(fields=["-created_at", "-id"], name="refund_order"),
        ]

    @property
    def is_of_older_booking(self) -> bool:
        """Return True if the booking was paid in parts of a coin, before the rule."""
        return self.booking_id is not None and self.booking.is_too_fine

    @property
    def event_data(self) -> dict[str, str]:
        """Return what the trail says of it."""
        return {**money_event_data(self), "status": self.status}

    def __str__(self) -> str:
        return gettext("refund %(status)s") % {
            "status": within_sentence(self.get_status_display())
        }


class Credit(BusinessModel, SealedModel):
    """One entry of a customer's credit; the balance is the sum of the entries.

    What is issued is positive; what is spent or expires is negative; a reversal is
    the opposite of the entry that it names.
    """

    privacy: ClassVar[dict[str, str]] = {"currency": "public", "reason": "free_text"}

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="credits")
    kind = models.CharField(max_length=20, choices=CreditKind.choices)
    amount = money(is_signed=True)
    currency = currency_code()
    reason_code = models.CharField(
        max_length=20, choices=CreditReason.choices, default=CreditReason.OTHER
    )
    reason = NullTextField()
    booking = models.ForeignKey(
        Booking, models.PROTECT, null=True, blank=True, related_name="credits"
    )
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )
    expires_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    operation_id = models.UUIDField(null=True, editable=False, db_index=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        permissions: ClassVar = [("export_credit", "Can export credits")]
        constraints: ClassVar = [
            *sealed_constraints("customers_credit", ["reason"]),
            one_of("kind", CreditKind.values, "credit_kind_known"),
            one_of("reason_code", CreditReason.values, "credit_reason_known"),
            models.CheckConstraint(
                condition=Q(kind=CreditKind.ISSUED, amount__gt=0)
                | Q(kind__in=[CreditKind.SPENT, CreditKind.EXPIRED], amount__lt=0)
                | Q(kind=CreditKind.REVERSED, reverses__isnull=False),
                name="credit_sign_fits_kind",
                violation_error_message=_(
                    "Issued credit is positive; spent and expired "
                    "credit is negative; a reversal names its entry."
                ),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "customer", "-created_at"], name="credit_customer"
            ),
            models.Index(fields=["business", "-created_at"], name="credit_created"),
            models.Index(fields=["-created_at", "-id"], name="credit_order"),
        ]

    @property
    def event_data(self) -> dict[str, str]:
        """Return what the trail says of it."""
        return {**money_event_data(self), "kind": self.kind}

    def __str__(self) -> str:
        return gettext("credit %(kind)s") % {
            "kind": within_sentence(self.get_kind_display())
        }


def money_event_data(entry: Any) -> dict[str, str]:
    """Return amount, currency and the code of the booking, which are nobody's data."""
    data = {
        "amount": amount_text(entry.amount, entry.currency),
        "currency": entry.currency,
    }
    if entry.booking_id is not None:
        data["booking"] = entry.booking.reference
    return data
