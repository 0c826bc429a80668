"""What captured payments say of bookings, and how much of it counts as paid.

Apps above know the payments: they register a source. Messages and staff write at any
time, and each of them ends in the amount that all of it together makes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from customers.models import Booking


@dataclass(frozen=True)
class PaymentSnapshot:
    """The state of a payment. Amounts are in `currency`, major units.

    `references` are all ids that the processor uses for it; a booking that has one of
    them as reference or external id is the paid one. A payment without a customer voids
    the booking that it created.
    """

    customer_id: UUID | None
    references: list[str]
    is_settled: bool
    is_refunded: bool
    occurred_at: datetime
    currency: str
    amount: Decimal
    original: Decimal | None
    discount: Decimal
    refunded: Decimal
    plan: str | None
    method: str | None
    is_currency_assumed: bool = False

    @property
    def numbers(self) -> set[str]:
        """Return its ids without the processor, as a booking has them as reference."""
        return {name.partition(":")[2] for name in self.references}


# Returns the payments of some customers that have one of these numbers.
PaymentSource = Callable[[Collection[UUID], Collection[str]], list[PaymentSnapshot]]
_sources: list[PaymentSource] = []


def register_payment_source(source: PaymentSource) -> None:
    """Add what knows captured payments. It takes a constant number of statements."""
    _sources.append(source)


def is_alike(payment: PaymentSnapshot, booking: Booking) -> bool:
    """Tell whether the money of a payment is that of the booking."""
    return payment.is_currency_assumed or payment.currency == booking.currency


def reports_of(bookings: list[Booking]) -> dict[UUID, list[PaymentSnapshot]]:
    """Return the payments that name each of these bookings of staff or a file.

    What a payment created follows that payment alone, and is left out.
    """
    ours = [booking for booking in bookings if not booking.is_synced]
    if not ours:
        return {}
    customer_ids = {booking.customer_id for booking in ours}
    numbers = {booking.reference for booking in ours}
    by_number: dict[tuple[UUID | None, str], list[PaymentSnapshot]] = defaultdict(list)
    for payments in (source(customer_ids, numbers) for source in _sources):
        for payment in payments:
            for number in payment.numbers:
                by_number[payment.customer_id, number].append(payment)
    return {b.pk: by_number[b.customer_id, b.reference] for b in ours}


def _order(payment: PaymentSnapshot) -> tuple[datetime, list[str]]:
    return payment.occurred_at, payment.references


def with_report(
    payment: PaymentSnapshot, reports: list[PaymentSnapshot]
) -> list[PaymentSnapshot]:
    """Return the payments of a booking in their order, this one as it is now."""
    names = set(payment.references)
    others = [one for one in reports if names.isdisjoint(one.references)]
    return sorted([*others, payment], key=_order)


def count_reports(booking: Booking, reports: list[PaymentSnapshot]) -> None:
    """Set what a booking of staff or a file has as confirmed, and so as paid.

    A deposit that was recorded stays, and what does not fit into the total with it is
    the same money: somebody recorded it, or a file had it, before the processor told of
    it. Of several payments each counts that still fits, in the order of their time.
    """
    if not reports:
        # Nobody says more of it than what is there.
        return
    if booking.confirmed_amount is None and (
        booking.paid_amount or booking.is_purchase
    ):
        # From before payments were recorded: nobody knows which part was confirmed.
        return
    counted = counted_reports(booking, reports)
    set_confirmed(booking, sum((one.amount for one in counted), Decimal(0)))


def counted_reports(
    booking: Booking, reports: list[PaymentSnapshot]
) -> list[PaymentSnapshot]:
    """Return the payments that add to what was recorded for a booking."""
    recorded = booking.paid_amount - (booking.confirmed_amount or Decimal(0))
    left = booking.total_amount - booking.credit_used - recorded
    counted: list[PaymentSnapshot] = []
    for payment in sorted(reports, key=_order):
        if not (payment.is_settled and is_alike(payment, booking)):
            continue
        # What alone is paid may be more than somebody wrote as the price.
        if payment.amount <= left or not (recorded or counted):
            counted.append(payment)
            left -= payment.amount
    return counted


def set_confirmed(booking: Booking, amount: Decimal) -> None:
    """Set what captured payments say; what staff recorded stays beside it."""
    recorded = Decimal(0)
    if booking.confirmed_amount is not None:
        recorded = booking.paid_amount - booking.confirmed_amount
    booking.confirmed_amount = amount
    booking.paid_amount = amount + recorded
