"""Rows from before a rule are listed, and stay as they are."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking, Customer
from tests.factories import BookingFactory, CustomerFactory, TicketFactory

AHEAD = "2199-12-31T10:00:00Z"
SYSTEM = Actor.system("test")


def listed(**options):
    out, err = StringIO(), StringIO()
    try:
        call_command("check_data", stdout=out, stderr=err, **options)
        code = 0
    except SystemExit as error:
        code = error.code
    return list(csv.DictReader(StringIO(out.getvalue()))), err.getvalue(), code


@pytest.fixture
def old(bakery):
    """A customer and a sale that no form would take today."""
    customer = CustomerFactory(business=bakery, joined_at=AHEAD)
    return customer, BookingFactory(customer=customer, completed_at=AHEAD)


def test_each_broken_rule_names_its_row_and_not_its_value(old):
    customer, sale = old

    rows, summary, code = listed()

    assert code == 1
    assert [(r["rule"], r["table"], r["id"], r["column"]) for r in rows] == [
        ("in_future", "customer", str(customer.pk), "joined_at"),
        ("in_future", "booking", str(sale.pk), "completed_at"),
    ]
    assert {r["business"] for r in rows} == {str(customer.business_id)}
    assert rows[0]["sentence"] == "This is in the future. Write when it happened."
    assert summary == "in_future: 2\n"
    assert "2199" not in str(rows)


def test_nothing_is_changed_and_nothing_broken_ends_well(old, bakery):
    before = list(Customer.objects.values()), list(Booking.objects.values())
    listed()
    assert (list(Customer.objects.values()), list(Booking.objects.values())) == before

    customer, sale = old
    customer.joined_at = sale.completed_at = "2026-01-01T10:00:00Z"
    customer.as_actor(SYSTEM).save()
    sale.as_actor(SYSTEM).save()
    assert listed() == ([], "", 0)


def test_one_rule_alone_and_a_file_that_is_new(old, tmp_path):
    path = tmp_path / "broken.csv"

    assert listed(rule="too_many_decimals") == ([], "", 0)
    assert listed(output=path)[0] == []
    assert len(path.read_text("utf-8").splitlines()) == 3
    with pytest.raises(CommandError, match="cannot be written"):
        listed(output=path)


def test_it_costs_the_same_for_many_rows(old, assert_flat):
    def grow():
        for customer in CustomerFactory.create_batch(9, business=old[0].business):
            BookingFactory.create_batch(2, customer=customer)
            TicketFactory(customer=customer)

    assert_flat(call=lambda: list(services.list_broken_rules(actor=SYSTEM)), grow=grow)


def test_an_amount_from_before_the_rule_is_listed(bakery):
    BookingFactory(
        customer__business=bakery,
        currency="JPY",
        total_amount=Decimal("500.5"),
        paid_amount=Decimal("700"),
    )

    rows, _, _ = listed()

    assert [(r["rule"], r["column"]) for r in rows] == [
        ("too_many_decimals", "total_amount")
    ]
    assert "500" not in str([r["sentence"] for r in rows])
