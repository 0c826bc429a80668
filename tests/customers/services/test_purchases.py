"""Sales, their history and the figures read with them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from customers import services
from customers.models import Booking, Credit, Refund
from tests.conftest import actor_of, in_parallel, staff
from tests.factories import (
    BookingFactory,
    BusinessFactory,
    CustomerFactory,
    RefundFactory,
    TicketFactory,
    TicketMessageFactory,
)


@pytest.fixture
def customer(bakery):
    return CustomerFactory(business=bakery)


def test_a_sale_is_a_completed_booking_and_moves_the_figures(actor, customer):
    sale = services.update_purchase_history(
        customer, actor=actor, total_amount=Decimal("12.50"), items_count=3
    )

    assert (sale.kind, sale.status, sale.currency) == ("sale", "completed", "EUR")
    figures = services.get_customer_metrics(customer, actor=actor)
    assert figures.stats.total_spent == Decimal("12.50")
    assert figures.stats.total_items_bought == 3
    assert (figures.next_tier, figures.purchases_to_next_tier) == ("occasional", 1)
    assert figures.days_since_last_purchase == 0


def test_a_reference_makes_the_call_repeatable(actor, customer):
    def sell(to: object) -> Booking:
        return services.update_purchase_history(
            to, actor=actor, total_amount=Decimal(5), reference="S-1"
        )

    assert sell(customer) == sell(customer)
    assert Booking.objects.count() == 1
    with pytest.raises(ValidationError, match="belongs to another customer"):
        sell(CustomerFactory(business=customer.business))


@pytest.mark.parametrize("facts", [{"total_amount": -1}, {"currency": "XXY"}])
def test_a_wrong_sale_leaves_nothing(actor, customer, facts):
    with pytest.raises(ValidationError):
        services.update_purchase_history(
            customer, actor=actor, **{"total_amount": Decimal(1), **facts}
        )

    assert not Booking.objects.exists()


def test_strangers_sell_nothing_and_read_no_figures(charlie, customer):
    stranger = actor_of(charlie.user)

    with pytest.raises(PermissionDenied):
        services.update_purchase_history(
            customer, actor=stranger, total_amount=Decimal(1)
        )
    with pytest.raises(PermissionDenied):
        services.get_customer_metrics(customer, actor=stranger)
    assert not services.get_purchase_history(customer, actor=stranger).exists()


def test_history_is_newest_first_of_what_was_bought(alice, customer):
    old, new = (
        BookingFactory(
            customer=customer,
            status=status,
            placed_at=datetime(2026, month, 1, tzinfo=UTC),
        )
        for month, status in ((1, "refunded"), (2, "completed"))
    )
    for status in ("draft", "cancelled", "pending"):
        BookingFactory(customer=customer, status=status)

    history = services.get_purchase_history(customer, actor=actor_of(alice.user))

    assert list(history) == [new, old]


def test_completing_a_booking_sets_its_time_and_counts_it(actor, customer):
    booking = BookingFactory(customer=customer, status="confirmed")
    booking.status = "completed"

    services.save_record(booking, actor=actor)

    booking.refresh_from_db()
    assert booking.completed_at is not None
    customer.stats.refresh_from_db()
    assert customer.stats.total_purchases == 1


def test_no_more_is_refunded_than_was_paid(db):
    booking = BookingFactory(
        status="completed", total_amount=Decimal(10), paid_amount=Decimal(10)
    )
    RefundFactory(booking=booking, amount=Decimal(6), status="succeeded")

    with pytest.raises(ValidationError, match=r"Only 4\.00 EUR"):
        RefundFactory(booking=booking, amount=Decimal(5), status="requested")
    RefundFactory(booking=booking, amount=Decimal(4), status="requested")

    assert Refund.objects.count() == 2


def test_tickets_are_numbered_per_business(bakery, rival):
    ours = CustomerFactory(business=bakery)
    numbers = [TicketFactory(customer=ours).number for _ in range(3)]

    assert numbers == [1, 2, 3]
    assert TicketFactory(customer=CustomerFactory(business=rival)).number == 1


def test_the_first_answer_to_the_customer_stops_its_clock(db):
    ticket = TicketFactory()
    TicketMessageFactory(ticket=ticket, author_kind="customer")
    TicketMessageFactory(ticket=ticket, is_internal=True)
    ticket.refresh_from_db()
    assert ticket.first_responded_at is None

    sent = timezone.now()
    TicketMessageFactory(ticket=ticket, sent_at=sent)

    ticket.refresh_from_db()
    assert ticket.first_responded_at == sent


def test_metrics_are_as_of_a_moment_in_the_businesss_day(actor):
    business = BusinessFactory(timezone="Europe/Oslo")
    customer = CustomerFactory(business=business)
    # Ten past midnight in Oslo, still the day before in UTC.
    BookingFactory(
        customer=customer,
        status="completed",
        completed_at=datetime(2026, 10, 24, 22, 10, tzinfo=UTC),
    )

    now = datetime(2026, 10, 25, 23, 30, tzinfo=UTC)
    figures = services.get_customer_metrics(customer, actor=actor, now=now)

    assert figures.days_since_last_purchase == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite has one writer at a time."
)
def test_credit_given_at_once_stays_below_the_limit():
    business = BusinessFactory(refund_limit=100)
    support, row = staff(business, "support"), CustomerFactory(business=business)

    def give() -> None:
        credit = Credit(
            business_id=business.pk,
            customer=row,
            kind="issued",
            amount=Decimal(80),
            currency=business.currency,
        )
        with suppress(ValidationError):
            services.save_record(credit, actor=actor_of(support))

    in_parallel(give, 4)

    assert Credit.objects.filter(customer=row).count() == 1
