"""The figures of each customer: a projection, rebuilt from what happened."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.fields import SealedJSONField
from customers.choices import LoyaltyTier
from customers.models.base import (
    ZERO,
    BusinessModel,
    UntrackedModel,
    money,
)
from customers.models.customer import Customer


class CustomerStats(UntrackedModel, BusinessModel):
    """One row for each customer. `services.stats` alone writes it.

    `total_spent` and the average are in the business's currency; `spent` holds the
    sum of each currency as text. Dates are days in the business's time zone.
    """

    privacy: ClassVar[dict[str, str]] = {"spent": "behaviour"}

    customer = models.OneToOneField(Customer, models.PROTECT, related_name="stats")
    total_orders = models.PositiveIntegerField("orders", default=0)
    completed_orders = models.PositiveIntegerField("completed", default=0)
    cancelled_orders = models.PositiveIntegerField("cancelled", default=0)
    no_show_orders = models.PositiveIntegerField("no-shows", default=0)
    refunded_orders = models.PositiveIntegerField("refunded", default=0)
    total_purchases = models.PositiveIntegerField("purchases", default=0)
    total_spent = money(currency="business.currency", default=ZERO)
    spent = SealedJSONField(default=dict)
    avg_transaction_value = money(currency="business.currency", null=True)
    total_items_bought = models.DecimalField(
        max_digits=15, decimal_places=3, default=ZERO
    )
    first_purchase_date = models.DateField(null=True)
    last_purchase_date = models.DateField(null=True)
    is_repeat_customer = models.BooleanField("repeat customer", default=False)
    repeat_frequency = models.CharField(
        "loyalty tier", max_length=20, choices=LoyaltyTier.choices, null=True
    )
    is_high_value = models.BooleanField("high value", default=False)
    login_count = models.PositiveIntegerField("logins", default=0)
    last_login_at = models.DateTimeField("last login", null=True)
    last_active_at = models.DateTimeField("last active", null=True)
    data_capture_complete = models.BooleanField("capture complete", default=False)
    open_tickets = models.PositiveIntegerField(default=0)
    urgent_tickets = models.PositiveIntegerField(default=0)
    addresses_count = models.PositiveIntegerField("addresses", default=0)
    contacts_count = models.PositiveIntegerField("contacts", default=0)
    is_opted_in = models.BooleanField("marketing opt-in", default=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "customer statistics"
        ordering = ("-last_active_at", "-id")
        permissions: ClassVar = [("export_customerstats", "Can export statistics")]
        indexes: ClassVar = [
            models.Index(fields=["business", "-total_spent"], name="stats_spent"),
            models.Index(fields=["business", "-total_orders"], name="stats_orders"),
            models.Index(
                fields=["business", "-total_purchases"], name="stats_purchases"
            ),
            models.Index(fields=["business", "-last_active_at"], name="stats_active"),
            models.Index(fields=["business", "last_login_at"], name="stats_login"),
            models.Index(fields=["business", "repeat_frequency"], name="stats_tier"),
            models.Index(fields=["-last_active_at", "-id"], name="stats_newest"),
        ]

    def __str__(self) -> str:
        return _("statistics")
