"""Addresses of pages that other pages link to."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse


def customer_url(pk: UUID) -> str:
    """Return the address of the page of a customer."""
    return reverse("admin:customers_customer_page", args=[pk])
