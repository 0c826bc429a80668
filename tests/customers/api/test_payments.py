"""What was recorded as paid for a booking, at `/api/v1`."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from audit.models import Event
from audit.tenancy.actors import Actor
from customers import services
from customers.models import BookingPayment
from tests.conftest import signed_in, staff
from tests.customers.api.sending import post, send
from tests.factories import BookingFactory, RefundFactory

SYSTEM = Actor.system("test")
CASH = {"amount": "25.00", "method": "cash", "currency": "EUR"}


@pytest.fixture
def booking(bakery):
    return BookingFactory(
        customer__business=bakery,
        customer__email="jonas@example.net",
        status="completed",
        total_amount=Decimal(60),
    )


def path_of(booking, *more: object) -> str:
    return "/".join(["/api/v1/bookings", str(booking.pk), "payments", *map(str, more)])


def test_a_payment_is_recorded_and_listed(alice, booking):
    made = post(alice, path_of(booking), CASH | {"received_on": "2026-01-02"})

    assert made.status_code == 201, made.content
    body = made.json()
    assert (body.pop("paid_total"), body.pop("left")) == ("25.00", "35.00")
    assert (body["amount"], body["method"], body["received_on"]) == (
        "25.00", "cash", "2026-01-02",
    )  # fmt: skip
    assert alice.get(path_of(booking)).json()["results"] == [body]
    by_reference = f"/api/v1/bookings/{booking.reference}/payments/"
    assert alice.get(by_reference).json()["results"] == [body]
    shown = alice.get(f"/api/v1/bookings/{booking.pk}").json()
    assert (shown["paid_amount"], shown["rev"]) == ("25.00", 2)
    rest = post(alice, path_of(booking), {"method": "transfer"})
    assert (rest.json()["amount"], rest.json()["left"]) == ("35.00", "0.00")


def test_the_trail_says_who_recorded_what(alice, booking):
    post(alice, path_of(booking), CASH | {"reason": "at the counter"})

    event = Event.objects.get(action="payment.recorded")
    assert (event.actor_id, event.reason) == (alice.user.pk, "at the counter")
    assert event.data["booking"] == booking.reference


def test_a_key_and_an_id_are_for_one_payment(alice, booking):
    keyed = [
        post(alice, path_of(booking), CASH, **{"Idempotency-Key": "a"})
        for _ in range(2)
    ]
    assert [one.status_code for one in keyed] == [201, 201]
    assert keyed[0].json() == keyed[1].json()
    named = [post(alice, path_of(booking), CASH | {"external_id": "t-1"}) for _ in "ab"]

    assert named[0].json()["id"] == named[1].json()["id"]
    assert BookingPayment.objects.count() == 2
    other = post(alice, path_of(booking), {"method": "card", "external_id": "t-1"})
    assert (other.status_code, other.json()["code"]) == (409, "external_id_taken")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": "60.01"}, 400, "payment_exceeds_total"),
        ({"amount": "0"}, 400, "validation_error"),
        ({"amount": "1.005"}, 400, "too_many_decimals"),
        ({"method": "imported"}, 400, "validation_error"),
        ({"method": "earlier"}, 400, "validation_error"),
        ({"received_on": "2199-01-01"}, 400, "validation_error"),
        ({"currency": "NOK"}, 400, "validation_error"),
        ({"paid_at": "2026-01-01"}, 400, "validation_error"),
    ],
)
def test_what_is_no_payment_is_refused(alice, booking, change, status, code):
    answer = post(alice, path_of(booking), CASH | change)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not BookingPayment.objects.exists()


def test_a_cancelled_booking_takes_no_money(alice, bakery):
    booking = BookingFactory(
        customer__business=bakery, status="cancelled", total_amount=60
    )

    answer = post(alice, path_of(booking), CASH)

    assert (answer.status_code, answer.json()["code"]) == (409, "booking_cancelled")


def test_a_payment_is_reversed_once(alice, booking):
    payment = post(alice, path_of(booking), CASH).json()
    reverse = path_of(booking, payment["id"], "reverse")

    assert post(alice, reverse, {}).status_code == 400
    back = post(alice, reverse, {"reason": "wrong booking"})

    assert back.status_code == 201, back.content
    assert (back.json()["amount"], back.json()["reverses_id"]) == (
        "-25.00", payment["id"],
    )  # fmt: skip
    assert (back.json()["paid_total"], back.json()["left"]) == ("0.00", "60.00")
    again = post(alice, reverse, {"reason": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "already_reversed")
    other = BookingFactory(customer=booking.customer, total_amount=5)
    missing = path_of(booking, uuid4(), "reverse")
    for path in (path_of(other, payment["id"], "reverse"), missing):
        assert post(alice, path, {"reason": "x"}).status_code == 404


def test_what_refunds_claim_is_not_taken_back(alice, booking):
    payment = post(alice, path_of(booking), CASH).json()
    booking.refresh_from_db()
    RefundFactory(booking=booking, amount=5, status="requested")

    answer = post(alice, path_of(booking, payment["id"], "reverse"), {"reason": "x"})

    assert (answer.status_code, answer.json()["code"]) == (400, "paid_below_refunded")


def test_an_amount_from_before_is_reversed_by_its_name(alice, booking):
    booking.paid_amount, booking.confirmed_amount = 50, None
    booking.as_actor(SYSTEM).save()
    path = path_of(booking, "earlier", "reverse")

    back = post(alice, path, {"reason": "typed wrong"})

    assert (back.status_code, back.json()["amount"]) == (201, "-50.00")
    again = post(alice, path, {"reason": "typed wrong"})
    assert (again.status_code, again.json()["code"]) == (409, "nothing_earlier")


@pytest.mark.parametrize("role", ["marketing", "auditor"])
def test_who_may_not_record(bakery, booking, role):
    entry = services.record_payment(
        booking, actor=SYSTEM, method="cash", amount=Decimal(5)
    )
    browser = signed_in(staff(bakery, role))

    assert post(browser, path_of(booking), CASH).status_code == 403
    reverse = path_of(booking, entry.pk, "reverse")
    assert post(browser, reverse, {"reason": "x"}).status_code == 403
    may_read = role == "auditor"
    assert (browser.get(path_of(booking)).status_code == 200) is may_read


def test_another_business_has_no_such_booking(charlie, booking):
    entry = services.record_payment(
        booking, actor=SYSTEM, method="cash", amount=Decimal(5)
    )

    assert charlie.get(path_of(booking)).status_code == 404
    assert post(charlie, path_of(booking), CASH).status_code == 404
    reverse = path_of(booking, entry.pk, "reverse")
    assert post(charlie, reverse, {"reason": "x"}).status_code == 404
    assert BookingPayment.objects.count() == 1


def test_a_list_costs_the_same_for_many_rows(alice, booking, assert_flat):
    def grow():
        for _ in range(6):
            services.record_payment(
                booking, actor=SYSTEM, method="cash", amount=Decimal("0.5")
            )

    grow()
    assert_flat(call=lambda: alice.get(path_of(booking)), grow=grow)


# --- the columns of a booking --------------------------------------------------------


def test_what_a_new_booking_says_is_paid_is_recorded(alice, booking):
    body = {
        "total_amount": "60", "paid_amount": "40", "payment_method": "Cash",
        "status": "completed",
    }  # fmt: skip
    path = f"/api/v1/customers/{booking.customer_id}/bookings"

    made = post(alice, path, body)

    assert (made.status_code, made.json()["paid_amount"]) == (201, "40.00")
    listed = alice.get(f"/api/v1/bookings/{made.json()['id']}/payments").json()
    [entry] = listed["results"]
    assert (entry["amount"], entry["method"]) == ("40.00", "cash")
    above = post(alice, path, body | {"paid_amount": "61"})
    assert above.json()["errors"][0]["code"] == "paid_above_total"


@pytest.mark.parametrize("amount", ["60", "10"])
def test_what_is_paid_is_changed_by_payments_alone(alice, booking, amount):
    post(alice, path_of(booking), CASH)
    path = f"/api/v1/bookings/{booking.pk}"

    changed = send(alice, "PATCH", path, {"paid_amount": amount})
    assert (changed.status_code, changed.json()["code"]) == (400, "paid_by_payments")
    assert "/payments" in changed.json()["message"]

    # What was answered can be sent back.
    same = send(alice, "PATCH", path, {"paid_amount": "25.00", "cancel_reason": "x"})
    assert same.status_code == 200, same.content


# --- a refund that failed ------------------------------------------------------------


def test_a_refund_that_did_not_arrive(alice, bakery, booking):
    post(alice, path_of(booking), {"method": "cash"})
    refund = post(
        alice, f"/api/v1/bookings/{booking.pk}/refunds", {"reason_code": "quality"}
    ).json()
    fail = f"/api/v1/refunds/{refund['id']}/fail"
    assert alice.get(f"/api/v1/bookings/{booking.pk}").json()["status"] == "refunded"
    auditor = signed_in(staff(bakery, "auditor"))
    assert post(auditor, fail, {"reason": "x"}).status_code == 403
    assert post(alice, fail, {}).status_code == 400

    done = post(alice, fail, {"reason": "the account is closed"})

    assert (done.status_code, done.json()["status"]) == (200, "failed")
    assert done.json()["left"] == "60.00"
    assert alice.get(f"/api/v1/bookings/{booking.pk}").json()["status"] == "completed"
    event = Event.objects.get(action="refund.failed")
    assert (event.reason, event.data["amount"]) == ("the account is closed", "60.00")
    again = post(alice, fail, {"reason": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "not_succeeded")


def test_what_the_processor_says_of_a_refund_stays(alice, booking):
    booking.refresh_from_db()
    post(alice, path_of(booking), {"method": "cash"})
    booking.refresh_from_db()
    refund = RefundFactory(
        booking=booking, status="succeeded", external_id="payment:stripe:pi_1"
    )

    answer = post(alice, f"/api/v1/refunds/{refund.pk}/fail", {"reason": "x"})

    assert (answer.status_code, answer.json()["code"]) == (409, "by_processor")
