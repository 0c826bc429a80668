"""Making customers by the thousand, with everything that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import models, transaction

from audit import log
from audit.history.bulk import insert_instances, insert_tracked
from audit.history.models import TrackedModel
from audit.history.writing import Authorship
from audit.tenancy.actors import Actor
from customers.choices import PaymentMethod
from customers.models import (
    Booking,
    BookingPayment,
    Customer,
    CustomerStats,
    Preferences,
)
from customers.services.money.payment_entries import method_of, new_entry
from customers.services.stats import compute_stats


@transaction.atomic
def bulk_create_customers(
    customers: Sequence[Customer],
    belongings: Sequence[Sequence[models.Model]],
    *,
    actor: Actor,
    reason: str,
) -> None:
    """Insert customers with preferences, figures and related instances.

    `belongings` holds a sequence of each model, parents before children; customers
    whose preferences are not among them get empty ones. Nothing is validated but by
    the database. One event names all.
    """
    authorship = Authorship(actor, reason)
    insert_tracked(customers, authorship)
    with_preferences = {
        instance.customer_id
        for related in belongings
        for instance in related
        if isinstance(instance, Preferences)
    }
    empty = [
        Preferences(customer=c, business_id=c.business_id)
        for c in customers
        if c.pk not in with_preferences
    ]
    insert_tracked(empty, authorship)
    for related in belongings:
        if related and isinstance(related[0], TrackedModel):
            insert_tracked(related, authorship)  # type: ignore[arg-type]  # all are what the first one is
        else:
            insert_instances(related)
        bookings = [one for one in related if isinstance(one, Booking)]
        insert_instances(_payments_of(bookings, actor=actor, reason=reason))
    log.record(
        "customer.created",
        actor=actor,
        business_id=customers[0].business_id if customers else None,
        subjects=[customer.pk for customer in customers],
        reason=reason,
        data={"count": len(customers)},
    )
    computed = compute_stats(list(customers))
    stats = [
        CustomerStats(customer=c, business_id=c.business_id, **computed[c.pk])
        for c in customers
    ]
    insert_instances(stats)


def _payments_of(
    bookings: list[Booking], *, actor: Actor, reason: str
) -> list[BookingPayment]:
    """Return the payments of what was paid, recorded when it was bought."""
    payments = []
    for booking in bookings:
        if booking.paid_amount:
            payment = new_entry(
                booking,
                booking.paid_amount,
                actor=actor,
                method=method_of(booking, PaymentMethod.TRANSFER),
                reason=reason,
            )
            payment.created_at = booking.purchased_at
            payments.append(payment)
    return payments
