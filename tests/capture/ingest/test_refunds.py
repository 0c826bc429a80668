"""What went back of a payment: from each provider, in any order, and back again."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from audit import log
from audit.tenancy.actors import Actor
from capture import services
from capture.ingest.normalisation import build_capture
from capture.models import Capture, Payment, Quarantine
from customers import services as customers
from customers.models import Booking, CustomerStats, Refund
from tests.factories import BookingFactory, CustomerFactory

ACTOR = Actor.system("test")
EMAIL = "ana@example.org"
PAYPAL_UP = "https://api.paypal.com/v2/payments"


def send(source, *bodies, trust="server"):
    for body in bodies:
        envelopes = services.build_envelopes(
            "payment", {"email": EMAIL, "currency": "EUR"} | body, trust=trust
        )
        (result,) = services.ingest(envelopes, source=source, actor=ACTOR)
        assert result.status == "accepted", result


def track(source, *messages, start=0):
    for number, (name, properties) in enumerate(messages, start):
        item = {
            "type": "track",
            "event": name,
            "userId": "sg1",
            "messageId": f"m{number}",
            "properties": {"currency": "EUR", **properties},
            "context": {"traits": {"email": EMAIL}},
        }
        names = services.event_names(source)
        envelopes = services.build_segment(item, None, names, trust="server")
        (result,) = services.ingest(envelopes, source=source, actor=ACTOR)
        assert result.status == "accepted", result


def webhooks(source, provider, *events):
    for event in events:
        envelopes = services.build_webhook(provider, event, trust="webhook")
        (result,) = services.ingest(envelopes, source=source, actor=ACTOR)
        assert result.status == "accepted", result


def stripe(number, kind, at, thing):
    return {"id": f"evt_{number}", "created": 1_795_900_000 + at, "type": kind,
            "data": {"object": thing}}  # fmt: skip


def charge(refunded=0, **changes):
    return {"id": "ch_5", "object": "charge", "amount": 1000, "amount_captured": 1000,
            "amount_refunded": refunded, "currency": "eur", "captured": True,
            "refunded": refunded == 1000, "payment_intent": "pi_5",
            "billing_details": {"email": EMAIL}, **changes}  # fmt: skip


def refund(number, amount, status, **changes):
    return {"id": f"re_{number}", "object": "refund", "amount": amount,
            "currency": "eur", "charge": "ch_5", "payment_intent": "pi_5",
            "status": status, **changes}  # fmt: skip


def dispute(status, amount=1000):
    return {"id": "dp_5", "object": "dispute", "amount": amount, "currency": "eur",
            "charge": "ch_5", "payment_intent": "pi_5", "status": status}  # fmt: skip


def paypal(number, kind, hour, resource):
    at = f"2026-11-20T{hour:02}:00:00Z"
    return {
        "id": f"WH-{number}",
        "event_type": kind,
        "create_time": at,
        "resource": resource,
    }


def standing_of(source) -> tuple[Any, ...]:
    """Return state, refunded, status of the booking, and what the customer spent."""
    payment = Payment.objects.get()
    booking = Booking.objects.get()
    spent = CustomerStats.objects.get().total_spent
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []
    return payment.state, payment.amount_refunded, booking.status, spent


PAYPAL_1 = [
    paypal(1, "PAYMENT.SALE.COMPLETED", 10, {
        "id": "S4", "state": "completed", "parent_payment": "PAYID-4",
        "amount": {"total": "100.00", "currency": "EUR"},
        "payer": {"email": EMAIL}}),
    *(paypal(n, "PAYMENT.SALE.REFUNDED", 10 + n, {
        "id": f"RS4{n}", "sale_id": "S4", "state": "completed",
        "amount": {"total": "-30.00", "currency": "EUR"},
        "parent_payment": "PAYID-4"}) for n in (2, 3)),
]  # fmt: skip
PAYPAL_2 = [
    paypal(1, "PAYMENT.CAPTURE.COMPLETED", 10, {
        "id": "C4", "status": "COMPLETED",
        "amount": {"value": "100.00", "currency_code": "EUR"},
        "payer": {"email_address": EMAIL}}),
    *(paypal(n, "PAYMENT.CAPTURE.REFUNDED", 10 + n, {
        "id": f"R4{n}", "status": "COMPLETED",
        "amount": {"value": "30.00", "currency_code": "EUR"},
        "links": [{"rel": "up", "href": f"{PAYPAL_UP}/captures/C4"}]})
      for n in (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("events", [PAYPAL_1, PAYPAL_2], ids=["v1", "v2"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_two_refunds_of_paypal_are_two(source, events, order):
    webhooks(source, "paypal", *(events[n] for n in order))

    assert standing_of(source) == ("partially_refunded", 60, "completed", 40)
    assert [line["amount"] for line in Payment.objects.get().refunds] == ["30.00"] * 2


def test_a_total_of_paypal_counts_each_refund_once(source):
    total = {"value": "60.00", "currency_code": "EUR"}
    last = PAYPAL_2[2]["resource"]
    told = {**last, "seller_payable_breakdown": {"total_refunded_amount": total}}
    webhooks(source, "paypal", *PAYPAL_2[:2], {**PAYPAL_2[2], "resource": told})

    assert standing_of(source)[1] == 60


def test_a_refund_of_paypal_that_names_no_payment_waits(source):
    nameless = {**PAYPAL_2[1]["resource"], "links": []}
    event = paypal(9, "PAYMENT.CAPTURE.REFUNDED", 12, nameless)
    (envelope,) = services.build_webhook("paypal", event, trust="webhook")
    services.ingest([envelope], source=source, actor=ACTOR)

    assert not Payment.objects.exists()
    assert Quarantine.objects.get().code == "schema_violation"
    # By the number of the business it finds the payment.
    paid = {**PAYPAL_2[0]["resource"], "invoice_id": "17"}
    webhooks(
        source,
        "paypal",
        paypal(1, "PAYMENT.CAPTURE.COMPLETED", 10, paid),
        paypal(8, "PAYMENT.CAPTURE.REFUNDED", 12, {**nameless, "invoice_id": "17"}),
    )
    assert standing_of(source)[1:] == (30, "completed", 70)


def test_a_reversal_is_the_dispute_that_was_lost(source):
    reversal = {**PAYPAL_2[1]["resource"], "id": "R9"}
    lost = {"dispute_id": "D1", "status": "RESOLVED",
            "dispute_amount": {"value": "30.00", "currency_code": "EUR"},
            "dispute_outcome": {"outcome_code": "RESOLVED_BUYER_FAVOUR"},
            "disputed_transactions": [{"seller_transaction_id": "C4"}]}  # fmt: skip
    webhooks(source, "paypal", PAYPAL_2[0],
             paypal(5, "PAYMENT.CAPTURE.REVERSED", 15, reversal),
             paypal(6, "CUSTOMER.DISPUTE.RESOLVED", 16, lost))  # fmt: skip

    assert standing_of(source) == ("partially_refunded", 30, "completed", 70)


FAILED = [
    stripe("a", "charge.succeeded", 0, charge()),
    stripe("b", "charge.refunded", 100, charge(1000)),
    stripe("c", "refund.failed", 200, refund(5, 1000, "failed")),
    stripe("d", "charge.refund.updated", 201, refund(5, 1000, "failed")),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_refund_that_failed_comes_back(source, order):
    webhooks(source, "stripe", *(FAILED[n] for n in order))

    assert standing_of(source) == ("paid", 0, "completed", 10)
    assert not Refund.objects.filter(status="succeeded").exists()


def test_the_booking_follows_there_and_back(source):
    webhooks(source, "stripe", *FAILED[:2])
    assert standing_of(source) == ("refunded", 10, "refunded", 0)

    webhooks(source, "stripe", *FAILED[2:])
    assert standing_of(source) == ("paid", 0, "completed", 10)

    # The same amount once more: the refund that failed is the one that succeeds.
    again = stripe("e", "refund.created", 300, refund(6, 1000, "succeeded"))
    webhooks(source, "stripe", again)
    assert standing_of(source) == ("refunded", 10, "refunded", 0)
    assert Refund.objects.get().status == "succeeded"


def test_a_booking_of_staff_follows_there_and_back(source):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    paid = {"total_amount": 10, "paid_amount": 10, "status": "completed"}
    booking = BookingFactory(customer=customer, reference="pi_5", **paid)

    for events, status in ((FAILED[:2], "refunded"), (FAILED[2:], "completed")):
        webhooks(source, "stripe", *events)
        booking.refresh_from_db()
        assert booking.status == status


def test_a_booking_that_an_import_has_as_refunded_stays_so(source):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    paid = {"total_amount": 10, "paid_amount": 10, "status": "refunded"}
    booking = BookingFactory(customer=customer, reference="pi_5", **paid)

    webhooks(source, "stripe", FAILED[0])

    booking.refresh_from_db()
    assert booking.status == "refunded"


def test_what_staff_refunded_at_the_processor_counts_once(source):
    webhooks(source, "stripe", FAILED[0])
    booking = Booking.objects.get()
    customers.request_refund(
        booking, actor=ACTOR, amount=Decimal(3), reason_code="quality"
    )
    for at, status in ((100, "pending"), (101, "succeeded")):
        webhooks(source, "stripe",
                 stripe(at, "refund.updated", at, refund(7, 300, status)))  # fmt: skip
    assert standing_of(source)[1:] == (3, "completed", 7)
    assert Refund.objects.count() == 1


@pytest.mark.parametrize("made", [100, 0])
def test_refunds_after_a_total_are_added_to_it(source, made):
    webhooks(source, "stripe",
             FAILED[0],
             stripe("t", "charge.refunded", 50, charge(300)),
             # Stripe tells of a refund a second later than of the sum it is part of.
             stripe("u", "refund.created", 100,
                    refund(8, 200, "pending", created=1_795_900_000 + made)),
             )  # fmt: skip

    assert standing_of(source)[1] == (5 if made else 3)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("needs_response", ("disputed", None, "completed", 10)),
        ("lost", ("refunded", 10, "refunded", 0)),
        ("won", ("paid", 0, "completed", 10)),
    ],
)
def test_a_dispute(source, status, expected):
    webhooks(source, "stripe",
             FAILED[0],
             stripe("o", "charge.dispute.created", 50, dispute("needs_response")),
             stripe("p", "charge.dispute.updated", 60, dispute(status)))  # fmt: skip

    result = standing_of(source)
    assert (result[0], result[1] or 0, *result[2:]) == (expected[0], expected[1] or 0,
                                                       *expected[2:])  # fmt: skip


def test_segment_refunds_twice_and_in_whole(source):
    order = ("Order Completed", {"order_id": "SO1", "total": 100})
    part = ("Order Refunded", {"order_id": "SO1", "total": 30})
    track(source, order, part, part, order)
    assert standing_of(source) == ("partially_refunded", 60, "completed", 40)

    messages = [("Order Refunded", {"order_id": "SO1"}), order]
    track(source, *messages, start=4)
    assert standing_of(source) == ("refunded", 100, "refunded", 0)


def test_segment_updates_and_cancels_an_order(source):
    track(source, ("Order Completed", {"order_id": "SO1", "total": 100}),
          ("Order Updated", {"order_id": "SO1", "total": 80}))  # fmt: skip
    assert standing_of(source) == ("paid", None, "completed", 80)

    track(source, ("Order Cancelled", {"order_id": "SO1"}), start=2)
    assert standing_of(source) == ("failed", None, "cancelled", 0)


def test_our_own_messages_name_refunds(source):
    paid = {"transaction_id": "T1", "final_price": 100, "payment_status": "completed"}
    one = {"transaction_id": "T1", "refund_id": "R1", "refund_amount": "30.00"}
    # A bare amount beside an id is that of the refund, and nothing paid.
    two = {"transaction_id": "T1", "refund_id": "R2", "amount": "20.00",
           "payment_status": "refunded"}  # fmt: skip
    send(source, paid, one, two)
    assert standing_of(source) == ("partially_refunded", 50, "completed", 50)

    send(source, {"transaction_id": "T1", "refund_id": "R1", "refund_status": "failed"})
    assert standing_of(source)[1:] == (20, "completed", 80)
    assert {
        (line["id"], line["amount"], line["status"])
        for line in Payment.objects.get().refunds
    } == {("R1", "30.00", "failed"), ("R2", "20.00", "succeeded")}

    send(source, {"transaction_id": "T1", "refund_id": "R3"})
    # Without an amount it is all of it.
    assert standing_of(source) == ("refunded", 100, "refunded", 0)


def test_the_id_of_a_payment_may_be_long(source):
    paid = {"transaction_id": "T" * 290, "final_price": 100}
    send(source, paid | {"payment_status": "paid"})
    send(source, paid | {"payment_status": "refunded"})

    assert Refund.objects.get().amount == 100
    # Another one, different only at its end.
    send(source, paid | {"transaction_id": "T" * 289 + "U", "payment_status": "paid"})
    assert CustomerStats.objects.get().total_spent == 100


def test_running_totals_are_what_they_were(source):
    paid = {"transaction_id": "T1", "final_price": 100, "payment_status": "completed"}
    for total in (20, 50):
        send(source, paid | {"amount_refunded": total, "message_id": f"t{total}"})

    assert standing_of(source) == ("partially_refunded", 50, "completed", 50)


def test_more_than_the_price_is_said_and_booked_as_the_price(source):
    paid = {"transaction_id": "T1", "final_price": 100, "payment_status": "completed"}
    parts = [{"transaction_id": "T1", "refund_id": f"R{n}", "refund_amount": 60}
             for n in (1, 2)]  # fmt: skip
    send(source, paid, *parts)

    assert standing_of(source) == ("refunded", 120, "refunded", 0)
    assert Payment.objects.get().is_refunded_above_price


def test_what_a_server_tells_again_of_a_providers_refund_counts_once(source):
    webhooks(source, "stripe", FAILED[0])
    back = {"transaction_id": "pi_5", "payment_processor": "stripe",
            "payment_status": "refunded", "refund_amount": 3}  # fmt: skip
    send(source, back)
    assert standing_of(source)[1] == 3

    webhooks(source, "stripe",
             stripe("q", "refund.created", 9, refund(9, 300, "succeeded")))  # fmt: skip
    assert standing_of(source)[1:] == (3, "completed", 7)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_page_refunds_nothing(source, is_first):
    customer = CustomerFactory(business=source.business, email=EMAIL)
    paid = {"total_amount": 10, "paid_amount": 10, "status": "completed"}
    booking = BookingFactory(customer=customer, reference="pi_5", **paid)
    claims = [
        {"transaction_id": "pi_5", "payment_status": "refunded", "final_price": 10},
        {"transaction_id": "pi_5", "refund_id": "re_5", "refund_amount": 10},
        {"transaction_id": "pi_5", "dispute_id": "dp_5", "dispute_status": "lost"},
    ]
    for step in (is_first, not is_first):
        if step:
            send(source, *claims, trust="browser")
        else:
            webhooks(source, "stripe", FAILED[0])

    booking.refresh_from_db()
    assert booking.status == "completed"
    assert not Refund.objects.exists()
    assert standing_of(source) == ("paid", 0, "completed", 10)


def test_a_page_gives_a_confirmed_payment_to_nobody(source):
    nameless = charge(billing_details={})
    claim = {"transaction_id": "pi_5", "final_price": 10, "payment_status": "paid",
             "plan_name": "Evil", "coupon_code": "X"}  # fmt: skip
    send(source, claim, trust="browser")
    webhooks(source, "stripe", stripe("a", "charge.succeeded", 0, nameless))
    send(source, claim | {"coupon_code": "Y", "message_id": "2"}, trust="browser")

    payment = Payment.objects.get()
    assert (payment.customer_id, payment.verified) == (None, True)
    assert (payment.plan_name, payment.coupon_code, payment.user_email) == (None,) * 3
    assert not Booking.objects.exists()
    assert CustomerStats.objects.get().total_spent == 0


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("kind", ["signup", "alias"])
def test_a_page_names_no_customer_of_a_provider(source, kind, is_first):
    claim = {"email": EMAIL, "anonymous_id": "stripe:cus_9"}
    if kind == "alias":
        claim = {"email": EMAIL, "user_id": "u9", "previous_id": "stripe:cus_9"}
    nameless = charge(billing_details={}, customer="cus_9")
    for step in (is_first, not is_first):
        if step:
            envelopes = services.build_envelopes(kind, claim, trust="browser")
            (result,) = services.ingest(envelopes, source=source, actor=ACTOR)
            assert result.status == "accepted"
            assert result.warnings == ["does_not_fit"]
        else:
            webhooks(source, "stripe", stripe("a", "charge.succeeded", 0, nameless))

    assert Payment.objects.get().customer is None


@pytest.mark.parametrize("is_erased", [False, True])
def test_captures_from_before_the_ledger_are_read_by_it(source, is_erased):
    """Their facts called each refund a total; what was sent says more."""
    log.ensure_operation(ACTOR)
    webhooks(source, "paypal", PAYPAL_1[0])
    captures = []
    for event in PAYPAL_1[1:]:
        (envelope,) = services.build_webhook("paypal", event, trust="webhook")
        capture = build_capture(envelope, source, ACTOR)
        names = ("refund_id", "refund_amount", "refund_status", "refunded_at")
        older = {k: v for k, v in capture.facts.items() if k not in names}
        capture.facts = {**older, "amount_refunded": "30.000"}
        if is_erased:
            capture.payload = None
        captures.append(capture)
    Capture.objects.bulk_create(captures)

    assert list(services.rebuild(repair=True, actor=ACTOR))

    assert standing_of(source)[1] == (30 if is_erased else 60)


@pytest.mark.parametrize("have_refunds", ["first", "second", "both"])
def test_two_payments_that_are_one_have_one_refund(source, have_refunds):
    invoice = {"id": "in_5", "object": "invoice", "amount_paid": 1000, "total": 1000,
               "currency": "eur", "status": "paid",
               "customer_email": EMAIL}  # fmt: skip
    alone = charge(payment_intent=None)
    webhooks(source, "stripe", stripe("i", "invoice.paid", 0, invoice),
             stripe("c", "charge.succeeded", 1, alone))  # fmt: skip
    if have_refunds != "second":
        send(source, {"transaction_id": "in_5", "payment_processor": "stripe",
                      "refund_id": "re_5", "refund_amount": 4})  # fmt: skip
    if have_refunds != "first":
        back = refund(5, 400, "succeeded", payment_intent=None)
        webhooks(source, "stripe", stripe("r", "refund.created", 2, back))
    both = {**alone, "invoice": "in_5"}
    webhooks(source, "stripe", stripe("u", "charge.updated", 1, both))

    assert Payment.objects.get().amount_refunded == 4
    assert CustomerStats.objects.get().total_spent == 6
    refunds = Refund.objects.filter(status="succeeded")
    assert [(r.booking.status, r.amount) for r in refunds] == [("completed", 4)]


@pytest.mark.parametrize("form", ["standard", "cloudevents"])
def test_a_bare_amount_beside_a_refund_is_the_refunds(source, form):
    send(source, {"transaction_id": "T1", "final_price": 100, "payment_status": "paid"})
    data = {"email": EMAIL, "transaction_id": "T1", "refund_id": "R1", "amount": 30}
    if form == "standard":
        event = {"type": "payment.refunded", "data": data}
        envelopes = services.build_webhook(
            "standard", event, webhook_id="msg_1", trust="webhook"
        )
    else:
        event = {"specversion": "1.0", "id": "1", "source": "s", "data": data,
                 "type": "com.example.payment"}  # fmt: skip
        envelopes = services.build_native(event, trust="server")
    services.ingest(envelopes, source=source, actor=ACTOR)

    assert standing_of(source) == ("partially_refunded", 30, "completed", 70)


def test_money_recorded_on_the_void_booking_of_two_payments_stays(source):
    invoice = {"id": "in_5", "object": "invoice", "amount_paid": 1000, "total": 1000,
               "currency": "eur", "status": "paid",
               "customer_email": EMAIL}  # fmt: skip
    alone = charge(payment_intent=None)
    webhooks(source, "stripe", stripe("i", "invoice.paid", 0, invoice),
             stripe("c", "charge.succeeded", 1, alone))  # fmt: skip
    for booking in Booking.objects.all():
        customers.update_instance(booking, actor=ACTOR, total_amount=Decimal(30))
        customers.record_payment(booking, actor=ACTOR, method="cash", amount=Decimal(5))
    both = {**alone, "invoice": "in_5"}
    for number in ("u", "v"):
        webhooks(source, "stripe", stripe(number, "charge.updated", 1, both))

    sums = Booking.objects.order_by("-confirmed_amount")
    assert list(sums.values_list("status", "confirmed_amount", "paid_amount")) == [
        ("completed", 10, 15),
        ("completed", 0, 5),
    ]
    assert CustomerStats.objects.get().total_spent == 20
