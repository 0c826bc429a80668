"""What an answer says about rows; contact data is masked unless it may be seen."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from audit.privacy.masking import mask, masks_of, shown_columns
from customers import services
from customers.models import (
    Address,
    Booking,
    Business,
    Contact,
    Customer,
    Note,
    Preferences,
    Ticket,
)

_ZERO = Decimal(0)
# Without it nobody is told what went back.
SEE_REFUNDS = "customers.view_refund"
# How many of each kind stand in the detail of document 003.
NEWEST = 50
_OF_ADDRESS = (
    "recipient",
    "label",
    "line1",
    "line2",
    "city",
    "region",
    "postal_code",
    "country",
    "raw",
    "phone",
)


def business_customer(row: Customer, *, is_clear: bool) -> dict[str, Any]:
    """Return the thirteen columns that document 004 names, and the reference."""
    wishes = row.preferences
    return {
        "id": row.pk,
        "business_id": row.business_id,
        "unique_id": row.unique_id,
        **shown_columns(row, "name", "phone", "email", is_clear=is_clear),
        "address": _address(row) if is_clear else mask(_address(row)),
        "customer_type": row.customer_type,
        "is_active": row.is_active,
        # Its defaults, for whoever was not asked.
        "prefer_sms": True if wishes.prefer_sms is None else wishes.prefer_sms,
        "prefer_email": bool(wishes.prefer_email),
        "prefer_call": bool(wishes.prefer_call),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def customer_masks(row: Customer) -> dict[str, Any]:
    """Return what is shown in place of what `business_customer` hides."""
    masks, address = masks_of(row), _address(row)
    return {**masks, "address": mask(address)} if address else masks


def found_customer(row: Customer, *, is_clear: bool) -> dict[str, Any]:
    """Return what a search answers about somebody."""
    return {
        "id": row.pk,
        "unique_id": row.unique_id,
        **shown_columns(row, "name", "phone", "email", is_clear=is_clear),
        "customer_type": row.customer_type,
    }


def own_preferences(row: Preferences, *, is_clear: bool) -> dict[str, Any]:
    """Return the preferences beside the customer's own columns."""
    names = (
        "favorite_products",
        "preferred_payment",
        "average_spend",
        "best_contact_time",
    )
    return {
        **shown_columns(row, *names, is_clear=is_clear),
        "do_not_contact": row.do_not_contact,
        "can_receive_offers": row.can_receive_offers,
        "can_receive_loyalty": row.can_receive_loyalty,
    }


def all_preferences(row: Preferences, *, is_clear: bool) -> dict[str, Any]:
    """Return the twelve columns of the document's table."""
    return {
        "id": row.pk,
        "customer_id": row.customer_id,
        "business_id": row.business_id,
        **own_preferences(row, is_clear=is_clear),
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


def purchase(row: Booking, *, with_refunds: bool) -> dict[str, Any]:
    """Return one order of somebody's history; null for refunds that nobody may see."""
    return {
        "id": row.pk,
        "reference": row.reference,
        "kind": row.kind,
        "status": row.status,
        "total_amount": services.in_own_decimals(row.total_amount, row.currency),
        "refunded_amount": _refunded(row) if with_refunds else None,
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


def metrics(row: Customer, business: Business, *, is_clear: bool) -> dict[str, Any]:
    """Return somebody's figures and the way to the next tier."""
    tier, missing = services.next_tier(row.stats.total_purchases, business)
    return {
        "customer": {
            "id": row.pk,
            **shown_columns(row, "name", is_clear=is_clear),
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
    primary: Iterable[Address] = row.primary_addresses  # type: ignore[attr-defined]  # from with_shown()
    return next((address.as_text for address in primary), None)


def _refunded(row: Booking) -> Decimal:
    amount: Decimal = row.refunded_amount  # type: ignore[attr-defined]  # from with_refunded()
    return services.in_own_decimals(amount, row.currency)


# --- document 003 -------------------------------------------------------------------


def hub_row(row: Customer, *, is_clear: bool = False) -> dict[str, Any]:
    """Return a customer of the list, with figures."""
    return {
        "id": row.pk,
        "unique_id": row.unique_id,
        **shown_columns(row, "name", "email", "phone", is_clear=is_clear),
        "created_at": row.created_at,
        "email_verified": row.is_email_verified,
        "customer_type": row.customer_type,
        "status": row.shown_status,
        "stats": hub_stats(row),
    }


def hub_stats(row: Customer) -> dict[str, Any]:
    """Return the eight figures that document 003 names."""
    stats = row.stats
    return {
        "total_orders": stats.total_orders,
        "completed_orders": stats.completed_orders,
        "cancelled_orders": stats.cancelled_orders,
        "total_ltv": services.in_own_decimals(stats.total_spent, row.business.currency),
        "open_tickets": stats.open_tickets,
        "urgent_tickets": stats.urgent_tickets,
        "addresses_count": stats.addresses_count,
        "contacts_count": stats.contacts_count,
    }


def hub_summary(
    figures: services.BusinessFigures, business: Business
) -> dict[str, Any]:
    """Return the sums over the business, in its currency."""
    spent = figures.lifetime_value.get(business.currency, _ZERO)
    return {
        "total_customers": figures.total_customers,
        "total_ltv": services.in_own_decimals(spent, business.currency),
        "total_orders": figures.total_orders,
        "total_cancellations": figures.cancelled_orders,
        "currency": business.currency,
    }


def hub_detail(
    row: Customer,
    parts: services.CustomerParts,
    *,
    is_clear: bool,
    with_refunds: bool,
) -> dict[str, Any]:
    """Return everything that document 003 says of one customer."""
    return {
        **hub_row(row, is_clear=is_clear),
        "flags": parts.flags,
        "currency": row.business.currency,
        "bookings": [
            _hub_booking(booking, with_refunds=with_refunds)
            for booking in parts.bookings
        ],
        "addresses": [_hub_address(a, is_clear=is_clear) for a in parts.addresses],
        "contacts": [_hub_contact(c, is_clear=is_clear) for c in parts.contacts],
        "support_tickets": [_hub_ticket(ticket) for ticket in parts.tickets],
        "more": parts.more,
    }


def _hub_booking(row: Booking, *, with_refunds: bool) -> dict[str, Any]:
    def amount(value: Decimal) -> Decimal:
        return services.in_own_decimals(value, row.currency)

    return {
        "id": row.pk,
        "reference": row.reference,
        "kind": row.kind,
        "status": row.status,
        "total_amount": amount(row.total_amount),
        "paid_amount": amount(row.paid_amount),
        "refunded_amount": _refunded(row) if with_refunds else None,
        "currency": row.currency,
        "created_at": row.created_at,
        "completed_at": row.completed_at,
    }


def _hub_address(row: Address, *, is_clear: bool) -> dict[str, Any]:
    return {
        "id": row.pk,
        "kind": row.kind,
        **shown_columns(row, *_OF_ADDRESS, is_clear=is_clear),
        "is_primary": row.is_primary,
    }


def _hub_contact(row: Contact, *, is_clear: bool) -> dict[str, Any]:
    names = ("name", "relation", "email", "phone")
    return {
        "id": row.pk,
        "kind": row.kind,
        **shown_columns(row, *names, is_clear=is_clear),
    }


def _hub_ticket(row: Ticket) -> dict[str, Any]:
    return {
        "id": row.pk,
        "number": row.number,
        "subject": row.subject,
        "status": row.status,
        "priority": row.priority,
        "created_at": row.created_at,
        "responses": [
            {
                "author": message.author_kind,
                "body": message.body,
                "created_at": message.sent_at,
            }
            for message in row.responses  # type: ignore[attr-defined]  # from a prefetch
        ],
    }


# --- document 002 and segments ------------------------------------------------------


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
