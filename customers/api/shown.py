"""What an answer says about customers of a segment; contact data is masked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from audit.masking import shown_columns
from customers import services
from customers.models import Customer


def targeted_customer(row: Customer, contactable: dict[str, Any]) -> dict[str, Any]:
    """Return somebody of document 002's targeted list."""
    contact = shown_columns(row, "name", "email", is_clear=False)
    return {
        "id": row.pk,
        "unique_id": row.unique_id,
        "full_name": contact["name"],
        "email": contact["email"],
        # Orders are purchases there.
        "total_orders": row.stats.total_purchases,
        "total_spent": _spent(row),
        "last_login_at": row.stats.last_login_at,
        "contactable": contactable,
    }


def segment_customer(row: Customer, contactable: dict[str, Any]) -> dict[str, Any]:
    """Return somebody of a segment; amounts are texts, as everywhere below /api/v1."""
    return {
        "id": row.pk,
        "unique_id": row.unique_id,
        **shown_columns(row, "name", "email", "phone", is_clear=False),
        "customer_type": row.customer_type,
        "status": row.shown_status,
        "total_purchases": row.stats.total_purchases,
        "total_spent": format(_spent(row), "f"),
        "currency": row.business.currency,
        "joined_at": row.joined_at,
        "last_login_at": row.stats.last_login_at,
        "last_purchase_date": row.stats.last_purchase_date,
        "contactable": contactable,
    }


def _spent(row: Customer) -> Decimal:
    return services.in_own_decimals(row.stats.total_spent, row.business.currency)
