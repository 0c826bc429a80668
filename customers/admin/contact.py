"""Addresses and contacts."""

from __future__ import annotations

from django.contrib import admin

from customers.admin.exchange import ExchangeChildAdmin
from customers.models import Address, Contact


@admin.register(Address)
class AddressAdmin(ExchangeChildAdmin):
    list_display = ("customer", "kind", "line1", "city", "country", "is_primary")
    list_filter = ("kind", "is_primary")
    search_fields = ("city__istartswith", "postal_code__istartswith", "line1")
    ordering = ("-is_primary", "-created_at", "-id")


@admin.register(Contact)
class ContactAdmin(ExchangeChildAdmin):
    list_display = ("customer", "kind", "name", "relation", "email", "phone")
    list_filter = ("kind", "is_primary")
    search_fields = (
        "name",
        "email_key",
        "email_key__iexact",
        "phone_e164",
        "phone_e164__exact",
    )
    ordering = ("-is_primary", "-created_at", "-id")
