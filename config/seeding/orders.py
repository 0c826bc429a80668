"""Orders over two years, refunds in every status, and credit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from config.seeding.drafts import model, new_booking
from config.seeding.people import is_silent
from config.seeding.shops import Shop

if TYPE_CHECKING:
    from customers.models import Booking, Customer, Refund

# How many orders somebody has, and how often that is.
_COUNTS = ([0, 1, 2, 3, 5, 8, 14, 26], [14, 22, 14, 14, 14, 10, 8, 4])
# Statuses of refunds: first the large ones, which two people have to agree on.
_LARGE = ["requested", "requested", "requested", "approved", "succeeded", "refused"]
_SMALL = ["succeeded", "succeeded", "succeeded", "failed", "refused", "succeeded"]
_REASONS = {
    "quality": "Broken on arrival.",
    "not_delivered": "Never came.",
    "requested_by_customer": "Changed their mind the same day.",
    "duplicate": "Paid twice.",
    "goodwill": "A long wait.",
}


def orders_of(shop: Shop, customer: Customer) -> Iterator[Booking]:
    """Yield the orders of a customer; of silent ones none of the last months."""
    end = shop.ago(days=150) if is_silent(customer, shop.now) else shop.now
    if end <= customer.joined_at:
        return
    for position in range(shop.chance.choices(*_COUNTS)[0]):
        placed = shop.between(customer.joined_at, end)
        status = shop.chance.choices(
            ["completed", "cancelled", "no_show", "other"], [88, 7, 4, 1]
        )[0]
        if placed > shop.ago(days=4):
            status = shop.chance.choice(["pending", "confirmed", "completed", "draft"])
        goods, price = shop.chance.choice(shop.goods)
        most = 40 if customer.customer_type == "wholesale" else 6
        quantity = shop.chance.randrange(1, 3 if shop.has_sessions else most)
        reference = f"B-{customer.unique_id[2:].replace('-', '')}-{position:02d}"
        line = (status, placed, goods, Decimal(price), quantity)
        booking = new_booking(shop.owners(customer), reference, line)
        booking.payment_method = shop.chance.choice(["card", "card", "cash", "invoice"])
        if status == "cancelled":
            booking.cancel_reason = "Ordered for the wrong day."
            booking.cancelled_by = shop.chance.choice(["customer", "business"])
        if shop.has_sessions:
            booking.kind = "booking"
            booking.starts_at = placed + timedelta(days=10)
            booking.ends_at = booking.starts_at + timedelta(minutes=90)
        yield booking


def refunds_of(shop: Shop, bookings: Sequence[Booking]) -> list[Refund]:
    """Return refunds in every status, of customers who have one each."""
    limit = shop.refund_limit
    first = {b.customer_id: b for b in bookings if b.status == "completed"}
    large = [b for b in first.values() if b.paid_amount > limit]
    small = [b for b in first.values() if 0 < b.paid_amount <= limit]
    pairs = [*zip(large, _LARGE, strict=False), *zip(small, _SMALL, strict=False)]
    return [_refund(shop, booking, status) for booking, status in pairs]


def _refund(shop: Shop, booking: Booking, status: str) -> Refund:
    code = shop.chance.choice(list(_REASONS))
    is_whole = booking.paid_amount > shop.refund_limit or shop.likely(0.6)
    amount = booking.paid_amount if is_whole else (booking.paid_amount / 2)
    requested = shop.between(booking.purchased_at)
    if status == "requested":
        requested = shop.ago(hours=shop.chance.randrange(2, 70))
    is_paid_out = status in ("approved", "succeeded")
    has_approval = is_paid_out and amount > shop.refund_limit
    if status == "succeeded" and is_whole:
        booking.status = "refunded"
    refund: Refund = model("Refund")(
        booking=booking,
        amount=amount.quantize(Decimal("0.01")),
        currency=booking.currency,
        status=status,
        reason_code=code,
        reason=_REASONS[code],
        requested_by_id=shop.chance.choice(shop.staff.support).pk,
        approved_by_id=shop.staff.admin.pk if has_approval else None,
        settled_at=shop.between(requested) if status == "succeeded" else None,
        created_at=requested,
        **shop.owners(booking.customer),
    )
    return refund


def credits_of(shop: Shop, customers: Sequence[Customer]) -> list[Model]:
    """Return credit of a few: issued, spent, expired, and taken back."""
    entries: list[Model] = []
    for number, customer in enumerate(customers[5 :: len(customers) // 9]):
        given = shop.between(customer.joined_at)
        amount = Decimal(5 * (number % 3 + 1))
        issued = _credit(shop, customer, "issued", amount, given)
        entries.append(issued)
        later = shop.between(given)
        kind = (None, "spent", "expired", "reversed")[number % 4]
        if kind is not None:
            back = amount / 2 if kind == "spent" else amount
            entry = _credit(shop, customer, kind, -back, later)
            entry.reverses = issued if kind == "reversed" else None
            entries.append(entry)
    return entries


def _credit(
    shop: Shop, customer: Customer, kind: str, amount: Decimal, moment: datetime
) -> Any:
    return model("Credit")(
        kind=kind,
        amount=amount,
        currency=shop.business.currency,
        reason_code=shop.chance.choice(["compensation", "loyalty", "other"]),
        reason="A late delivery." if kind == "issued" else None,
        created_at=moment,
        created_by_id=shop.staff.admin.pk,
        operation_id=shop.actor.operation.id,
        **shop.owners(customer),
    )
