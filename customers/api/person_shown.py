"""What the endpoints about one person answer; contact data masked unless revealed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from audit.privacy.masking import shown_columns
from customers import services

_COLUMNS_OF_ADDRESS = (
    "id",
    "kind",
    "label",
    "recipient",
    "line1",
    "line2",
    "city",
    "region",
    "postal_code",
    "country",
    "raw",
    "phone",
    "is_primary",
)
_COLUMNS_OF_CONTACT = ("id", "kind", "name", "relation", "email", "phone")
_SAME_IN_METRICS = (
    "total_orders",
    "completed_orders",
    "cancelled_orders",
    "no_show_orders",
    "refunded_orders",
    "total_purchases",
    "first_purchase_date",
    "last_purchase_date",
    "is_repeat_customer",
    "is_high_value",
    "repeat_frequency",
    "is_opted_in",
    "login_count",
    "last_login_at",
    "last_active_at",
    "data_capture_complete",
    "open_tickets",
    "urgent_tickets",
    "addresses_count",
    "contacts_count",
)


def hit(found: services.Hit) -> dict[str, Any]:
    """Return somebody who was found: masked, as in every list."""
    row = found.customer
    return {
        "id": row.pk,
        "unique_id": row.unique_id,
        "business_id": row.business_id,
        **shown_columns(row, "name", "email", "phone", is_clear=False),
        "customer_type": row.customer_type,
        "matched": found.matched,
    }


def entry(row: services.TimelineEntry) -> dict[str, Any]:
    """Return one entry of a timeline."""
    amount, currency = row.amount, row.currency
    return {
        "id": row.id,
        "kind": row.kind,
        "at": row.at,
        "title": row.title,
        "actor": row.actor,
        "amount": _text(amount, currency or ""),
        "currency": currency,
        "data": dict(row.data),
    }


def metrics(figures: services.CustomerMetrics) -> dict[str, Any]:
    """Return somebody's figures with amounts as texts."""
    stats, currency = figures.stats, figures.currency
    spent = services.amount_text(stats.total_spent, currency)
    return {
        "customer_id": figures.customer.pk,
        "as_of": figures.as_of,
        "currency": currency,
        **{name: getattr(stats, name) for name in _SAME_IN_METRICS},
        "total_spent": spent,
        "spent": {
            code: services.amount_text(Decimal(total), code)
            for code, total in stats.spent.items()
        },
        "customer_lifetime_value": spent,
        "avg_transaction_value": _text(stats.avg_transaction_value, currency),
        "total_items_bought": format(stats.total_items_bought, "f"),
        "days_since_last_purchase": figures.days_since_last_purchase,
        "next_tier": figures.next_tier,
        "purchases_to_next_tier": figures.purchases_to_next_tier,
        "is_new": figures.is_new,
        "is_engaged": figures.is_engaged,
    }


def revealed(data: services.ContactData, *, until: datetime) -> dict[str, Any]:
    """Return contact data in clear."""
    row = data.customer
    return {
        "id": row.pk,
        "unique_id": row.unique_id,
        "name": row.name,
        "email": row.email,
        "phone": row.phone,
        "location": row.location,
        "addresses": [
            {name: getattr(place, name) for name in _COLUMNS_OF_ADDRESS}
            for place in data.addresses
        ],
        "contacts": [
            {name: getattr(contact, name) for name in _COLUMNS_OF_CONTACT}
            for contact in data.contacts
        ],
        "until": until,
    }


def _text(amount: Decimal | None, currency: str) -> str | None:
    return None if amount is None else services.amount_text(amount, currency)
