"""Numbers in filters are read as JSON writes them, within the published bounds."""

from __future__ import annotations

import pytest

from customers import services
from tests.factories import BookingFactory, CustomerFactory, TicketFactory

LISTS = [
    "bookings?total_amount__gte",
    "customers?stats__total_spent__lt",
    "customers?stats__total_purchases__gte",
    "payments?final_price__lt",
    "tickets?number",
]


@pytest.mark.parametrize("asked", LISTS)
@pytest.mark.parametrize(
    "number", ["1e15", "-1e15", "1e-400", "-5e-324", "%2B3.50", "1E2", ""]
)
def test_what_the_description_allows_is_taken(alice, bakery, asked, number):
    answer = alice.get(f"/api/v1/{asked}={number}")

    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("asked", LISTS)
@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("1e16", "max_value"),
        ("1e51", "max_value"),
        ("-1e136", "min_value"),
        ("1e999999999", "invalid"),
        ("9" * 3000, "invalid"),
        ("1_000", "invalid"),
        ("1,5", "invalid"),
        ("١٢", "invalid"),
        ("NaN", "invalid"),
        ("Infinity", "invalid"),
    ],
)
def test_another_one_is_refused_at_its_place(alice, bakery, asked, number, code):
    answer = alice.get(f"/api/v1/{asked}={number}")

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/{asked.split('?')[1]}", code)
    assert number not in answer.text


def test_bounds_are_those_of_the_number_that_was_sent(alice, bakery):
    customer = CustomerFactory(business=bakery)
    for amount in ("9.99", "10", "10.01"):
        BookingFactory(customer=customer, total_amount=amount)

    def amounts(query: str) -> set[str]:
        found = alice.get(f"/api/v1/bookings?{query}").json()["results"]
        return {row["total_amount"] for row in found}

    assert amounts("total_amount__gte=10") == {"10.00", "10.01"}
    assert amounts("total_amount__gte=10.0000000000001") == {"10.01"}
    assert amounts("total_amount__lt=10") == {"9.99"}
    assert amounts("total_amount__lt=10.0000000000001") == {"9.99", "10.00"}
    assert amounts("total_amount__gte=-1e15") == {"9.99", "10.00", "10.01"}


def test_between_two_whole_numbers_is_none(alice, bakery):
    ticket = TicketFactory(customer=CustomerFactory(business=bakery))

    def count(number: object) -> int:
        return alice.get(f"/api/v1/tickets?number={number}").json()["count"]

    assert count(ticket.number) == count(f"{ticket.number}.0") == 1
    assert count(f"{ticket.number}.0000000000001") == 0


@pytest.mark.parametrize(
    ("asked", "names"),
    [("gte=1.5", {"Two"}), ("lt=1.5", {"One"}), ("gte=1", {"One", "Two"})],
)
def test_counts_are_compared_with_what_lies_between(alice, bakery, asked, names):
    for number, name in enumerate(("One", "Two"), start=1):
        customer = CustomerFactory(business=bakery, name=name)
        BookingFactory.create_batch(
            number, customer=customer, status="completed", total_amount=1
        )
        services.refresh_stats({customer.pk})

    answer = alice.get(f"/api/v1/customers?stats__total_purchases__{asked}").json()

    assert {row["name"] for row in answer["results"]} == names
