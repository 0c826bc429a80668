"""What a booking has as paid, whoever wrote last: messages, records, reversals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.tenancy.actors import Actor
from capture import services
from customers import services as customers
from customers.models import Booking, BookingPayment, CustomerStats, Refund
from tests.factories.customers import BookingFactory, CustomerFactory
from tests.long import IS_LONG

ACTOR = Actor.system("test")
EMAIL = "ana@example.org"
TOTAL = Decimal(100)


def send(source, **body: Any) -> None:
    """Take one message of a server about the payment with the booking's number."""
    message = {"transaction_id": "T-1", "currency": "EUR", "email": EMAIL} | body
    envelopes = services.build_envelopes("payment", message, trust="server")
    services.ingest(envelopes, source=source, actor=ACTOR)


@pytest.fixture
def booking(source) -> Booking:
    customer = CustomerFactory(business=source.business, email=EMAIL)
    values = {"reference": "T-1", "status": "confirmed", "currency": "EUR"}
    return BookingFactory(customer=customer, total_amount=TOTAL, **values)


def record(booking: Booking, amount: int, method: str = "cash") -> BookingPayment:
    return customers.record_payment(
        booking, actor=ACTOR, method=method, amount=Decimal(amount)
    )


def reverse(entry: BookingPayment) -> None:
    customers.reverse_payment(entry, actor=ACTOR, reason="typed twice")


def test_what_the_bank_confirmed_counts_once_its_record_is_reversed(source, booking):
    entry = record(booking, 100)
    send(source, final_price=100, payment_status="paid")

    reverse(entry)

    booking.refresh_from_db()
    assert (booking.paid_amount, booking.confirmed_amount) == (100, 100)
    assert CustomerStats.objects.get().total_spent == 100


def test_a_payment_that_failed_after_all_is_paid_no_more(source, booking):
    send(source, final_price=100, payment_status="paid")

    send(source, payment_status="failed")

    booking.refresh_from_db()
    assert booking.paid_amount == 0


@dataclass(frozen=True)
class Step:
    """One thing that happens: `paid` and `failed` by a processor, or by staff."""

    kind: str
    amount: int = 0
    processor: str = ""


STEPS = st.one_of(
    st.builds(
        Step,
        st.just("paid"),
        st.sampled_from([30, 70, 100]),
        st.sampled_from(["paypal", "coingate"]),
    ),
    st.builds(Step, st.just("record"), st.sampled_from([20, 70, 100])),
    st.builds(Step, st.just("reverse")),
)


def paid(processors: dict[str, int], recorded: int) -> int:
    """Return what is paid: the records, and each payment that fits beside them.

    One payment alone may be more than what was recorded of it.
    """
    total, counted = recorded, 0
    for _, amount in sorted(processors.items(), key=order):
        if total + amount <= TOTAL or not (recorded or counted):
            total += amount
            counted += amount
    return total


def order(item: tuple[str, int]) -> str:
    return {"paypal": "1", "coingate": "2"}[item[0]]


@settings(max_examples=200 if IS_LONG else 40, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=1, max_size=7))
def test_any_order_of_messages_and_records_ends_as_the_model_says(source, steps):
    with transaction.atomic():
        customer = CustomerFactory(business=source.business, email=EMAIL)
        booking = BookingFactory(
            customer=customer, reference="T-1", status="confirmed", currency="EUR",
            total_amount=TOTAL,
        )  # fmt: skip
        processors: dict[str, int] = {}
        entries: list[BookingPayment] = []
        for step in steps:
            if step.kind == "paid":
                amount = processors.setdefault(step.processor, step.amount)
                minute = order((step.processor, 0))
                send(source, payment_processor=step.processor, final_price=amount,
                     payment_status="paid",
                     timestamp=f"2026-11-01T12:0{minute}:00Z")  # fmt: skip
            elif step.kind == "record":
                try:
                    with transaction.atomic():
                        entries.append(record(booking, step.amount))
                except ValidationError:
                    # More than is left to pay.
                    continue
            elif entries:
                reverse(entries.pop(0))
            recorded = sum(int(entry.amount) for entry in entries)
            booking.refresh_from_db()
            assert booking.paid_amount == paid(processors, recorded)
            assert booking.paid_amount - booking.confirmed_amount == recorded
        transaction.set_rollback(True)


@pytest.mark.parametrize("first", ["paypal", "coingate"])
def test_each_processor_has_its_own_refund(source, booking, first):
    other = {"paypal": "coingate", "coingate": "paypal"}[first]
    for processor in (first, other):
        send(source, payment_processor=processor, final_price=50, payment_status="paid")
    for processor, back in ((first, 10), (other, 20)):
        send(source, payment_processor=processor, refund_id=f"r-{processor}",
             refund_amount=back)  # fmt: skip

    booking.refresh_from_db()
    amounts = sorted(Refund.objects.values_list("amount", flat=True))
    assert (booking.paid_amount, amounts) == (100, [10, 20])
    assert CustomerStats.objects.get().total_spent == 70


def test_what_was_paid_twice_and_went_back_is_no_refund(source, booking):
    send(source, payment_processor="paypal", final_price=100, payment_status="paid",
         timestamp="2026-11-01T12:00:00Z")  # fmt: skip
    again = {"payment_processor": "coingate", "final_price": 100,
             "timestamp": "2026-11-01T13:00:00Z"}  # fmt: skip
    send(source, **again, payment_status="paid")
    send(source, **again, payment_status="refunded")

    booking.refresh_from_db()
    assert (booking.status, booking.paid_amount) == ("completed", 100)
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    ("method", "spent"), [("cash", 0), ("processor", 40), (None, 40)]
)
def test_cash_that_went_back_is_none_of_the_processors(source, booking, method, spent):
    record(booking, 40)
    send(source, final_price=60, payment_status="paid")
    values = {"amount": Decimal(40), "reason_code": "quality", "method": method}
    customers.request_refund(booking, actor=ACTOR, **values)

    send(source, final_price=60, payment_status="refunded")

    booking.refresh_from_db()
    assert CustomerStats.objects.get().total_spent == spent
    assert booking.status == ("completed" if spent else "refunded")


def test_statements_do_not_grow_with_payments(source, booking, assert_flat):
    def grow() -> None:
        for number in range(5):
            send(source, transaction_id=f"N-{booking.pk}-{number}", final_price=1,
                 payment_status="paid")  # fmt: skip

    send(source, final_price=10, payment_status="paid")
    assert_flat(call=lambda: reverse(record(booking, 1)), grow=grow)
