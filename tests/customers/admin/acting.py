"""Acts of a customer's page for tests: what each needs, and what is typed into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.test import Client
from django.urls import reverse

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Customer
from tests.conftest import post_confirmed
from tests.factories import BookingFactory, CustomerFactory, FlagFactory, RefundFactory

SYSTEM = Actor.system("test")
WHEN = "2026-01-05T10:00"


def act_path(customer: Customer, name: str) -> str:
    return reverse("admin:customers_customer_act", args=[customer.pk, name])


def do_act(client: Client, customer: Customer, name: str, **typed: Any) -> Any:
    """Send the form of an act, with the PIN where it is asked for."""
    return post_confirmed(client, act_path(customer, name), typed)


def said(client: Client) -> str:
    """Return the messages that wait for the person, as a page shows them."""
    page = client.get("/admin/")
    return " ".join(str(message) for message in page.context["messages"])


def paid_booking(customer: Customer, amount: Any = 100, **columns: Any) -> Any:
    return BookingFactory(
        customer=customer,
        status="completed",
        total_amount=amount,
        paid_amount=amount,
        **columns,
    )


def _plain(**typed: Any) -> Callable[[Customer], dict[str, Any]]:
    return lambda _customer: typed


def _restore(customer: Customer) -> dict[str, Any]:
    services.archive_customer(customer, actor=SYSTEM, reason="x")
    return {"reason": "back"}


def _unflag(customer: Customer) -> dict[str, Any]:
    FlagFactory(customer=customer, code="fragile")
    return {"code": "fragile", "reason": "healed"}


def _refund(customer: Customer) -> dict[str, Any]:
    booking = paid_booking(customer)
    return {"booking": booking.pk, "amount": "5", "reason_code": "goodwill"}


def _pay(customer: Customer) -> dict[str, Any]:
    booking = BookingFactory(customer=customer, status="completed", total_amount=60)
    return {
        "booking": booking.pk, "amount": "40", "method": "cash",
        "received_on": "2026-01-05", "reference": "R-1", "reason": "at the counter",
    }  # fmt: skip


def _unpay(customer: Customer) -> dict[str, Any]:
    entry = paid_booking(customer).payments.get()
    return {"payment": entry.pk, "reason": "wrong booking"}


def _fail(customer: Customer) -> dict[str, Any]:
    booking = paid_booking(customer)
    refund = services.request_refund(booking, actor=SYSTEM, reason_code="other")
    return {"refund": refund.pk, "reason": "the account is closed"}


def _ask(customer: Customer) -> dict[str, Any]:
    refund = RefundFactory(booking=paid_booking(customer), status="requested")
    return {"refund": refund.pk}


def _refuse(customer: Customer) -> dict[str, Any]:
    return {**_ask(customer), "reason": "no proof"}


def _invoice(customer: Customer) -> dict[str, Any]:
    return {"booking": paid_booking(customer).pk}


# What makes each act possible, and what is typed then.
TYPED: dict[str, Callable[[Customer], dict[str, Any]]] = {
    "note": _plain(content="Prefers a call.", note_type="preference"),
    "ticket": _plain(
        subject="Late", body="Where is it?", author_kind="customer", priority="high",
        channel="phone", assignee="",
    ),
    "flag": _plain(code="other", other="Fragile goods", reason="asked"),
    "unflag": _unflag,
    "payment": _pay,
    "reverse-payment": _unpay,
    "refund": _refund,
    "refund-failed": _fail,
    "approve-refund": _ask,
    "refuse-refund": _refuse,
    "credit": _plain(amount="15", reason_code="loyalty"),
    "invoice": _invoice,
    "verify": _plain(reason="saw the passport"),
    "consent": _plain(
        purpose="marketing", channel="email", action="withdrawn", method="phone",
        occurred_at=WHEN,
    ),
    "preferences": _plain(
        prefer_sms="true", prefer_email="unknown", prefer_call="false",
        can_receive_offers="on", can_receive_loyalty="on",
    ),
    "archive": _plain(reason="moved away"),
    "restore": _restore,
    "export": _plain(reason="asked for it"),
}  # fmt: skip


def somebody(business: Any, **columns: Any) -> Any:
    """Return a customer of a business who has an e-mail address."""
    values = {"email": "zelda.quint@hidden-host.example", "phone": "+49 170 5550199"}
    return CustomerFactory(business=business, **{**values, **columns})
