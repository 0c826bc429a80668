"""Selectors of bookings, refunds and credit."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from audit.history.querysets import ScopedQuerySet
from audit.tenancy.actors import Actor
from customers.models import Booking, BookingPayment, Credit, Customer, Refund
from customers.money import from_database
from customers.selectors.customers import list_visible

if TYPE_CHECKING:
    from customers.models.booking import BookingQuerySet, RefundQuerySet
    from customers.models.booking_payment import BookingPaymentQuerySet

# More bookings than anybody chooses from.
_MOST = 100


def get_booking(
    reference: str, *, actor: Actor, business_id: UUID | None = None
) -> Booking:
    """Return one booking of a live customer by UUID or reference.

    Raises DoesNotExist for missing and for foreign ones alike, and
    MultipleObjectsReturned when two businesses of the actor know the same reference.
    """
    named = models.Q(reference=reference)
    with suppress(ValidationError):
        named |= models.Q(pk=models.UUIDField().to_python(reference))
    bookings = list_visible(Booking, actor=actor).select_related("customer", "business")
    if business_id is not None:
        bookings = bookings.filter(business=business_id)
    live = bookings.filter(customer__archived_at=None, customer__erased_at=None)
    return live.get(named)


def list_orders(customer: Customer, *, actor: Actor) -> BookingQuerySet:
    """Return all bookings of a customer but drafts, the newest first."""
    orders = Booking.objects.visible_to(actor).orders()
    visible = orders.filter(business=customer.business_id, customer=customer)
    return visible.order_by("-placed_at", "-pk")


def list_refundable_bookings(
    customer: Customer, *, actor: Actor
) -> dict[Booking, Decimal]:
    """Return the bookings of which something is left to refund, and how much.

    The newest first, a hundred at most; one statement.
    """
    bookings = _bookings_of(customer, actor=actor).refundable()[:_MOST]
    left = {
        booking: booking.paid_amount - from_database(booking.claimed_amount)  # type: ignore[attr-defined]  # annotated
        for booking in bookings
    }
    return {booking: amount for booking, amount in left.items() if amount > 0}


def list_invoiceable_bookings(customer: Customer, *, actor: Actor) -> list[Booking]:
    """Return the bookings that have an invoice or may get one.

    The newest first, a hundred at most.
    """
    return list(_bookings_of(customer, actor=actor).invoiceable()[:_MOST])


def _bookings_of(customer: Customer, *, actor: Actor) -> BookingQuerySet:
    bookings = list_visible(Booking, actor=actor).filter(customer=customer)
    bookings = bookings.select_related("customer", "business")
    return cast("BookingQuerySet", bookings.order_by("-placed_at", "-id"))


def list_payable_bookings(
    customer: Customer, *, actor: Actor
) -> dict[Booking, Decimal]:
    """Return the bookings of which something is left to pay, and how much.

    The newest first, a hundred at most; one statement.
    """
    bookings = _bookings_of(customer, actor=actor).payable()[:_MOST]
    return {booking: booking.left_to_pay for booking in bookings}


def list_payments(booking: Booking, *, actor: Actor) -> ScopedQuerySet:
    """Return the recorded payments of a booking, the newest first."""
    entries = list_visible(BookingPayment, actor=actor).filter(booking=booking)
    return entries.select_related("booking")


def list_reversible_payments(
    customer: Customer, *, actor: Actor
) -> list[BookingPayment]:
    """Return the recorded payments of a customer that may be reversed.

    The newest first, a hundred at most; one statement.
    """
    visible = list_visible(BookingPayment, actor=actor)
    entries = visible.filter(
        business=customer.business_id, booking__customer=customer
    ).select_related("booking__business")
    return list(cast("BookingPaymentQuerySet", entries).reversible()[:_MOST])


def list_earlier_paid_bookings(customer: Customer, *, actor: Actor) -> list[Booking]:
    """Return bookings with an amount from before payments were recorded.

    The newest first, a hundred at most; one statement.
    """
    return list(_bookings_of(customer, actor=actor).paid_earlier()[:_MOST])


def get_payment(pk: UUID | str, *, booking: Booking, actor: Actor) -> BookingPayment:
    """Return one recorded payment; DoesNotExist for missing and foreign ones."""
    return list_payments(booking, actor=actor).get(pk=pk)


def get_refund(pk: UUID | str, *, actor: Actor) -> Refund:
    """Return one refund; DoesNotExist for missing and foreign ones."""
    return list_visible(Refund, actor=actor).select_related("booking").get(pk=pk)


def list_failable_refunds(customer: Customer, *, actor: Actor) -> list[Refund]:
    """Return refunds of a customer that went back, and may not have arrived.

    The newest first, a hundred at most; one statement.
    """
    refunds = list_visible(Refund, actor=actor).filter(customer=customer)
    failable = cast("RefundQuerySet", refunds.select_related("booking")).failable()
    return list(failable.order_by("-created_at", "-id")[:_MOST])


def list_pending_refunds(customer: Customer, *, actor: Actor) -> list[Refund]:
    """Return refunds of a customer that wait for somebody who decides.

    The newest first, a hundred at most; one statement.
    """
    refunds = list_visible(Refund, actor=actor).filter(customer=customer)
    pending = cast("RefundQuerySet", refunds.select_related("booking")).pending()
    return list(pending.order_by("-created_at", "-id")[:_MOST])


def list_credits(customer: Customer, *, actor: Actor) -> ScopedQuerySet:
    """Return the entries of a customer, the newest first."""
    return list_visible(Credit, actor=actor).filter(customer=customer)


def get_credit(pk: UUID | str, *, actor: Actor) -> Credit:
    """Return one entry; DoesNotExist for missing and foreign ones."""
    entries = list_visible(Credit, actor=actor).select_related("customer", "booking")
    return entries.get(pk=pk)
