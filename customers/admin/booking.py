"""Bookings, refunds and credit."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from audit.admin.base import ReadOnlyInline, readable_columns
from customers.admin.base import CustomerChildAdmin, EntryAdmin
from customers.admin.exchange import ExchangeChildAdmin
from customers.models import Booking, Credit, Refund
from customers.resources import BookingResource


class RefundInline(ReadOnlyInline):
    model = Refund
    fk_name = "booking"
    fields = ("amount", "currency", "status", "reason_code", "settled_at")
    readonly_fields = fields


@admin.register(Booking)
class BookingAdmin(ExchangeChildAdmin):
    resource_classes = (BookingResource,)
    list_display = (
        "reference",
        "customer",
        "kind",
        "status",
        "total_amount",
        "paid_amount",
        "currency",
        "placed_at",
    )
    list_filter = ("status", "kind", "currency", "placed_at")
    search_fields = (
        "reference__istartswith",
        "external_id__exact",
        "invoice_number__exact",
        "customer__unique_id__istartswith",
    )
    ordering = ("-placed_at", "-id")
    autocomplete_fields = ("customer", "rescheduled_from")
    readonly_fields = ("reference", "created_at", "updated_at")
    inlines = (RefundInline,)


@admin.register(Refund)
class RefundAdmin(CustomerChildAdmin):
    parent_field = "booking"
    autocomplete_fields = ("booking",)
    exclude = ("business", "customer", "currency")
    list_display = ("created_at", "booking", "amount", "currency", "status")
    list_filter = ("status", "reason_code")
    list_select_related = ("booking",)
    search_fields = ("booking__reference__istartswith", "external_id__exact")
    ordering = ("-created_at", "-id")
    readonly_fields = ("settled_at", "created_at", "updated_at")


@admin.register(Credit)
class CreditAdmin(EntryAdmin):
    list_display = ("created_at", "customer", "kind", "amount", "currency")
    list_filter = ("kind", "reason_code")
    list_select_related = ("customer",)
    search_fields = ("customer__unique_id__istartswith",)
    autocomplete_fields = ("customer", "booking")
    extra_lookups = ("customer__id__exact",)
    ordering = ("-created_at", "-id")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = {"salt", "commitment", "id", "business", "reverses"}
        if obj is None:
            hidden |= {"created_at", "created_by_id", "operation_id"}
        return readable_columns(Credit, hidden)
