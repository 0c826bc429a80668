"""Payments: one row for all that is told of a purchase, in whatever order it comes."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from audit.tenancy.actors import Actor
from capture import services
from capture.models import Capture, CaptureLink, Payment, PaymentReference
from customers import services as customers
from customers.models import Booking, Customer, CustomerStats, Refund
from tests.factories import BookingFactory, CustomerFactory

EMAIL = "ana@example.org"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACTOR = Actor.system("test")
# SQLite takes 999 variables a statement, and so a few more statements for more rows.
LARGER = 20 if connection.vendor == "postgresql" else 4


def pay(source, trust="server", n=[0], **body):  # noqa: B006 - a counter
    n[0] += 1
    body = {"message_id": f"p-{n[0]}", "email": "ana@example.org"} | body
    envelopes = services.build_envelopes("payment", body, trust=trust)
    (verdict,) = services.ingest(envelopes, source=source, actor=ACTOR)
    assert verdict.status == "accepted", verdict
    return verdict


def stripe(event_id, kind, thing, minutes):
    return {
        "id": event_id,
        "object": "event",
        "type": kind,
        "created": int((NOON + timedelta(minutes=minutes)).timestamp()),
        "data": {"object": thing},
    }


def purchase():
    """Return the events of one purchase of 49.99 EUR, refunded in two steps."""
    money = {"currency": "eur", "customer": "cus_1"}
    intent = {"id": "pi_1", "object": "payment_intent", "amount": 4999,
              "amount_received": 4999, "latest_charge": "ch_1"}  # fmt: skip
    charge = {"id": "ch_1", "object": "charge", "amount": 4999, "captured": True,
              "amount_captured": 4999, "payment_intent": "pi_1", "invoice": "in_1",
              "billing_details": {"email": EMAIL, "name": "Ana"}}  # fmt: skip
    session = {"id": "cs_1", "object": "checkout.session", "payment_intent": "pi_1",
               "amount_total": 4999, "payment_status": "paid", "mode": "payment",
               "customer_details": {"email": EMAIL}}  # fmt: skip
    invoice = {"id": "in_1", "object": "invoice", "amount_paid": 4999, "status": "paid",
               "subtotal": 4999}  # fmt: skip
    return [
        stripe("evt_1", "payment_intent.created", {**money, **intent}, 0),
        stripe("evt_2", "payment_intent.payment_failed", {**money, **intent}, 1),
        stripe("evt_3", "payment_intent.succeeded", {**money, **intent}, 2),
        stripe("evt_4", "charge.succeeded", {**money, **charge}, 2),
        stripe("evt_5", "checkout.session.completed", {**money, **session}, 3),
        stripe("evt_6", "invoice.paid", {**money, **invoice}, 4),
        stripe(
            "evt_7",
            "charge.refunded",
            {**money, **charge, "amount_refunded": 1000, "refunded": False},
            10,
        ),
        stripe(
            "evt_8",
            "charge.refunded",
            {**money, **charge, "amount_refunded": 2500, "refunded": False},
            20,
        ),
    ]


def deliver(source, event):
    envelopes = services.build_webhook("stripe", event, trust="webhook")
    (verdict,) = services.ingest(envelopes, source=source, actor=ACTOR)
    return verdict


def state_of_everything():
    payment = Payment.objects.get()
    stats = CustomerStats.objects.get()
    return {
        "payment": {
            name: getattr(payment, name)
            for name in ("state", "verified", "final_price", "amount_refunded",
                         "currency", "transaction_id", "payment_processor",
                         "occurred_at", "user_email", "trust")
        },
        "bookings": sorted(
            Booking.objects.orders().values_list("status", "paid_amount", "kind")
        ),
        "refunded": sorted(
            Refund.objects.filter(
                status="succeeded", booking__status__in=("completed", "refunded")
            ).values_list("amount", flat=True)
        ),
        "spent": (stats.total_spent, stats.total_purchases, stats.total_orders),
        "links": CaptureLink.objects.exclude(customer=None).count(),
    }  # fmt: skip


def differences():
    return list(services.rebuild(repair=False, actor=ACTOR))


@pytest.mark.parametrize("seed", range(20))
def test_a_purchase_ends_the_same_in_every_order(source, seed):
    events = purchase()
    random.Random(seed).shuffle(events)
    repeated = events + events[:3]

    verdicts = [deliver(source, event) for event in repeated]

    assert [v.status for v in verdicts[8:]] == ["duplicate"] * 3
    assert state_of_everything() == {
        "payment": {
            "state": "partially_refunded",
            "verified": True,
            "final_price": Decimal("49.990"),
            "amount_refunded": Decimal("25.000"),
            "currency": "EUR",
            "transaction_id": "pi_1",
            "payment_processor": "stripe",
            "occurred_at": NOON + timedelta(minutes=2),
            "user_email": "ana@example.org",
            "trust": "webhook",
        },
        "bookings": [("completed", Decimal("49.990"), "order")],
        "refunded": [Decimal("25.000")],
        "spent": (Decimal("24.990"), 1, 1),
        "links": 8,
    }
    assert differences() == []


def test_a_claim_is_in_no_total_until_it_is_confirmed(source):
    claim = {"final_price": 30, "payment_status": "completed", "transaction_id": "T1"}
    pay(source, trust="browser", **claim)

    payment, stats = Payment.objects.get(), CustomerStats.objects.get()
    assert (payment.state, payment.verified) == ("paid", False)
    assert (stats.total_spent, stats.total_orders) == (0, 0)

    pay(source, **claim, plan_name="Pro")

    payment, stats = Payment.objects.get(), CustomerStats.objects.get()
    assert (payment.verified, payment.trust) == (True, "server")
    assert (stats.total_spent, stats.total_purchases) == (30, 1)
    assert Booking.objects.get().kind == "plan"
    assert differences() == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_claim_without_an_id_finds_the_one_payment_it_can_mean(source, order):
    bodies = [
        ("browser", {"final_price": "30.00", "payment_status": "completed"}),
        (
            "server",
            {"final_price": 30, "payment_status": "paid", "transaction_id": "T"},
        ),
    ]
    for n in order:
        trust, body = bodies[n]
        pay(source, trust=trust, **body)

    assert Payment.objects.get().verified
    assert CustomerStats.objects.get().total_spent == 30
    assert differences() == []


def test_a_claim_that_could_mean_two_payments_stays_a_claim(source):
    claim = {"final_price": 30, "payment_status": "completed"}
    pay(source, trust="browser", **claim)
    pay(source, transaction_id="T1", **claim)
    assert Payment.objects.count() == 1

    pay(source, transaction_id="T2", **claim)

    assert Payment.objects.filter(verified=True).count() == 2
    assert Payment.objects.filter(verified=False).count() == 1
    assert CustomerStats.objects.get().total_spent == 60
    assert differences() == []


def test_a_claim_of_another_amount_or_day_stays_a_claim(source):
    pay(source, transaction_id="T1", final_price=30, payment_status="paid")
    pay(source, trust="browser", final_price=31, payment_status="completed")
    late = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    pay(source, trust="browser", final_price=30, payment_status="paid", timestamp=late)

    assert Payment.objects.filter(verified=False).count() == 2


@pytest.mark.parametrize(
    ("currency", "price"), [("JPY", "1200"), ("EUR", "12.34"), ("KWD", "1.234")]
)
def test_each_currency_keeps_its_own_precision(source, currency, price):
    pay(
        source,
        transaction_id="T1",
        final_price=price,
        payment_status="paid",
        currency=currency.lower(),
    )

    payment = Payment.objects.get()
    assert (payment.currency, payment.final_price) == (currency, Decimal(price))
    assert CustomerStats.objects.get().spent == {currency: price}


def test_a_confirmed_payment_without_an_id_is_one_purchase(source):
    pay(source, final_price=10, payment_status="completed")
    pay(source, final_price=10, payment_status="completed")

    assert CustomerStats.objects.get().total_spent == 20
    assert Booking.objects.count() == 2
    assert differences() == []


def test_a_payment_completes_the_booking_that_it_pays(source):
    customer = Customer(business=source.business, name="Ana", email="ana@example.org")
    services_save(customer)
    booking = Booking(
        business=source.business,
        customer=customer,
        reference="ORDER-7",
        total_amount=30,
        currency="EUR",
        status="confirmed",
    )
    services_save(booking)

    pay(source, transaction_id="ORDER-7", final_price=30, payment_status="paid")

    booking.refresh_from_db()
    assert (booking.status, booking.paid_amount) == ("completed", 30)
    assert Booking.objects.count() == 1
    assert CustomerStats.objects.get().total_spent == 30


def differing() -> list[Any]:
    found = customers.list_broken_rules(actor=ACTOR)
    return [one for one in found if one.rule == "paid_differs"]


def test_what_is_confirmed_and_what_was_recorded_add_up(source):
    body = {"transaction_id": "T-1", "currency": "EUR", "payment_status": "paid"}
    pay(source, **body, final_price="30.00")
    booking = Booking.objects.get()
    assert (booking.paid_amount, booking.confirmed_amount) == (30, 30)
    customers.update_instance(booking, actor=ACTOR, total_amount=Decimal(50))
    customers.record_payment(booking, actor=ACTOR, method="cash", amount=Decimal(20))

    # The same payment says more of itself.
    pay(source, **body, final_price="30.00", coupon_code="SPRING")

    booking.refresh_from_db()
    assert (booking.paid_amount, booking.confirmed_amount) == (50, 30)
    assert differing() == []


def test_what_is_paid_online_comes_on_top_of_a_deposit(source):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    booking = BookingFactory(
        customer=customer,
        reference="T-1",
        status="confirmed",
        total_amount=60,
        currency="EUR",
    )
    customers.record_payment(booking, actor=ACTOR, method="cash", amount=Decimal(20))

    pay(
        source,
        transaction_id="T-1",
        currency="EUR",
        payment_status="paid",
        final_price="40.00",
    )

    booking.refresh_from_db()
    assert (booking.paid_amount, booking.confirmed_amount) == (60, 40)
    assert differing() == []


def test_money_that_was_recorded_is_not_counted_again(source):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    booking = BookingFactory(
        customer=customer, reference="T-1", status="confirmed", total_amount=30
    )
    customers.record_payment(booking, actor=ACTOR, method="transfer")

    pay(
        source, transaction_id="T-1", currency="EUR", final_price="30.00",
        payment_status="paid",
    )  # fmt: skip

    booking.refresh_from_db()
    assert (booking.status, booking.paid_amount) == ("completed", 30)
    assert differing() == []


@pytest.mark.parametrize(("deposit", "price"), [(0, 60), (20, 40)])
def test_what_is_paid_after_the_service_counts(source, deposit, price):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    booking = BookingFactory(
        customer=customer, reference="T-1", status="completed", total_amount=60
    )
    if deposit:
        customers.record_payment(
            booking, actor=ACTOR, method="cash", amount=Decimal(deposit)
        )

    paid = {"transaction_id": "T-1", "currency": "EUR", "payment_status": "paid"}
    for coupon in ("SPRING", "SUMMER"):
        pay(source, **paid, final_price=price, coupon_code=coupon)

    booking.refresh_from_db()
    assert (booking.paid_amount, booking.confirmed_amount) == (60, price)
    assert differing() == []


def test_a_deposit_that_nobody_gave_back_is_no_refund(source):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    booking = BookingFactory(
        customer=customer,
        reference="T-1",
        status="confirmed",
        total_amount=60,
        currency="EUR",
    )
    customers.record_payment(booking, actor=ACTOR, method="cash", amount=Decimal(20))
    body = {"transaction_id": "T-1", "currency": "EUR", "final_price": "40.00"}

    pay(source, **body, payment_status="paid")
    pay(source, **body, payment_status="refunded")

    booking.refresh_from_db()
    assert (booking.status, booking.paid_amount) == ("completed", 60)
    assert Refund.objects.get().amount == 40
    assert CustomerStats.objects.get(customer=customer).total_spent == 20


def test_money_of_another_currency_enters_no_booking_of_staff(source):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    booking = BookingFactory(
        customer=customer,
        reference="T-1",
        status="confirmed",
        total_amount=100,
        currency="USD",
    )

    pay(
        source,
        transaction_id="T-1",
        currency="JPY",
        final_price=15000,
        payment_status="paid",
    )

    booking.refresh_from_db()
    assert (booking.status, booking.paid_amount) == ("confirmed", 0)
    paid = Booking.objects.exclude(pk=booking.pk).get()
    assert (paid.paid_amount, paid.currency) == (15000, "JPY")


def test_a_refund_of_another_currency_is_none_of_a_purchase_of_staff(source):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    paid = {"total_amount": 100, "paid_amount": 100, "status": "completed"}
    booking = BookingFactory(customer=customer, reference="T-1", currency="USD", **paid)
    body = {"transaction_id": "T-1", "currency": "JPY", "final_price": 15000}
    part = {"payment_status": "refunded", "refund_id": "r-1", "refund_amount": 50}

    pay(source, **body, payment_status="paid")
    pay(source, **body, **part)
    assert not Refund.objects.exists()

    pay(source, **body, payment_status="refunded")
    booking.refresh_from_db()
    assert (booking.status, Refund.objects.get().amount) == ("refunded", 100)
    assert Booking.objects.count() == 1


def services_save(row):
    from customers.services import save_record  # noqa: PLC0415 - only here

    save_record(row, actor=ACTOR)


def test_a_whole_refund_leaves_a_purchase_without_money(source):
    body = {"transaction_id": "T1", "final_price": 30}
    pay(source, **body, payment_status="paid")
    pay(source, **body, payment_status="refunded")

    stats = CustomerStats.objects.get()
    assert Payment.objects.get().state == "refunded"
    assert (stats.total_spent, stats.total_purchases) == (0, 1)
    assert stats.refunded_orders == 1


def test_what_staff_gave_back_stays_when_the_payment_is_told_again(source):
    body = {"transaction_id": "T-1", "final_price": "30.00", "currency": "EUR"}
    pay(source, **body, payment_status="paid")
    booking = Booking.objects.get()
    customers.request_refund(booking, actor=ACTOR, reason_code="quality")

    pay(source, **body, payment_status="paid", coupon_code="SPRING")

    booking.refresh_from_db()
    assert booking.status == "refunded"
    stats = CustomerStats.objects.get()
    assert (stats.refunded_orders, stats.total_spent) == (1, 0)


def test_a_whole_refund_of_a_booking_of_staff_is_its_status(source):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    paid = {"total_amount": 30, "paid_amount": 30, "status": "completed"}
    booking = BookingFactory(customer=customer, reference="T-1", **paid)
    body = {"transaction_id": "T-1", "final_price": "30.00", "currency": "EUR"}

    pay(source, **body, payment_status="refunded")

    booking.refresh_from_db()
    assert booking.status == "refunded"
    assert CustomerStats.objects.get().total_spent == 0


def test_two_processors_may_use_the_same_number(source):
    body = {"transaction_id": "1", "final_price": 5, "payment_status": "paid"}
    pay(source, payment_processor="PayPal", **body)
    pay(source, payment_processor="CoinGate", **body)
    pay(source, payment_processor="paypal", **body)

    assert Payment.objects.count() == 2
    assert CustomerStats.objects.get().total_spent == 10


def test_an_unmatched_payment_counts_once_its_customer_is_known(source):
    pay(
        source,
        email=None,
        anonymous_id="a1",
        transaction_id="T1",
        final_price=5,
        payment_status="paid",
    )
    assert Payment.objects.get().customer is None
    assert not Booking.objects.exists()

    envelopes = services.build_envelopes(
        "profile",
        {"email": "ana@example.org", "anonymous_id": "a1"},
        trust="server",
    )
    services.ingest(envelopes, source=source, actor=ACTOR)

    assert Payment.objects.get().customer == Customer.objects.get()
    assert CustomerStats.objects.get().total_spent == 5
    assert differences() == []


def test_a_crypto_payment_keeps_the_text_of_its_amount(source):
    pay(
        source,
        transaction_id="T1",
        final_price=5,
        crypto_amount="0.001234500000000000",
        payment_status="paid",
    )

    payment = Payment.objects.get()
    assert payment.crypto_amount == "0.001234500000000000"
    assert payment.crypto_amount_value == Decimal("0.0012345")


def test_a_crypto_payment_may_have_more_digits_than_are_computed_with(source):
    text = "12345678901234567890.123456789012345678"
    pay(source, transaction_id="T1", final_price=5, crypto_amount=text)

    payment = Payment.objects.get()
    assert payment.crypto_amount == text
    # SQLite keeps fifteen digits of it.
    assert abs(payment.crypto_amount_value - Decimal(text)) < 1_000_000


def test_another_business_with_the_same_number_has_its_own_payment(source, rival):
    from tests.factories import SourceFactory  # noqa: PLC0415 - only here

    body = {"transaction_id": "T1", "final_price": 5, "payment_status": "paid"}
    pay(source, **body)
    pay(SourceFactory(business=rival), **body)

    assert Payment.objects.count() == 2
    assert PaymentReference.objects.count() == 2


def test_projecting_takes_as_many_statements_for_many_payments(source, assert_flat):
    counter = iter(range(10_000))
    sizes = iter((1, 1, LARGER))

    def send():
        envelopes = []
        for _ in range(next(sizes)):
            n = next(counter)
            body = {"email": f"p{n}@b.org", "transaction_id": f"T{n}", "final_price": 5,
                    "payment_status": "paid", "message_id": f"m{n}"}  # fmt: skip
            envelopes += services.build_envelopes("payment", body, trust="server")
        services.ingest(envelopes, source=source, actor=Actor.system("t"))

    assert_flat(call=send, grow=lambda: None)
    assert Capture.objects.count() == 2 + LARGER
