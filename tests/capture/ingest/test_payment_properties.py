"""Any messages about one payment, in any order, ends as the model says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit.tenancy.actors import Actor
from capture import services
from capture.models import Payment
from customers.models import Booking, CustomerStats, Refund
from tests.capture.ingest.payment_model import (
    PAGE,
    SERVER,
    WEBHOOK,
    Told,
    outcome,
)
from tests.long import IS_LONG

ACTOR = Actor.system("test")
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
TRUSTS = {PAGE: "browser", SERVER: "server", WEBHOOK: "webhook"}
SOME = st.sampled_from([Decimal(10), Decimal(20), Decimal(70)])
SOME_OR_ALL = st.one_of(st.none(), SOME)
NUMBERS = st.sampled_from(["r1", "r2", "r3"])
OWNERS = st.sampled_from(["ana@example.org", "bo@example.org", None])
MESSAGES = st.one_of(
    st.builds(Told, st.just(0), st.just(0), st.sampled_from(["pending", "failed"])),
    st.builds(
        Told,
        *(st.just(0), st.just(0), st.just("paid")),
        amount=st.sampled_from([Decimal(100), Decimal(80)]),
        owner=OWNERS,
    ),
    st.builds(
        Told,
        *(st.just(0), st.just(0), st.just("refund")),
        amount=SOME_OR_ALL,
        name=NUMBERS,
        status=st.sampled_from(["pending", "succeeded", "failed", "cancelled"]),
    ),
    # A refund without an id is known by its message.
    st.builds(
        Told, *(st.just(0), st.just(0), st.just("refund")), amount=SOME,
        status=st.just("succeeded"),
    ),
    st.builds(
        Told,
        *(st.just(0), st.just(0), st.just("total")),
        amount=st.sampled_from([None, Decimal(0), Decimal(10), Decimal(30)]),
    ),
    st.builds(
        Told,
        *(st.just(0), st.just(0), st.just("dispute")),
        amount=SOME_OR_ALL,
        name=st.sampled_from(["d1", "d2", ""]),
        status=st.sampled_from(["open", "won", "lost"]),
    ),
)  # fmt: skip

# What else a page sends of the same purchase: nothing of it is one of the payment's.
NOISE = st.sampled_from(
    [
        {"payment_status": "completed", "final_price": "100", "owner": "ana"},
        {"payment_status": "completed", "final_price": "100", "owner": "eve"},
        {"payment_status": "refunded", "final_price": "100", "owner": "ana"},
        {"payment_status": "completed", "transaction_id": "order:T-1",
         "final_price": "5000", "plan_name": "Evil", "owner": "eve"},
        {"payment_status": "failed", "transaction_id": "T-1", "currency": "USD",
         "owner": "bo"},
    ]
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[list[Any]]:
    """Return what is sent of a payment: batches, in the order of their arrival."""
    paid = Told(SERVER, 0, "paid", amount=Decimal(100), owner="ana@example.org")
    messages = [paid, *draw(st.lists(MESSAGES, min_size=1, max_size=7))]
    times = draw(st.permutations(range(1, len(messages) + 1)))
    trusts = draw(
        st.lists(
            st.sampled_from([PAGE, SERVER, SERVER, WEBHOOK, WEBHOOK]),
            min_size=len(messages),
            max_size=len(messages),
        )
    )
    # Mostly it was paid by somebody trusted; else nothing is known of its price.
    trusts[0] = draw(st.sampled_from([SERVER, WEBHOOK, WEBHOOK, PAGE]))
    told = [
        replace(message, trust=trust, at=at)
        for message, trust, at in zip(messages, trusts, times, strict=True)
    ]
    if not any(m.kind == "paid" and m.trust != PAGE for m in told):
        told = [m if m.amount or m.kind == "paid" else replace(m, amount=Decimal(10))
                for m in told]  # fmt: skip
    repeated = draw(st.lists(st.sampled_from(told), max_size=2))
    noise = draw(st.lists(NOISE, max_size=2)) if trusts != [PAGE] * len(trusts) else []
    order: list[Any] = draw(st.permutations([*told, *repeated, *noise]))
    cut = draw(st.integers(0, len(order)))
    return [[m] for m in order[:cut]] + [order[cut:]]


def body_of(message: Told) -> dict[str, Any]:
    """Return a message as a sender writes it."""
    money = None if message.amount is None else str(message.amount)
    words: dict[str, dict[str, Any]] = {
        "pending": {"payment_status": "pending"},
        "failed": {"payment_status": "failed"},
        "paid": {"payment_status": "completed", "final_price": money},
        "refund": {"refund_id": message.name or None, "refund_amount": money,
                   "refund_status": message.status},
        "total": {"payment_status": "refunded", "amount_refunded": money},
        "dispute": {"dispute_id": message.name or None, "dispute_amount": money,
                    "dispute_status": message.status},
    }  # fmt: skip
    at = START + timedelta(minutes=message.at)
    return {
        "transaction_id": "T-1",
        "currency": "EUR",
        # A page may have guessed the id of another message.
        "message_id": f"m-{message.at + (message.trust == PAGE)}",
        "timestamp": at.isoformat(),
        "anonymous_id": f"a-{message.at}",
        "email": message.owner,
        **{k: v for k, v in words[message.kind].items() if v is not None},
    }


def envelopes_of(message: Any) -> list[Any]:
    """Return a message as it comes in by its entrance."""
    if not isinstance(message, Told):
        owner = f"{message['owner']}@example.org"
        at = (START + timedelta(minutes=9)).isoformat()
        body = message | {"email": owner, "timestamp": at, "currency": "EUR"} | message
        return services.build_envelopes("payment", body, trust="browser")
    body, trust = body_of(message), TRUSTS[message.trust]
    if message.trust != WEBHOOK:
        return services.build_envelopes("payment", body, trust=trust)
    event = {"type": "payment", "timestamp": body["timestamp"], "data": body}
    return services.build_webhook(
        "standard", event, webhook_id=body["message_id"], trust=trust
    )


def deliver(source, batches: list[list[Any]]) -> None:
    for batch in batches:
        envelopes = [e for message in batch for e in envelopes_of(message)]
        if not envelopes:
            continue
        results = services.ingest(envelopes, source=source, actor=ACTOR)
        assert {r.status for r in results} <= {"accepted", "duplicate"}, results


def check(messages: list[Told]) -> None:
    """Compare everything that follows from a payment with the model."""
    expected = outcome(dict.fromkeys(messages))
    payment = Payment.objects.get(references__value=":T-1")
    assert (
        payment.state,
        payment.verified,
        payment.final_price,
        payment.amount_refunded or 0,
        payment.customer.email if payment.customer else None,
    ) == (
        expected.state,
        expected.verified,
        expected.price,
        expected.refunded,
        expected.owner,
    )
    stats = CustomerStats.objects.filter(total_purchases__gt=0)
    purchases = {s.customer.email: s.total_spent for s in stats}
    assert purchases == (
        {expected.owner: expected.spent} if expected.is_purchase else {}
    )
    refunds = Refund.objects.filter(status="succeeded", booking__status__in=(
        "completed", "refunded"))  # fmt: skip
    booked = sum(refunds.values_list("amount", flat=True))
    if expected.is_purchase:
        booking = Booking.objects.get()
        is_whole = expected.state == "refunded"
        assert booking.status == ("refunded" if is_whole else "completed")
        assert booking.paid_amount == expected.price
        assert booked == min(expected.refunded, expected.price or 0)
    else:
        assert booked == 0
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


@settings(
    max_examples=400 if IS_LONG else 60,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(histories())
def test_any_history_of_a_payment_ends_as_the_model_says(source, history):
    with transaction.atomic():
        deliver(source, history)
        messages = [message for batch in history for message in batch]
        check([message for message in messages if isinstance(message, Told)])
        transaction.set_rollback(True)
