"""The demo: the same every time, whole, and never beside real people."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count

from audit.tenancy.actors import Actor
from capture import services as capture
from customers.models import (
    Address,
    Booking,
    Business,
    Contact,
    Customer,
    Refund,
    Ticket,
)
from tests.factories import CustomerFactory


def seed(**options: Any) -> str:
    out = StringIO()
    call_command("seed", stdout=out, **options)
    return out.getvalue()


def test_the_five_have_everything_a_page_shows(db):
    seed()

    people = Customer.objects.filter(business__slug="bakery-nord")
    assert people.count() == 5
    for customer in people:
        assert customer.addresses.count() >= 2
        assert customer.contacts.count() >= 2
        assert customer.bookings.exists()
        assert customer.history.exists()
    statuses = set(Booking.objects.values_list("status", flat=True))
    assert {"completed", "cancelled", "refunded", "pending", "no_show"} <= statuses
    assert Refund.objects.filter(status="succeeded").exists()
    assert {"open", "pending", "resolved"} <= set(
        Ticket.objects.values_list("status", flat=True)
    )
    assert Ticket.objects.filter(priority="urgent").exists()
    assert set(people.values_list("stats__repeat_frequency", flat=True)) >= {
        "regular",
        "frequent",
        None,
    }
    assert people.filter(stats__is_opted_in=True).exists()
    assert Business.objects.count() == 2
    assert list(capture.rebuild(repair=False, actor=Actor.system("test"))) == []


def test_addresses_are_at_example_domains(db):
    seed(customers=50)

    for email in Customer.objects.values_list("email", flat=True):
        assert email.rpartition("@")[2].startswith("example.")


def told(model: Any, *columns: str) -> list[Any]:
    return list(model.objects.order_by(*columns).values_list(*columns))


def test_the_same_numbers_make_the_same_people(db):
    made = []
    for number in (3, 3, 4):
        with transaction.atomic():
            seed(customers=60, seed=number)
            made.append(
                told(Customer, "unique_id", "name", "email", "phone")
                + told(Booking, "reference", "status", "total_amount")
                + told(Address, "customer__unique_id", "line1")
                + told(Contact, "customer__unique_id", "name")
            )
            transaction.set_rollback(True)

    assert made[0] == made[1]
    assert made[0] != made[2]


def test_generated_people_are_whole(db):
    seed(customers=300)

    people = Customer.objects.filter(business__slug="bakery-nord")
    assert people.count() == 305
    assert Customer.history.count() >= 305
    assert not people.filter(preferences=None).exists()
    assert not people.filter(stats=None).exists()
    orders = people.annotate(n=Count("bookings")).values_list("n", flat=True)
    assert len(set(orders)) > 3
    assert list(capture.rebuild(repair=False, actor=Actor.system("test"))) == []


def test_a_database_with_customers_is_left_alone(db):
    CustomerFactory()

    with pytest.raises(CommandError, match="The database has customers"):
        seed()

    assert Customer.objects.count() == 1


def test_a_database_that_is_no_demo_is_left_alone(db, settings):
    settings.DEMO = False

    with pytest.raises(CommandError, match="HOLDFAST_DEMO is not true"):
        seed()

    assert not Business.objects.exists()


def test_a_demo_is_made_once(db):
    seed()

    with pytest.raises(CommandError, match="demo --customers 50"):
        seed(force=True, customers=50)
    with pytest.raises(CommandError, match="The demo is in this database already"):
        seed()

    assert Customer.objects.count() == 6


def test_force_puts_them_there_all_the_same(db, settings):
    settings.DEMO = False
    CustomerFactory()

    seed(force=True)

    assert Customer.objects.count() == 7
