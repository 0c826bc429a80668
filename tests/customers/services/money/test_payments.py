"""What somebody records as paid, and takes back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError
from django.utils import timezone

from audit.models import Event
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking, BookingPayment, CustomerStats
from tests.conftest import actor_of, staff
from tests.factories import BookingFactory, BookingPaymentFactory, RefundFactory

SYSTEM = Actor.system("test")


@pytest.fixture
def booking(bakery) -> Booking:
    return BookingFactory(
        customer__business=bakery, status="completed", total_amount=Decimal(60)
    )


@pytest.fixture
def clerk(bakery) -> Actor:
    return actor_of(staff(bakery, "support"))


def record(booking, acting, amount: Any = None, **more: Any) -> BookingPayment:
    amount = None if amount is None else Decimal(str(amount))
    values = {"method": "cash", **more}
    return services.record_payment(booking, actor=acting, amount=amount, **values)


def now_of(booking: Booking) -> tuple[str, Decimal]:
    booking.refresh_from_db()
    return booking.status, booking.paid_amount


def spent(booking: Booking) -> Decimal:
    return CustomerStats.objects.get(customer=booking.customer_id).total_spent


def code_of(found: pytest.ExceptionInfo[ValidationError]) -> str:
    return found.value.error_list[0].code


def broken(rule: str = "paid_differs") -> list[Any]:
    found = services.list_broken_rules(actor=SYSTEM)
    return [one.id for one in found if one.rule == rule]


# --- recording -----------------------------------------------------------------------


def test_paid_is_the_sum_of_what_was_recorded(booking, clerk):
    first = record(booking, clerk, "40.00", reference="R-1", reason="at the counter")
    assert now_of(booking) == ("completed", 40)
    assert (spent(booking), first.created_by_id) == (40, clerk.user_id)
    assert first.received_on == booking.business.local_day(timezone.now())

    rest = record(booking, clerk, method="transfer", received_on=date(2026, 1, 2))

    assert (rest.amount, rest.received_on) == (20, date(2026, 1, 2))
    assert now_of(booking) == ("completed", 60)
    assert broken() == []


def test_the_trail_says_how_much_of_what_and_why(booking, clerk):
    entry = record(booking, clerk, "40", reason="at the counter")
    back = services.reverse_payment(entry, actor=clerk, reason="wrong booking")

    made, undone = Event.objects.filter(action__startswith="payment.").order_by("id")
    about = {"amount": "40.00", "currency": "EUR", "booking": booking.reference}
    assert (made.action, made.reason) == ("payment.recorded", "at the counter")
    assert made.data == {**about, "method": "cash"}
    assert made.subjects == [str(booking.customer_id)]
    assert made.object_id == str(entry.pk)
    assert (undone.action, undone.reason) == ("payment.reversed", "wrong booking")
    assert undone.data == {**about, "amount": "-40.00", "method": "cash"}
    assert undone.object_id == str(back.pk)


def test_the_same_id_is_the_same_payment(booking, clerk):
    first = record(booking, clerk, 20, external_id="till-7")

    assert record(booking, clerk, 20, external_id="till-7") == first
    assert record(booking, clerk, external_id="till-7") == first
    assert now_of(booking) == ("completed", 20)
    for more in ({"amount": 21}, {"amount": 20, "method": "card"}):
        with pytest.raises(ValidationError) as found:
            record(booking, clerk, external_id="till-7", **more)
        assert code_of(found) == "external_id_taken"
    with pytest.raises(ValidationError) as found:
        record(booking, clerk, 20, external_id="till-7", currency="NOK")
    assert found.value.error_dict["currency"][0].code == "currency_differs"
    other = BookingFactory(customer=booking.customer, total_amount=60)
    with pytest.raises(ValidationError) as found:
        record(other, clerk, 20, external_id="till-7")
    assert code_of(found) == "external_id_taken"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"amount": "60.01"}, "payment_exceeds_total"),
        ({"amount": "1.005"}, "too_many_decimals"),
        ({"amount": "0"}, None),
        ({"amount": "-5"}, "amount_negative"),
        ({"amount": "5", "currency": "NOK"}, "currency_differs"),
        ({"amount": "5", "method": "shells"}, "invalid_choice"),
    ],
)
def test_what_is_no_payment_is_refused(booking, clerk, values, code):
    with pytest.raises(ValidationError) as found:
        record(booking, clerk, **values)

    assert code in {
        one.code for each in found.value.update_error_dict({}).values() for one in each
    }
    assert now_of(booking) == ("completed", 0)


def test_a_day_to_come_is_no_day_of_a_payment(booking, clerk):
    tomorrow = booking.business.local_day(timezone.now()) + timedelta(days=1)

    with pytest.raises(ValidationError) as found:
        record(booking, clerk, 5, received_on=tomorrow)

    assert found.value.error_dict["received_on"][0].code == "in_future"


def test_credit_counts_as_paid_and_nothing_is_left_of_a_paid_one(booking, clerk):
    services.issue_credit(booking.customer, actor=clerk, amount=Decimal(50))
    services.spend_credit(
        booking.customer, actor=clerk, amount=Decimal(50), booking=booking
    )

    with pytest.raises(ValidationError) as found:
        record(booking, clerk, 11)
    assert code_of(found) == "payment_exceeds_total"
    assert "10.00" in found.value.messages[0]
    record(booking, clerk)
    assert now_of(booking) == ("completed", 10)
    with pytest.raises(ValidationError) as found:
        record(booking, clerk)
    assert code_of(found) == "payment_exceeds_total"


def test_nothing_is_paid_for_a_cancelled_booking(bakery, clerk):
    booking = BookingFactory(
        customer__business=bakery, status="cancelled", total_amount=60
    )

    with pytest.raises(ValidationError) as found:
        record(booking, clerk, 5)

    assert code_of(found) == "booking_cancelled"


@pytest.mark.parametrize("role", ["marketing", "auditor", None])
def test_who_may_not_record(bakery, booking, role):
    other = BookingFactory().business
    acting = actor_of(staff(bakery, role) if role else staff(other, "admin"))
    entry = record(booking, SYSTEM, 5)

    with pytest.raises(PermissionDenied):
        record(booking, acting, 5)
    with pytest.raises(PermissionDenied):
        services.reverse_payment(entry, actor=acting, reason="x")


def test_what_was_recorded_stays(booking):
    entry = record(booking, SYSTEM, 5)

    with pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute("UPDATE customers_bookingpayment SET amount = 6")
    assert BookingPayment.objects.get().amount == entry.amount


# --- reversing -----------------------------------------------------------------------


def test_a_reversal_is_the_opposite_and_there_is_one(booking, clerk):
    entry = record(booking, clerk, 40)
    back = services.reverse_payment(entry, actor=clerk, reason="wrong booking")

    assert (back.amount, back.reverses_id, now_of(booking)) == (
        -40, entry.pk, ("completed", 0),
    )  # fmt: skip
    assert spent(booking) == 0
    for again, code in ((entry, "already_reversed"), (back, "not_reversible")):
        with pytest.raises(ValidationError) as found:
            services.reverse_payment(again, actor=clerk, reason="x")
        assert code_of(found) == code
    assert broken() == []


def test_what_refunds_claim_stays_paid(booking, clerk):
    first, second = record(booking, clerk, 40), record(booking, clerk, 20)
    services.request_refund(
        booking, actor=clerk, amount=Decimal(20), reason_code="quality"
    )

    services.reverse_payment(first, actor=clerk, reason="x")
    # All that is left is refunded.
    assert now_of(booking) == ("refunded", 20)
    with pytest.raises(ValidationError) as found:
        services.reverse_payment(second, actor=clerk, reason="x")
    assert code_of(found) == "paid_below_refunded"
    record(booking, clerk, 40)
    assert now_of(booking) == ("completed", 60)


# --- other ways in -------------------------------------------------------------------


def test_a_new_booking_that_is_paid_has_an_entry(bakery):
    booking = BookingFactory(
        customer__business=bakery, total_amount=9, paid_amount=9, payment_method="Card"
    )

    [entry] = BookingPayment.objects.all()
    assert (entry.amount, entry.method, entry.booking) == (9, "card", booking)
    assert broken() == []


def test_a_sale_is_recorded_as_paid(bakery, clerk, booking):
    sale = services.update_purchase_history(
        booking.customer, actor=clerk, total_amount=Decimal("12.50")
    )

    [entry] = BookingPayment.objects.filter(booking=sale)
    assert (entry.amount, entry.method) == (Decimal("12.50"), "other")


@pytest.mark.parametrize("amount", [30, 0])
def test_what_is_paid_is_written_by_nobody(booking, amount):
    record(booking, SYSTEM, 10)
    booking.refresh_from_db()
    booking.paid_amount = amount

    with pytest.raises(ValidationError) as found:
        services.save_record(booking, actor=SYSTEM)

    assert code_of(found) == "paid_by_payments"


def test_the_currency_of_what_was_paid_stays(booking):
    record(booking, SYSTEM, 10)
    booking.refresh_from_db()
    booking.currency = "NOK"

    with pytest.raises(ValidationError) as found:
        services.save_record(booking, actor=SYSTEM)

    assert code_of(found) == "currency_paid"


# --- from before ---------------------------------------------------------------------


def older(booking: Booking, amount: int, **columns: Any) -> Booking:
    """Make a booking one from before payments were recorded."""
    for name, value in {
        "paid_amount": amount,
        "confirmed_amount": None,
        **columns,
    }.items():
        setattr(booking, name, value)
    booking.as_actor(SYSTEM).save()
    return booking


def test_an_amount_from_before_stays_and_can_be_taken_back(booking, clerk):
    older(booking, 50)
    assert broken() == []
    assert services.list_earlier_paid_bookings(booking.customer, actor=clerk) == [
        booking
    ]

    record(booking, clerk, 10)
    assert now_of(booking) == ("completed", 60)
    earlier = BookingPayment.objects.get(method="earlier")
    services.reverse_payment(earlier, actor=clerk, reason="typed wrong")

    assert now_of(booking) == ("completed", 10)
    assert broken() == []


def test_an_amount_from_before_is_taken_back_without_an_entry(booking, clerk):
    older(booking, 9999)

    back = services.reverse_earlier_payment(booking, actor=clerk, reason="typed wrong")

    assert (back.amount, now_of(booking)) == (-9999, ("completed", 0))
    assert broken() == []
    with pytest.raises(ValidationError) as found:
        services.reverse_earlier_payment(booking, actor=clerk, reason="again")
    assert code_of(found) == "nothing_earlier"


def test_what_a_captured_payment_said_before_is_confirmed(booking, clerk):
    older(booking, 40, external_id="payment:stripe:pi_1")

    record(booking, clerk, 20)

    assert now_of(booking) == ("completed", 60)
    assert (booking.confirmed_amount, BookingPayment.objects.count()) == (40, 1)
    assert broken() == []


def test_a_sum_that_differs_is_listed(booking):
    record(booking, SYSTEM, 10)
    booking.refresh_from_db()
    booking.paid_amount = 11
    booking.as_actor(SYSTEM).save()

    assert broken() == [booking.pk]


def test_statements_do_not_grow(booking, assert_flat):
    amounts = iter(range(1, 60))

    def grow():
        for _ in range(5):
            record(booking, SYSTEM, "0.01")
            RefundFactory(booking=booking, amount=Decimal("0.01"), status="succeeded")

    record(booking, SYSTEM, 1)
    assert_flat(
        call=lambda: record(booking, SYSTEM, Decimal(next(amounts)) / 100), grow=grow
    )


def test_an_entry_of_another_sign_is_refused_by_the_database(booking):
    with pytest.raises((IntegrityError, ValidationError)):
        BookingPaymentFactory(booking=booking, amount=-5)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_pay_more_than_the_total(at_once, bakery):
    booking = BookingFactory(customer__business=bakery, total_amount=60)

    def pay() -> str:
        try:
            record(booking, Actor.system("till"), 40)
        except ValidationError as error:
            return str(error.error_list[0].code)
        return "recorded"

    found = at_once(pay, times=3)

    assert sorted(found) == ["payment_exceeds_total"] * 2 + ["recorded"]


@pytest.mark.django_db(transaction=True)
def test_one_id_for_two_customers_at_once_is_one_payment(at_once, bakery):
    bookings = [
        BookingFactory(customer__business=bakery, total_amount=60) for _ in range(3)
    ]
    each = iter(bookings)

    def pay() -> str:
        try:
            record(next(each), Actor.system("till"), 40, external_id="till-7")
        except ValidationError as error:
            return str(error.error_list[0].code)
        return "recorded"

    found = at_once(pay, times=3)

    assert sorted(found) == ["external_id_taken"] * 2 + ["recorded"]
