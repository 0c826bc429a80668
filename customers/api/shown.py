"""What an answer says about rows; contact data is masked unless it may be seen."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from audit.masking import mask
from customers import services
from customers.models import Address, Booking, Business, Customer, Note, Preferences

_ZERO = Decimal(0)


def business_customer(row: Customer, *, is_clear: bool) -> dict[str, Any]:
    """Return the thirteen columns that document 004 names, and the reference."""
    wishes = row.preferences
    return {
        "id": row.pk,
        "business_id": row.business_id,
        "unique_id": row.unique_id,
        "name": row.name,
        "phone": _shown(row.phone, is_clear=is_clear),
        "email": _shown(row.email, is_clear=is_clear),
        "address": _shown(_address(row), is_clear=is_clear),
        "customer_type": row.customer_type,
        "is_active": row.is_active,
        # Its defaults, for whoever was not asked.
        "prefer_sms": True if wishes.prefer_sms is None else wishes.prefer_sms,
        "prefer_email": bool(wishes.prefer_email),
        "prefer_call": bool(wishes.prefer_call),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def found_customer(row: Customer, *, is_clear: bool) -> dict[str, Any]:
    """Return what a search answers about somebody."""
    return {
        "id": row.pk,
        "unique_id": row.unique_id,
        "name": row.name,
        "phone": _shown(row.phone, is_clear=is_clear),
        "email": _shown(row.email, is_clear=is_clear),
        "customer_type": row.customer_type,
    }


def own_preferences(row: Preferences) -> dict[str, Any]:
    """Return the preferences beside the customer's own columns."""
    return {
        "favorite_products": row.favorite_products,
        "preferred_payment": row.preferred_payment,
        "average_spend": row.average_spend,
        "best_contact_time": row.best_contact_time,
        "do_not_contact": row.do_not_contact,
        "can_receive_offers": row.can_receive_offers,
        "can_receive_loyalty": row.can_receive_loyalty,
    }


def all_preferences(row: Preferences) -> dict[str, Any]:
    """Return the twelve columns of the document's table."""
    return {
        "id": row.pk,
        "customer_id": row.customer_id,
        "business_id": row.business_id,
        **own_preferences(row),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def purchase_figures(row: Customer) -> dict[str, Any]:
    """Return the figures of what somebody bought, as of now."""
    stats, business = row.stats, row.business
    spent = services.in_own_decimals(stats.total_spent, business.currency)
    average = stats.avg_transaction_value
    return {
        "total_purchases": stats.total_purchases,
        "total_spent": spent,
        "total_items_bought": stats.total_items_bought,
        "avg_transaction_value": _ZERO
        if average is None
        else services.in_own_decimals(average, business.currency),
        "first_purchase_date": stats.first_purchase_date,
        "last_purchase_date": stats.last_purchase_date,
        "days_since_last_purchase": services.days_since_purchase(row),
        "is_repeat_customer": stats.is_repeat_customer,
        "repeat_frequency": stats.repeat_frequency,
        "customer_lifetime_value": spent,
    }


def purchase_summary(row: Customer) -> dict[str, Any]:
    """Return the fifteen columns of the document's purchase history."""
    stats = row.stats
    return {
        "id": stats.pk,
        "customer_id": row.pk,
        "business_id": row.business_id,
        **purchase_figures(row),
        # Made with the customer, in the same transaction.
        "created_at": row.created_at,
        "updated_at": stats.updated_at,
    }


def purchase(row: Booking) -> dict[str, Any]:
    """Return one order of somebody's history."""
    return {
        "id": row.pk,
        "reference": row.reference,
        "kind": row.kind,
        "status": row.status,
        "total_amount": services.in_own_decimals(row.total_amount, row.currency),
        "refunded_amount": services.in_own_decimals(
            row.refunded_amount,  # type: ignore[attr-defined]
            row.currency,
        ),
        "items_count": row.items_count,
        "currency": row.currency,
        "purchased_at": row.completed_at or row.placed_at,
    }


def note(row: Note) -> dict[str, Any]:
    """Return one note with its author."""
    author = row.created_by
    return {
        "id": row.pk,
        "customer_id": row.customer_id,
        "business_id": row.business_id,
        "note_type": row.note_type,
        "content": row.content,
        "created_by": None
        if author is None
        else {"id": author.pk, "name": author.get_full_name() or author.username},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def metrics(row: Customer, business: Business) -> dict[str, Any]:
    """Return somebody's figures and the way to the next tier."""
    tier, missing = services.next_tier(row.stats.total_purchases, business)
    return {
        "customer": {
            "id": row.pk,
            "name": row.name,
            "customer_type": row.customer_type,
            "is_active": row.is_active,
        },
        "metrics": purchase_figures(row),
        "loyalty": {
            "tier": row.stats.repeat_frequency,
            "next_tier": tier,
            "purchases_to_next_tier": missing,
        },
        "currency": business.currency,
    }


def _address(row: Customer) -> str | None:
    primary: Iterable[Address] = row.primary_addresses  # type: ignore[attr-defined]
    return next((address.as_text for address in primary), None)


def _shown(value: str | None, *, is_clear: bool) -> Any:
    return value if is_clear else mask(value)
