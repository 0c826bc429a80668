"""The canonical API's bookings: what is bought, in its own currency, with versions."""

from __future__ import annotations

import pytest

from audit.tenancy.actors import Actor, OperationContext
from customers.api.tables.bookings import BookingViewSet
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
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

    body = {"rescheduled_from_id": str(own.pk), "total_amount": "0"}
    made = send(alice, "POST", path, body)

    assert made.json()["rescheduled_from_id"] == str(own.pk)
    for other in (neighbour, foreign):
        body = {"rescheduled_from_id": str(other.pk), "total_amount": "0"}
        for method, to in (("POST", path), ("PATCH", f"{BASE}/{own.pk}")):
            [error] = send(alice, method, to, body).json()["errors"]
            assert (error["code"], error["pointer"]) == (
                "does_not_exist",
                "/rescheduled_from_id",
            )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"total_amount": -1}, "amount_negative"),
        ({"total_amount": "much"}, "amount_invalid"),
        ({"currency": "XXX"}, "currency_unknown"),
        ({"status": "gone"}, "invalid_choice"),
        ({"lines": [{"quantity": 1.5}]}, "required"),
        ({"lines": [{"description": "Cake", "price": "1"}]}, "unknown_field"),
        ({"lines": [{"description": "Cake", "amount": "much"}]}, "invalid"),
        ({"lines": {"description": "Cake"}}, "not_a_list"),
        ({"total_amount": None}, "null"),
        ({"invoice_number": "7"}, "unknown_field"),
        ({"starts_at": "2026-02-02T00:00:00Z", "ends_at": "2026-02-01T00:00:00Z"}, ""),
    ],
)
def test_a_broken_rule_is_400(alice, jonas, body, code):
    path = f"/api/v1/customers/{jonas.pk}/bookings"

    answer = send(alice, "POST", path, {"total_amount": "1", **body})

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    if code:
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
    view = BookingViewSet()
    shown = {}
    for names in (["view_booking"], ["view_booking", "view_customer"]):
        rights = {jonas.business_id: frozenset(f"customers.{n}" for n in names)}
        view.actor = Actor("user", operation, permissions=rights)
        [row] = view.serialize([booking], expand=["customer"])
        shown[len(names)] = row["customer"]

    assert shown[1] is None
    assert shown[2]["id"] == str(jonas.pk)


# --- what is not simply written ------------------------------------------------------


def paid(jonas, **more):
    facts = {"status": "completed", "total_amount": 50, "paid_amount": 50, **more}
    return BookingFactory(customer=jonas, **facts)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"credit_used": "50.00"}, "validation_error"),
        ({"paid_amount": "49.99"}, "paid_by_payments"),
        ({"paid_amount": "0"}, "paid_by_payments"),
        ({"status": "refunded"}, "refunded_by_refunds"),
        ({"external_id": "payment:stripe:pi_1"}, "reserved_id"),
    ],
)
def test_money_columns_are_not_simply_written(bakery, jonas, change, code):
    support = signed_in(staff(bakery, "support"))
    booking = paid(jonas)
    RefundFactory(booking=booking, amount=7, status="succeeded")
    RefundFactory(booking=booking, amount=3, status="requested")
    path = f"{BASE}/{booking.pk}"

    answer = send(support, "PATCH", path, change)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    same = send(support, "PATCH", path, {"paid_amount": "50", "credit_used": "0.00"})
    assert same.status_code == 200, same.content


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"credit_used": "5"}, "validation_error"),
        ({"status": "refunded"}, "refunded_by_refunds"),
        ({"external_id": "payment:stripe:pi_1"}, "reserved_id"),
    ],
)
def test_a_new_booking_does_not_say_what_others_say(alice, jonas, body, code):
    body = {"customer_id": str(jonas.pk), "total_amount": "5", **body}

    answer = send(alice, "POST", BASE, body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("before", "change", "code"),
    [
        ({"status": "refunded"}, {"status": "completed"}, "refunded_by_refunds"),
        ({"external_id": "payment:a"}, {"external_id": "b"}, "reserved_id"),
        ({"external_id": "payment:a"}, {"external_id": None}, "reserved_id"),
    ],
)
def test_what_others_said_is_not_taken_back(alice, jonas, before, change, code):
    path = f"{BASE}/{paid(jonas, **before).pk}"

    assert send(alice, "PATCH", path, change).json()["code"] == code
    whole = {**before, "cancel_reason": "x"}
    assert send(alice, "PATCH", path, whole).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount": "999"},
        {"original_amount": "1"},
        {"discount_amount": "1"},
        {"lines": [{"description": "Cake"}]},
    ],
)
def test_a_numbered_invoice_keeps_its_sums(alice, jonas, change):
    path = f"{BASE}/{paid(jonas, invoice_number='2026-000001').pk}"

    answer = send(alice, "PATCH", path, change)

    assert (answer.status_code, answer.json()["code"]) == (400, "invoiced")
    more = {"paid_amount": "50.00", "cancel_reason": "x"}
    assert send(alice, "PATCH", path, more).status_code == 200


# --- what a body says ----------------------------------------------------------------


def test_a_booking_says_what_it_costs(alice, jonas):
    answer = send(alice, "POST", f"/api/v1/customers/{jonas.pk}/bookings", {})

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (400, "/total_amount")
    assert error["code"] == "required"


def test_items_are_counted_from_the_lines(alice, jonas):
    line = {"description": "Cake", "quantity": 1.5, "unit_price": "4", "amount": 6}
    body = {"customer_id": str(jonas.pk), "total_amount": "8"}
    body["lines"] = [line, {"description": "Candle"}]

    made = send(alice, "POST", BASE, body).json()

    assert made["items_count"] == "2.500"
    kept = {key: str(value) for key, value in line.items()}
    assert made["lines"] == [kept, {"description": "Candle"}]
    path = f"{BASE}/{made['id']}"
    said = {"lines": [line], "items_count": 7, "total_amount": "6"}
    assert send(alice, "PATCH", path, said).json()["items_count"] == "7.000"
    changed = send(alice, "PATCH", path, {"lines": [line]})
    assert changed.json()["items_count"] == "1.500"


def test_lines_of_another_form_come_back_as_they_are(alice, jonas):
    path = f"{BASE}/{paid(jonas, lines=[{'sku': 7}]).pk}"
    whole = {"lines": alice.get(path).json()["lines"], "cancel_reason": "x"}

    assert send(alice, "PATCH", path, whole).status_code == 200
    other = {"lines": [{"sku": 8}]}
    assert send(alice, "PATCH", path, other).status_code == 400


def test_it_was_completed_when_it_was_placed(alice, jonas):
    body = {"customer_id": str(jonas.pk), "total_amount": "8", "status": "completed"}
    old = send(alice, "POST", BASE, body | {"placed_at": "2026-01-02T10:00:00Z"})
    assert old.json()["completed_at"] == "2026-01-02T10:00:00Z"

    later = BookingFactory(customer=jonas, placed_at="2026-01-02T10:00:00Z")
    path = f"{BASE}/{later.pk}"
    done = send(alice, "PATCH", path, {"status": "completed"}).json()
    assert done["completed_at"] > later.created_at.isoformat()


# --- amounts that belong together ----------------------------------------------------


def line_of(*amounts: str | None) -> list[dict[str, str]]:
    lines = [{"description": "Cake", "amount": amount} for amount in amounts]
    return [{k: v for k, v in line.items() if v is not None} for line in lines]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"total_amount": "10", "paid_amount": "20"}, "paid_above_total"),
        ({"total_amount": "10", "paid_amount": "10"}, ""),
        ({"total_amount": "10", "lines": line_of("3")}, "lines_differ"),
        ({"total_amount": "10", "lines": line_of("3", "7")}, ""),
        ({"total_amount": "10", "lines": line_of("3", None)}, ""),
        (
            {
                "total_amount": "9",
                "discount_amount": "1",
                "lines": line_of("3", "7.00"),
            },
            "",
        ),
        ({"total_amount": "10", "lines": []}, ""),
    ],
)
def test_amounts_agree_with_each_other(alice, jonas, body, code):
    path = f"/api/v1/customers/{jonas.pk}/bookings"

    answer = send(alice, "POST", path, body)

    errors = answer.json().get("errors", [])
    assert [error["code"] for error in errors] == ([code] if code else [])


def test_amounts_that_disagreed_before_keep_nobody_from_another_change(alice, jonas):
    booking = paid(jonas, total_amount=10, paid_amount=20, lines=line_of("3"))
    path = f"{BASE}/{booking.pk}"

    def change(**values: object) -> str:
        answer = send(alice, "PATCH", path, values)
        return "".join(e["code"] for e in answer.json().get("errors", []))

    assert change(cancel_reason="x") == ""
    renamed = [{"description": "Tart", "amount": "3.00"}]
    assert change(lines=renamed) == ""
    assert change(lines=line_of("4")) == "lines_differ"
    assert change(paid_amount="20") == ""
