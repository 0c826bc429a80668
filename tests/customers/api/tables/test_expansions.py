"""One screen of a customer is one call: what belongs to them stands beside them."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Address, Booking, Contact, Note, Ticket, TicketMessage
from tests.conftest import signed_in, staff
from tests.contract.copies import make_copies
from tests.factories import (
    AddressFactory,
    BookingFactory,
    ContactFactory,
    CustomerFactory,
    FlagFactory,
    NoteFactory,
    TicketFactory,
    TicketMessageFactory,
)

LISTS = ("addresses", "contacts", "notes", "flags", "consents", "bookings", "tickets")
ALL = ",".join(
    (
        "business",
        "preferences",
        "stats",
        *LISTS,
        "tickets.messages",
        "balance",
        "contactability",
        "metrics",
    )
)
V1 = "/api/v1/customers"


@pytest.fixture
def thea(bakery):
    customer = CustomerFactory(business=bakery, phone="+47 22 12 34 56")
    for _ in range(2):
        AddressFactory(customer=customer)
        NoteFactory(customer=customer)
        ContactFactory(customer=customer)
        TicketMessageFactory(ticket=TicketFactory(customer=customer))
    FlagFactory(customer=customer)
    BookingFactory.create_batch(12, customer=customer)
    return customer


@pytest.fixture
def admin(bakery):
    return signed_in(staff(bakery, "admin"))


def get(client, path: str, expand: str = ALL):
    answer = client.get(f"{path}?expand={expand}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_screen_is_one_call(admin, thea):
    body = get(admin, f"{V1}/{thea.pk}")

    for name in LISTS:
        path = f"{V1}/{thea.pk}/{name}?page_size=10&cursor="
        listed = admin.get(path).json()["results"]
        plain = [
            {k: v for k, v in row.items() if k != "messages"}
            for row in body[name]["results"]
        ]
        assert plain == listed, name
        assert body[name]["has_more"] is (name == "bookings"), name
    assert len(body["bookings"]["results"]) == 10
    for ticket in body["tickets"]["results"]:
        path = f"/api/v1/tickets/{ticket['id']}/messages?cursor="
        assert ticket["messages"]["results"] == admin.get(path).json()["results"]
    assert body["balance"] == admin.get(f"{V1}/{thea.pk}/credits/balance").json()
    metrics = admin.get(f"{V1}/{thea.pk}/metrics").json()
    assert {**body["metrics"], "as_of": metrics["as_of"]} == metrics
    assert {state["purpose"] for state in body["contactability"]["states"]}


def test_a_list_of_customers_shows_the_newest_of_each(admin, thea, bakery):
    other = CustomerFactory(business=bakery)
    BookingFactory.create_batch(3, customer=other)

    body = get(admin, V1, "bookings,tickets.messages,addresses")

    rows = {row["id"]: row for row in body["results"]}
    for customer, count in ((thea, 12), (other, 3)):
        newest = Booking.objects.filter(customer=customer)
        ids = [str(b.pk) for b in newest.order_by("-placed_at", "-pk")[:10]]
        shown = rows[str(customer.pk)]["bookings"]
        assert [row["id"] for row in shown["results"]] == ids
        assert shown["has_more"] is (count > 10)
    assert rows[str(other.pk)]["tickets"] == {"results": [], "has_more": False}
    assert admin.get(f"{V1}?expand=metrics").status_code == 400


def test_lists_are_masked_for_everybody_and_the_archived_is_hidden(admin, thea):
    contact = ContactFactory(customer=thea, email="jonas.berg@example.net")
    AddressFactory(customer=thea, archived_at=timezone.now())

    body = get(admin, f"{V1}/{thea.pk}", "contacts,addresses")

    text = str(body["contacts"])
    assert "jonas.berg@example.net" not in text
    assert str(contact.pk) in text
    assert body["phone"] == thea.phone
    assert len(body["addresses"]["results"]) == 2


def test_what_a_role_may_not_see_is_null(bakery, thea):
    marketing = signed_in(staff(bakery, "marketing"))
    body = get(marketing, f"{V1}/{thea.pk}")

    for name in LISTS:
        is_open = marketing.get(f"{V1}/{thea.pk}/{name}").status_code == 200
        assert (body[name] is not None) is is_open, name
    assert any(body[name] is None for name in LISTS)
    assert (body["balance"] is None) is (
        marketing.get(f"{V1}/{thea.pk}/credits/balance").status_code == 403
    )


def test_fields_may_name_an_expansion(admin, thea):
    answer = admin.get(f"{V1}/{thea.pk}?fields=id,tickets&expand=tickets.messages")

    assert answer.json().keys() == {"id", "tickets"}
    assert "messages" in answer.json()["tickets"]["results"][0]


def test_a_screen_takes_as_many_statements_for_ten_rows_as_for_a_thousand(
    admin, thea, owner
):
    get(admin, f"{V1}/{thea.pk}")
    counts = []
    for copies in (0, 300):
        if copies:
            for model in (Address, Booking, Contact, Note, Ticket, TicketMessage):
                make_copies(model, copies)
        with CaptureQueriesContext(connection) as queries:
            get(admin, f"{V1}/{thea.pk}")
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 20


def test_a_list_takes_as_many_statements_for_two_as_for_twenty(admin, bakery, thea):
    expand = ",".join((*LISTS, "tickets.messages"))
    get(admin, V1, expand)
    counts = []
    for more in (1, 20):
        for customer in CustomerFactory.create_batch(more, business=bakery):
            BookingFactory(customer=customer)
            ContactFactory(customer=customer)
            NoteFactory(customer=customer)
            FlagFactory(customer=customer)
            for _ in range(2):
                TicketMessageFactory(ticket=TicketFactory(customer=customer))
        with CaptureQueriesContext(connection) as queries:
            get(admin, V1, expand)
        counts.append(len(queries))

    assert counts[0] == counts[1]
