"""Somebody who works at the same hub, by its services and not in a browser.

Makes customers, changes them while others have them open, and tells what is stored.
Run by tests in the environment of their server, as `-m tests.e2e.colleague`: each line
in is a call as JSON, each line out is what it returned. See `staff.Colleague`.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from itertools import count
from time import time
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402 - the apps must be loaded

from audit import accounts, log  # noqa: E402 - after setup
from audit.accounts import totp  # noqa: E402 - after setup
from audit.models import User  # noqa: E402 - after setup
from audit.tenancy.actors import Actor  # noqa: E402 - after setup
from capture import services as capture  # noqa: E402 - after setup
from capture.choices import SCOPES  # noqa: E402 - after setup
from customers import services  # noqa: E402 - after setup
from customers.choices import ConsentChannel, Purpose  # noqa: E402 - after setup
from customers.models import Booking, Business, Customer, Ticket  # noqa: E402 - after setup
from tests.e2e.make_hostile import session_of  # noqa: E402 - after setup
from tests.factories import (  # noqa: E402 - after setup
    AuthenticatorFactory,
    BookingFactory,
    BusinessFactory,
    ConsentEventFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
    PinCredentialFactory,
    TicketFactory,
    UserFactory,
)

ME = Actor.system("a colleague")
WORDING = "v3"
FIRST = ("Ana", "Jonas", "Mia", "Lea", "Ida", "Ole", "Kari", "Nils")
LAST = ("Silva", "Berg", "Roth", "Moor", "Lund", "Dahl", "Hauge", "Vik")
number = count(1)


def open_business(name: str = "Bakery Nord") -> str:
    """Make a business with a limit for refunds and a wording; return its id."""
    business = BusinessFactory(
        name=name,
        country="NO",
        currency="EUR",
        timezone="Europe/Oslo",
        refund_limit=Decimal(100),
        settings={"consent_wordings": {WORDING: True}},
    )
    return str(business.pk)


def hire(business: str, role: str, *, has_app: bool = False) -> dict[str, str]:
    """Make a member of staff with a PIN, or with an app and without a PIN yet."""
    at_work = Business.objects.get(pk=business)
    user = UserFactory(username=f"{role}{next(number)}")
    MembershipFactory(user=user, business=at_work, role=role)
    facts = {"username": user.username, "cookie": settings.SESSION_COOKIE_NAME}
    if has_app:
        seed = AuthenticatorFactory(user=user).seed
        return {**facts, "seed": seed.hex()}
    PinCredentialFactory(user=user)
    return facts


def sign_in(username: str) -> str:
    """Return the key of a new session of somebody."""
    return session_of(User.objects.get(username=username))


def read_app(seed: str, later: int = 0) -> str:
    """Return the code that an authenticator app shows, now or so many codes later."""
    return totp.code_of(bytes.fromhex(seed), totp.step_at(time()) + later)


def preferences_of(username: str) -> dict[str, Any]:
    """Return whether somebody has a PIN and shortcuts."""
    user = User.objects.get(username=username)
    return {
        "has_pin": accounts.step_up_state(user, binding="").has_pin,
        "has_shortcuts": accounts.get_preferences(user).has_shortcuts,
        "confirmed": log.list_events(actor=ME)
        .filter(action="step_up.confirmed", actor_id=user.pk)
        .count(),
    }


def make_customer(business: str) -> dict[str, str]:
    """Make a customer with orders, a ticket, a contact and a yes to marketing."""
    n = next(number)
    first, last = FIRST[n % len(FIRST)], LAST[n // len(FIRST) % len(LAST)]
    at_home = Business.objects.get(pk=business)
    customer = CustomerFactory(
        business=at_home,
        name=f"{first} {last} {n}",
        email=f"{first}.{last}{n}@example.org".lower(),
        phone=f"+47 22 {n // 100 % 100:02} {n % 100:02} {(n * 37 + 11) % 100:02}",
    )
    paid = {"status": "completed", "total_amount": 80, "paid_amount": 80}
    BookingFactory(customer=customer, reference=f"B-JOB-{n:04}", **paid)
    TicketFactory(customer=customer)
    ContactFactory(customer=customer)
    ConsentEventFactory(customer=customer, wording_version=WORDING)
    return {
        "pk": str(customer.pk),
        "reference": customer.unique_id,
        "name": str(customer.name),
        "email": str(customer.email),
        "phone": str(customer.phone),
    }


def make_crowd(business: str, size: int) -> None:
    """Make many customers of whom nothing is known but names."""
    at_home = Business.objects.get(pk=business)
    crowd = [Customer(business=at_home, name=f"Walk-in {n:04}") for n in range(size)]
    services.bulk_create_customers(crowd, [], actor=ME, reason="a crowd")


def update(pk: str, **columns: str) -> None:
    """Change a customer, as somebody does who is faster."""
    services.update_customer(services.get_customer(pk, actor=ME), actor=ME, **columns)


def open_shop(business: str) -> str:
    """Return a key with which a shop of the business sends captures."""
    at_home = Business.objects.get(pk=business)
    source = capture.get_or_create_source(at_home, "shop", actor=ME)
    _, key = capture.create_key(source, actor=ME, kind="secret", scopes=list(SCOPES))
    return key


def count_customers(business: str) -> dict[str, int]:
    """Return how many customers a business has, and how many of them are archived."""
    everybody = services.list_visible(Customer, actor=ME).filter(business=business)
    return {
        "all": everybody.count(),
        "archived": everybody.exclude(archived_at=None).count(),
    }


def look_up(pk: str) -> dict[str, Any]:
    """Return what the services tell of a customer."""
    customer = services.get_customer(pk, actor=ME)
    tickets = services.list_visible(Ticket, actor=ME).filter(customer=customer)
    bookings = services.list_visible(Booking, actor=ME).filter(customer=customer)
    reveals = log.list_events_about(customer, actor=ME).filter(action="field.revealed")
    answer = services.may_contact(customer, Purpose.MARKETING, ConsentChannel.EMAIL)
    return {
        "name": customer.name,
        "email": customer.email,
        "phone": customer.phone,
        "notes": [
            [note.note_type, note.content, note.is_pinned]
            for note in services.list_notes(customer, actor=ME)
        ],
        "tickets": [
            [ticket.subject, ticket.assignee and ticket.assignee.username]
            for ticket in tickets.order_by("-number")
        ],
        "reveals": [event.reason for event in reveals],
        "left": [
            str(amount)
            for amount in services.list_refundable_bookings(customer, actor=ME).values()
        ],
        "credit": {
            code: str(amount)
            for code, amount in services.credit_balance(customer, actor=ME).items()
        },
        "invoices": [b.invoice_number for b in bookings if b.invoice_number],
        "flags": [flag.code for flag in services.list_flags(customer, actor=ME)],
        "may_mail": answer.is_allowed,
    }


CALLS = (
    open_business,
    hire,
    sign_in,
    read_app,
    preferences_of,
    make_customer,
    make_crowd,
    update,
    open_shop,
    count_customers,
    look_up,
)


if __name__ == "__main__":
    known = {call.__name__: call for call in CALLS}
    for line in sys.stdin:
        name, arguments, options = json.loads(line)
        returned = known[name](*arguments, **options)
        sys.stdout.write(json.dumps(returned) + "\n")
        sys.stdout.flush()
