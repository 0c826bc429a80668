"""How many statements the common writes take: the whole request, whatever its data.

Counted are those that ask or change something: without BEGIN, COMMIT, SAVEPOINT,
RELEASE, and without telling PostgreSQL what is within reach.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import accounts
from customers.models import Customer
from tests.conftest import staff
from tests.customers.api.sending import send
from tests.factories import (
    AddressFactory,
    BookingFactory,
    BusinessFactory,
    ConsentEventFactory,
    ContactFactory,
    CustomerFactory,
    NoteFactory,
    TicketFactory,
    TicketMessageFactory,
)

_UNCOUNTED = re.compile(
    r"\s*(BEGIN|COMMIT|SAVEPOINT|RELEASE|SELECT pg_catalog.set_config)", re.IGNORECASE
)
ROOT = Path(__file__).resolve().parents[2]
_OURS = re.compile(r"(audit|customers|capture)/")
_OF_CUSTOMERS = re.compile(r'SELECT\b.*?\bFROM "customers_customer"', re.DOTALL)


class Desk:
    """Somebody with a token, and a customer who has one of everything."""

    def __init__(self) -> None:
        self.bakery = BusinessFactory(slug="bakery")
        self.token = accounts.issue_tokens(staff(self.bakery)).access
        self.customer = CustomerFactory(business=self.bakery, email="ana@example.org")
        self.booking = BookingFactory(customer=self.customer, status="pending")
        self.paid = BookingFactory(
            customer=self.customer, status="completed", paid_amount="50.00"
        )
        self.ticket = TicketFactory(customer=self.customer)
        ConsentEventFactory(customer=self.customer)
        self.numbers = count()
        # To be archived, each once.
        self.leaving = CustomerFactory.create_batch(3, business=self.bakery)

    def send(self, method: str, path: str, body: Any, **headers: str) -> Any:
        """Send a request as an integration does."""
        headers["Authorization"] = f"Bearer {self.token}"
        answer = send(Client(), method, f"/api/v1/{path}", body, **headers)
        assert answer.status_code in (200, 201, 204), answer.content
        return answer

    def change_customer(self, **changes: Any) -> None:
        """Change the one customer."""
        self.send("PATCH", f"customers/{self.customer.pk}", changes)

    def change_booking(self, **changes: Any) -> None:
        """Change the one booking."""
        self.send("PATCH", f"bookings/{self.booking.pk}", changes)

    def add(self, what: str, **body: Any) -> None:
        """Add something to the one customer."""
        self.send("POST", f"customers/{self.customer.pk}/{what}", body)

    def create_customer(
        self, headers: dict[str, str] | None = None, **columns: Any
    ) -> None:
        """Create a customer."""
        email = f"n{next(self.numbers)}@example.org"
        body = {"name": "New", "email": email, **columns}
        self.send("POST", "customers", body, **(headers or {}))

    def grow(self) -> None:
        """Add more of everything."""
        CustomerFactory.create_batch(5, business=self.bakery)
        for factory in (
            AddressFactory,
            BookingFactory,
            ConsentEventFactory,
            ContactFactory,
            NoteFactory,
            TicketFactory,
        ):
            factory.create_batch(10, customer=self.customer)
        TicketMessageFactory.create_batch(10, ticket=self.ticket)


def location(desk: Desk) -> None:
    """Change a place, on which no figure depends."""
    desk.change_customer(location=f"Town {next(desk.numbers)}")


def email(desk: Desk) -> None:
    """Change an address: it is unique, and decides who may be told of offers."""
    desk.change_customer(email=f"ana{next(desk.numbers)}@example.org")


def create(desk: Desk) -> None:
    """Create a customer."""
    desk.create_customer()


def create_once(desk: Desk) -> None:
    """Create a customer with a key."""
    desk.create_customer({"Idempotency-Key": f"key {next(desk.numbers)}"})


def create_whole(desk: Desk) -> None:
    """Create a customer with a wish and an address."""
    desk.create_customer(prefer_sms=True, address="Hill 3")


def contact(desk: Desk) -> None:
    """Add a number, which is read as in the country of the business."""
    desk.add("contacts", kind="alternative", phone="044 668 18 00")


def refund(desk: Desk) -> None:
    """Give a part of a booking back."""
    body = {"amount": "1.00", "reason_code": "other"}
    desk.send("POST", f"bookings/{desk.paid.pk}/refunds", body)


def booking(desk: Desk) -> None:
    """Change what no figure depends on."""
    desk.change_booking(payment_method=f"way {next(desk.numbers)}")


def booking_status(desk: Desk) -> None:
    """Change what the figures count."""
    desk.change_booking(status=("confirmed", "pending")[next(desk.numbers) % 2])


def new_booking(desk: Desk) -> None:
    """Sell something."""
    paid = {"total_amount": "5.00", "paid_amount": "5.00", "status": "completed"}
    desk.add("bookings", **paid)


def note(desk: Desk) -> None:
    """Write a note."""
    desk.add("notes", content="Likes rye.")


def ticket(desk: Desk) -> None:
    """Open a ticket."""
    desk.add("tickets", subject="Where is it?")


def message(desk: Desk) -> None:
    """Answer a ticket again."""
    desk.send("POST", f"tickets/{desk.ticket.pk}/messages", {"body": "Soon."})


def preferences(desk: Desk) -> None:
    """Change a wish on which no figure depends."""
    wish = {"average_spend": f"{next(desk.numbers)}.00"}
    desk.send("PATCH", f"customers/{desk.customer.pk}/preferences", wish)


def archive(desk: Desk) -> None:
    """Archive a customer; another one each time."""
    path = f"customers/{desk.leaving.pop().pk}/archive"
    desk.send("POST", path, {"reason": "moved away"})


def remove(desk: Desk) -> None:
    """Archive a customer by DELETE; another one each time."""
    desk.send("DELETE", f"customers/{desk.leaving.pop().pk}", {})


# Each write, with the most statements that it takes.
CEILINGS = {
    location: 10,
    email: 23,
    create: 15,
    create_once: 20,
    create_whole: 30,
    contact: 16,
    refund: 20,
    booking: 11,
    booking_status: 18,
    # Two of them for the payment and its event.
    new_booking: 20,
    note: 10,
    ticket: 15,
    message: 10,
    # Four of them for what holds from now on.
    preferences: 16,
    archive: 16,
    remove: 16,
}


def asked_by(desk: Desk, write: Callable[[Desk], None]) -> list[str]:
    """Return the statements of a request that count."""
    with CaptureQueriesContext(connection) as queries:
        write(desk)
    sent = [query["sql"] for query in queries.captured_queries]
    return [sql for sql in sent if not _UNCOUNTED.match(sql)]


@pytest.mark.parametrize("write", CEILINGS, ids=lambda write: write.__name__)
@pytest.mark.django_db(transaction=True)
def test_a_write_takes_few_statements_at_any_size(write):
    desk = Desk()
    # Warm caches: content types and the like.
    asked_by(desk, write)

    before = asked_by(desk, write)
    desk.grow()
    after = asked_by(desk, write)

    assert len(before) <= CEILINGS[write], "\n".join(before)
    assert len(after) == len(before), "\n".join(after)


@pytest.mark.django_db(transaction=True)
def test_a_change_selects_the_customer_to_find_it_and_to_lock_it():
    desk = Desk()

    sent = asked_by(desk, location)

    selects = [sql for sql in sent if _OF_CUSTOMERS.match(sql)]
    assert len(selects) == 2, "\n".join(selects)
    assert Customer.objects.get(pk=desk.customer.pk).location.startswith("Town")


@pytest.mark.parametrize("write", [location, email, booking, archive, remove])
@pytest.mark.django_db(transaction=True)
def test_a_change_takes_no_savepoint(write):
    desk = Desk()
    write(desk)

    with CaptureQueriesContext(connection) as queries:
        write(desk)

    sent = [query["sql"] for query in queries.captured_queries]
    assert [sql for sql in sent if sql.startswith("SAVEPOINT")] == []


@pytest.mark.django_db(transaction=True)
def test_seven_files_lead_from_the_url_to_the_update():
    """Whoever follows a change reads the URLs and what is on the stack below the view.

    What wraps every request and every statement is read once, and not for a change.
    """
    desk = Desk()
    # Where it is said which view and which service.
    files = {"customers/api/v1_urls.py", "customers/api/tables/customers.py"}

    def follow(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith('UPDATE "customers_customer"'):
            stack = traceback.extract_stack()
            [start] = [n for n, at in enumerate(stack) if at.name == "partial_update"]
            called = [Path(at.filename) for at in stack[start - 1 :]]
            files.update(
                str(path.relative_to(ROOT))
                for path in called
                if path.is_relative_to(ROOT)
                and _OURS.match(str(path.relative_to(ROOT)))
            )
        return execute(sql, *args)

    with connection.execute_wrapper(follow):
        location(desk)

    assert sorted(files) == [
        "audit/history/models.py",
        "audit/history/writing.py",
        "audit/rest/write_viewsets.py",
        "customers/api/tables/customers.py",
        "customers/api/v1_urls.py",
        "customers/services/customers.py",
        "customers/services/writing.py",
    ]
