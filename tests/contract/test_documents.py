"""The literal requests of the five documents: paths, methods, statuses, exact keys.

Each is sent as its document writes it, once with and once without a slash at the end.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from audit.models import User
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking, Business, Customer
from tests.conftest import confirm, signed_in, staff
from tests.contract.documents import SAID, Said
from tests.contract.shapes import differences
from tests.factories import (
    AddressFactory,
    ApiKeyFactory,
    BookingFactory,
    BusinessFactory,
    ContactFactory,
    SourceFactory,
    TicketFactory,
    TicketMessageFactory,
)


@pytest.fixture(scope="module")
def nord(module_rows: None) -> Business:
    return BusinessFactory(slug="bakery-nord", currency="EUR", refund_limit=Decimal(50))


@pytest.fixture(scope="module")
def person(nord: Business) -> Customer:
    """A customer with something of each kind, as the documents show him."""
    actor = Actor.system("test")
    row = services.create_customer(
        nord,
        actor=actor,
        name="Jonas Berg",
        email="jonas@example.net",
        customer_type="vip",
    )
    for _ in range(2):
        BookingFactory(
            customer=row, status="completed", paid_amount=100, total_amount=100
        )
    AddressFactory(customer=row, kind="home", city="Oslo")
    ContactFactory(customer=row, kind="emergency", name="Kari", relation="sister")
    ticket = TicketFactory(customer=row, subject="Where is it?")
    TicketMessageFactory(ticket=ticket, author_kind="staff", body="On its way.")
    services.add_flag(row, "vip_guest", actor=actor, reason="says the boss")
    return row


@pytest.fixture(scope="module")
def key(nord: Business) -> str:
    source = SourceFactory(business=nord)
    return ApiKeyFactory(source=source, kind="secret", scopes=["write"]).prefix


@pytest.fixture(scope="module")
def kari(nord: Business) -> User:
    return staff(nord, username="kari")


@pytest.fixture
def jonas(person: Customer, db: None) -> Customer:
    return Customer.objects.get(pk=person.pk)


@pytest.fixture
def callers(key: str, kari: User, db: None) -> dict[str, Client]:
    site = Client(headers={"Authorization": f"Bearer {key}"})
    user = User.objects.get(pk=kari.pk)
    return {"staff": signed_in(user), "key": site, "nobody": Client()}


def send(caller: Client, said: Said, path: str, body: str) -> Any:
    """Send a request; one without a body sends none."""
    sent = [] if said.body is None else [body]
    return caller.generic(said.method, path, *sent, content_type="application/json")


@pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
@pytest.mark.parametrize(
    "said", SAID, ids=lambda s: f"{s.document} {s.method} {s.path}"
)
def test_each_request_is_answered_as_its_document_says(
    said: Said, slash: str, jonas: Customer, callers: dict[str, Client]
):
    caller = callers[said.by]
    services.add_note(
        jonas,
        "Is deaf in one ear.",
        actor=Actor.from_user(callers["staff"].user, Actor.system("t").operation),
        note_type="issue",
    )
    path, _, query = said.path.partition("?")
    path = path.format(customer=jonas.pk).rstrip("/") + slash
    booking = Booking.objects.filter(customer=jonas).first()
    body = json.dumps(said.body).replace("{booking}", str(booking.pk))

    path += f"?{query}" if query else ""

    response = send(caller, said, path, body)
    if said.asks_first:
        asked = response.json()
        assert (response.status_code, asked["code"]) == (401, "step_up_required")
        confirm(caller, asked["scope"], asked["digest"])
        response = send(caller, said, path, body)

    content = response.getvalue().decode()
    assert response.status_code == said.status, content
    if said.shape == "csv":
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert "attachment" in response["Content-Disposition"]
        assert response["X-Export-Id"]
        assert content
    elif said.shape is not None:
        found = json.loads(content, parse_float=Decimal)
        assert differences(found, said.shape) == []


@pytest.mark.parametrize(
    ("document", "count"), [("000", 8), ("001", 5), ("002", 6), ("003", 7), ("004", 12)]
)
def test_the_documents_have_so_many_endpoints(document, count):
    found = {
        (said.method, said.path.partition("?")[0])
        for said in SAID
        if said.document == document and said.counts
    }

    assert len(found) == count
