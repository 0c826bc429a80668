"""What the trail says of each act with money: how much of what, for what, and why."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from audit.models import Event
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking
from customers.services.money import credits as credit_acts
from customers.services.money import invoices, payments, refunds
from tests.conftest import actor_of, staff
from tests.factories import BookingFactory, CustomerFactory

SYSTEM = Actor.system("test")
PERSON = {"name": "Zelda Quint", "email": "zelda.quint@example.org"}
Act = Callable[[Booking, Actor], object]


def payment(booking: Booking, acting: Actor) -> Any:
    return services.record_payment(
        booking, actor=acting, method="cash", amount=Decimal(5), reason="because"
    )


def refund(booking: Booking, acting: Actor, amount: int = 5) -> Any:
    acting.operation.grant_id = uuid4()
    return services.request_refund(
        booking, actor=acting, amount=Decimal(amount), reason_code="other",
        reason="because",
    )  # fmt: skip


def credit(booking: Booking, acting: Actor) -> Any:
    return services.issue_credit(
        booking.customer, actor=acting, amount=Decimal(5), reason="because"
    )


def spend(booking: Booking, acting: Actor) -> Any:
    credit(booking, SYSTEM)
    return services.spend_credit(
        booking.customer, actor=acting, amount=Decimal(5), booking=booking,
        reason="because",
    )  # fmt: skip


def earlier(booking: Booking, acting: Actor) -> Any:
    booking.confirmed_amount = None
    booking.as_actor(SYSTEM).save()
    return services.reverse_earlier_payment(booking, actor=acting, reason="because")


def asked(booking: Booking) -> Any:
    return refund(booking, actor_of(staff(booking.business)), 300)


def approve(booking: Booking, acting: Actor) -> Any:
    waits = asked(booking)
    acting.operation.grant_id = uuid4()
    return services.approve_refund(waits, actor=acting)


# The act, its event, the amount in it, and whether it is about a booking.
ACTS: dict[str, tuple[Act, str, str, bool]] = {
    "record_payment": (payment, "payment.recorded", "5.00", True),
    "reverse_payment": (
        lambda b, a: services.reverse_payment(
            payment(b, SYSTEM), actor=a, reason="because"
        ),
        "payment.reversed", "-5.00", True,
    ),
    "reverse_earlier_payment": (earlier, "payment.reversed", "-400.00", True),
    "request_refund": (refund, "refund.created", "5.00", True),
    "approve_refund": (approve, "refund.approved", "300.00", True),
    "refuse_refund": (
        lambda b, a: services.refuse_refund(asked(b), actor=a, reason="because"),
        "refund.refused", "300.00", True,
    ),
    "fail_refund": (
        lambda b, a: services.fail_refund(
            refund(b, SYSTEM), actor=a, reason="because"
        ),
        "refund.failed", "5.00", True,
    ),
    "issue_credit": (credit, "credit.created", "5.00", False),
    "spend_credit": (spend, "credit.created", "-5.00", True),
    "reverse_credit": (
        lambda b, a: services.reverse_credit(
            spend(b, SYSTEM), actor=a, reason="because"
        ),
        "credit.created", "5.00", True,
    ),
}  # fmt: skip


@pytest.fixture
def booking(bakery, actor) -> Booking:
    bakery.refund_limit = 100
    bakery.as_actor(actor).save()
    customer = CustomerFactory(business=bakery, **PERSON)
    return BookingFactory(
        customer=customer, status="completed", total_amount=Decimal(500),
        paid_amount=Decimal(400),
    )  # fmt: skip


def test_each_act_with_money_is_here():
    acts = {
        name
        for module in (credit_acts, invoices, payments, refunds)
        for name, act in vars(module).items()
        if inspect.isfunction(act)
        and inspect.unwrap(act).__module__ == module.__name__
        and not name.startswith(("_", "save_", "render_", "check_", "invoice_"))
        and "actor" in inspect.signature(act).parameters
    }

    assert acts - {"credit_balance", "first_status", "send_invoices"} == set(ACTS)


@pytest.mark.parametrize("name", ACTS)
def test_an_event_says_how_much_of_what_and_why(bakery, booking, name):
    act, action, amount, has_booking = ACTS[name]
    acting = actor_of(staff(bakery))

    act(booking, acting)

    event = Event.objects.get(action=action, actor_id=acting.id)
    assert (event.data["amount"], event.data["currency"]) == (amount, "EUR")
    assert event.data.get("booking") == (booking.reference if has_booking else None)
    assert event.reason == ("approved" if name == "approve_refund" else "because")
    assert event.subjects == [str(booking.customer_id)]
    assert not any(word in json.dumps(event.data) for word in PERSON.values())


def test_an_invoice_says_how_much(bakery, booking, django_capture_on_commit_callbacks):
    acting = actor_of(staff(bakery))

    with django_capture_on_commit_callbacks(execute=True):
        [sent] = services.send_invoices([booking], actor=acting)

    [invoice] = Event.objects.get(action="invoice.sent").data["invoices"]
    assert invoice == {
        "number": sent.number, "booking": booking.reference, "amount": "500.00",
        "currency": "EUR",
    }  # fmt: skip
