"""The canonical API's bookings: what is bought, in its own currency, with versions."""

from __future__ import annotations

import pytest

from audit.actors import Actor, OperationContext
from customers.api.tables.bookings import Bookings
from tests.customers.api.test_hub import send
from tests.factories import (
    BookingFactory,
    BusinessFactory,
    CreditFactory,
    CustomerFactory,
    RefundFactory,
)

BASE = "/api/v1/bookings"


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(business=bakery, name="Jonas Berg")


def test_a_completed_booking_counts_at_once(alice, jonas):
    body = {
        "customer_id": str(jonas.pk),
        "status": "completed",
        "total_amount": "310.5",
        "paid_amount": 310.5,
        "items_count": 2,
        "lines": [{"description": "Cake", "amount": "310.50"}],
    }

    made = send(alice, "POST", BASE, body)

    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["total_amount"], row["paid_amount"]) == ("310.50", "310.50")
    assert (row["currency"], row["items_count"]) == ("EUR", "2.000")
    assert row["completed_at"] is not None
    stats = alice.get(f"/api/v1/customers/{jonas.pk}/stats").json()
    assert stats["total_spent"] == "310.50"


@pytest.mark.parametrize(
    ("currency", "shown"), [("JPY", "310"), ("KWD", "310.000"), ("EUR", "310.00")]
)
def test_amounts_have_the_decimals_of_their_currency(alice, jonas, currency, shown):
    row = BookingFactory(customer=jonas, currency=currency, total_amount=310)

    assert alice.get(f"{BASE}/{row.pk}").json()["total_amount"] == shown


def test_a_change_knows_lost_races(alice, jonas):
    path = f"{BASE}/{BookingFactory(customer=jonas).pk}"
    first = send(alice, "PATCH", path, {"status": "cancelled"}, **{"If-Match": '"r1"'})
    late = send(alice, "PATCH", path, {"status": "completed"}, **{"If-Match": '"r1"'})
    odd = send(alice, "PATCH", path, {"status": "completed"}, **{"If-Match": '"x"'})

    assert (first.status_code, first["ETag"]) == (200, '"r2"')
    assert first.json()["cancelled_at"] is not None
    assert (late.status_code, late["ETag"]) == (412, '"r2"')
    assert odd.status_code == 412
    assert alice.get(path).json()["status"] == "cancelled"


def test_it_names_bookings_of_its_customer_alone(alice, bakery, rival, jonas):
    own = BookingFactory(customer=jonas)
    neighbour = BookingFactory(customer=CustomerFactory(business=bakery))
    foreign = BookingFactory(customer=CustomerFactory(business=rival))
    path = f"/api/v1/customers/{jonas.pk}/bookings"

    made = send(alice, "POST", path, {"rescheduled_from_id": str(own.pk)})

    assert made.json()["rescheduled_from_id"] == str(own.pk)
    for other in (neighbour, foreign):
        body = {"rescheduled_from_id": str(other.pk)}
        for method, to in (("POST", path), ("PATCH", f"{BASE}/{own.pk}")):
            [error] = send(alice, method, to, body).json()["errors"]
            assert (error["code"], error["pointer"]) == (
                "does_not_exist",
                "/rescheduled_from_id",
            )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"total_amount": -1}, "booking_amounts"),
        ({"total_amount": "much"}, "invalid"),
        ({"currency": "XXX"}, "currency_unknown"),
        ({"status": "gone"}, "invalid_choice"),
        ({"lines": [{"quantity": 1.5}]}, "outside_profile"),
        ({"invoice_number": "7"}, "unknown_field"),
        ({"starts_at": "2026-02-02T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z"}, ""),
    ],
)
def test_a_broken_rule_is_400(alice, jonas, body, code):
    answer = send(alice, "POST", f"/api/v1/customers/{jonas.pk}/bookings", body)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    if code in ("invalid", "currency_unknown", "invalid_choice", "unknown_field"):
        assert error["code"] == code
    assert "XXX" not in error["detail"]


def test_filters_and_lists_hide_how_it_was_paid(alice, jonas):
    old = BookingFactory(customer=jonas, placed_at="2026-01-01T00:00:00Z")
    BookingFactory(customer=jonas, payment_method="Mastercard", total_amount=50)

    masked = alice.get(f"{BASE}?total_amount__gte=50").json()["results"]
    early = alice.get(f"{BASE}?placed_at__lt=2026-01-02T00:00:00Z").json()["results"]

    assert [row["payment_method"] for row in masked] == ["M…"]
    assert [row["id"] for row in early] == [str(old.pk)]
    assert alice.get(f"{BASE}?payment_method=Mastercard").status_code == 400


def test_refunds_and_credits_are_found_by_their_booking(alice, jonas):
    booking = BookingFactory(
        customer=jonas, status="completed", total_amount=10, paid_amount=10
    )
    refund = RefundFactory(booking=booking, amount=4)
    credit = CreditFactory(customer=jonas, booking=booking)
    RefundFactory(booking__customer=jonas)
    CreditFactory(customer=jonas)

    for name, row, amount in (
        ("refunds", refund, "4.00"),
        ("credits", credit, "10.00"),
    ):
        query = f"/api/v1/{name}?booking={booking.pk}&expand=booking"
        [found] = alice.get(query).json()["results"]
        assert (found["id"], found["amount"]) == (str(row.pk), amount)
        assert found["booking"]["reference"] == booking.reference
        missing = BusinessFactory().pk
        assert alice.get(f"/api/v1/{name}?booking={missing}").json()["count"] == 0


def test_what_stands_beside_needs_the_right_to_it(jonas):
    booking = BookingFactory(customer=jonas)
    operation = OperationContext(via="api", route="/t")
    view = Bookings()
    shown = {}
    for names in (["view_booking"], ["view_booking", "view_customer"]):
        rights = {jonas.business_id: frozenset(f"customers.{n}" for n in names)}
        view.actor = Actor("user", operation, rights=rights)
        [row] = view.shown([booking], expand=["customer"])
        shown[len(names)] = row["customer"]

    assert shown[1] is None
    assert shown[2]["id"] == str(jonas.pk)
