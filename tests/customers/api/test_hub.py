"""Document 003: `/api/admin/customers`, replayed as its client sends it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Event
from audit.tenancy.actors import Actor
from customers.models import Customer, Membership
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import (
    AddressFactory,
    BookingFactory,
    BusinessFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
    TicketFactory,
    TicketMessageFactory,
)

BASE = "/api/admin/customers"
PLACE = {
    "kind": "home",
    "line1": "Seeweg 4",
    "city": "Zug",
    "postalCode": "6300",
    "country": "CH",
    "isPrimary": True,
}
SENT = {
    "name": "Lea Moor",
    "email": "lea@example.org",
    "phone": "+41 44 000 00 00",
    "customerType": "regular",
    "addresses": [PLACE],
}
STATS = {
    "totalOrders", "completedOrders", "cancelledOrders", "totalLtv", "openTickets",
    "urgentTickets", "addressesCount", "contactsCount",
}  # fmt: skip


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(
        business=bakery, name="Jonas Berg", email="jonas@example.net"
    )


def at(row: Customer) -> str:
    return f"{BASE}/{row.pk}"


def test_the_list_has_figures_pages_and_sums(alice, bakery, jonas):
    paid = {"status": "completed", "paid_amount": 310, "total_amount": 310}
    BookingFactory(customer=jonas, **paid)

    query = "search=berg&status=active&sortBy=totalLtv&sortOrder=desc&page=1&limit=20"
    body = alice.get(f"{BASE}?{query}").json()

    assert set(body) == {"customers", "pagination", "summary"}
    [row] = body["customers"]
    assert set(row["stats"]) == STATS
    assert {"id", "name", "email", "createdAt", "emailVerified", "status"} <= set(row)
    assert row["email"] == "j…@e….net"
    assert row["stats"]["totalLtv"] == 310
    assert body["pagination"] == {
        "page": 1, "limit": 20, "total": 1, "totalPages": 1, "totalIsCapped": False,
    }  # fmt: skip
    assert body["summary"] == {
        "totalCustomers": 1, "totalLtv": 310, "totalOrders": 1,
        "totalCancellations": 0, "currency": bakery.currency,
    }  # fmt: skip


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    "column",
    [
        "name",
        "email",
        "createdAt",
        "totalOrders",
        "totalLtv",
        "lastActive",
        "total_ltv",
    ],
)
def test_every_column_sorts(alice, bakery, column, order):
    CustomerFactory.create_batch(3, business=bakery)

    answer = alice.get(f"{BASE}?sortBy={column}&sortOrder={order}")

    assert len(answer.json()["customers"]) == 3


@pytest.mark.parametrize("query", ["sortBy=phone", "limit=101", "color=red"])
def test_a_wrong_parameter_is_400(alice, bakery, query):
    assert alice.get(f"{BASE}?{query}").status_code == 400


def test_new_and_archived_are_states_of_the_list(alice, bakery):
    jonas = CustomerFactory(business=bakery, joined_at=timezone.now())
    old = CustomerFactory(business=bakery, joined_at="2020-01-01T00:00:00Z")
    gone = CustomerFactory(business=bakery)
    send(alice, "DELETE", at(gone))

    def ids(status: str) -> set[str]:
        found = alice.get(f"{BASE}?status={status}").json()["customers"]
        return {row["id"] for row in found}

    assert ids("new") == {str(jonas.pk)}
    assert ids("archived") == {str(gone.pk)}
    assert ids("active") == {str(jonas.pk), str(old.pk)}


def test_a_customer_is_created_with_addresses_and_twins_are_named(alice, bakery):
    twin = CustomerFactory(business=bakery, phone=SENT["phone"])

    answer = send(alice, "POST", BASE, SENT)

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["possibleDuplicates"] == [{"id": str(twin.pk), "reason": "same_phone"}]
    [place] = body["addresses"]
    assert {k: place[k] for k in PLACE} == PLACE
    assert answer["Location"] == f"{BASE}/{body['id']}"
    assert alice.get(answer["Location"]).json()["id"] == body["id"]


def test_a_taken_address_is_named(alice, jonas):
    answer = send(alice, "POST", BASE, {"name": "x", "email": "Jonas@Example.net"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "unique"
    assert answer.json()["errors"][0]["pointer"] == "/email"


def test_the_detail_has_the_four_lists(alice, bakery, jonas):
    BookingFactory(customer=jonas)
    AddressFactory(customer=jonas)
    ContactFactory(customer=jonas, kind="emergency", relation="sister")
    ticket = TicketFactory(customer=jonas)
    TicketMessageFactory(ticket=ticket, body="We are on it.")
    TicketMessageFactory(ticket=ticket, body="Angry man.", is_internal=True)

    body = alice.get(at(jonas)).json()

    assert len(body["bookings"]) == len(body["addresses"]) == len(body["contacts"]) == 1
    assert body["contacts"][0]["relation"] == "sister"
    [shown] = body["supportTickets"]
    assert [message["body"] for message in shown["responses"]] == ["We are on it."]
    assert body["email"] == "jonas@example.net"
    assert body["more"] == {}


def test_a_long_list_says_that_there_is_more(alice, jonas):
    BookingFactory.create_batch(51, customer=jonas)

    body = alice.get(at(jonas)).json()

    assert len(body["bookings"]) == 50
    assert body["more"] == {"bookings": True}


def test_changes_know_lost_races(alice, jonas):
    first = send(alice, "PATCH", at(jonas), {"name": "J"}, **{"If-Match": '"r1"'})
    late = send(alice, "PUT", at(jonas), first.json(), **{"If-Match": '"r1"'})
    back = send(alice, "PUT", at(jonas), first.json(), **{"If-Match": first["ETag"]})

    assert (first.status_code, first["ETag"]) == (200, '"r2"')
    assert (late.status_code, late.json()["code"]) == (412, "stale_version")
    assert back.status_code == 200, back.content


def test_deleting_archives_and_again_is_404(alice, jonas):
    assert send(alice, "DELETE", at(jonas), {"reason": "asked"}).status_code == 204
    assert send(alice, "DELETE", at(jonas)).status_code == 404
    assert Customer.objects.get().archive_reason == "asked"


# --- which business ------------------------------------------------------------------


def test_the_business_is_named_or_the_default_or_the_only_one(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="admin")
    browser = signed_in(user)
    here, there = CustomerFactory(business=bakery), CustomerFactory(business=rival)

    def ids(**headers: str) -> Any:
        answer = browser.get(BASE, headers=headers)
        if answer.status_code != 200:
            return answer.json()["code"]
        return [row["id"] for row in answer.json()["customers"]]

    assert ids() == "business_needed"
    assert ids(**{"X-Business": "rival"}) == [str(there.pk)]
    assert ids(**{"X-Business": str(bakery.pk)}) == [str(here.pk)]
    assert ids(**{"X-Business": BusinessFactory().slug}) == "not_found"
    rows = Membership.objects.as_actor(Actor.system("test"))
    rows.filter(user=user, business=rival).update(is_default=True)
    assert ids() == [str(there.pk)]


# --- who may ----------------------------------------------------------------


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
def test_contact_data_is_masked_by_role(bakery, jonas, role):
    AddressFactory(customer=jonas, line1="Bakkegata 17")
    browser = signed_in(staff(bakery, role))

    for path in (BASE, at(jonas)):
        text = browser.get(path).text
        assert "jonas@example.net" not in text
        assert "Bakkegata" not in text


def test_strangers_and_rivals(client, charlie, jonas):
    assert client.get(BASE).status_code == 401
    assert charlie.get(at(jonas)).status_code == 404
    assert Event.objects.get(action="access.denied").code == "not_found"


@pytest.mark.parametrize("path", ["", "/{}"])
def test_each_answer_is_an_access_event(alice, jonas, path):
    alice.get(BASE + path.format(jonas.pk))

    event = Event.objects.latest("occurred_at")
    assert event.subjects == [str(jonas.pk)]


@pytest.mark.parametrize("path", ["", "/{}"])
def test_queries_do_not_grow(alice, bakery, jonas, assert_flat, path):
    TicketMessageFactory(ticket=TicketFactory(customer=jonas))

    def grow() -> None:
        for row in (*CustomerFactory.create_batch(5, business=bakery), jonas):
            BookingFactory.create_batch(3, customer=row)
            TicketMessageFactory(ticket=TicketFactory(customer=row))

    assert_flat(call=partial(alice.get, BASE + path.format(jonas.pk)), grow=grow)


def test_of_a_long_ticket_the_newest_messages_are_shown(alice, bakery, jonas):
    ticket = TicketFactory(customer=jonas, business=bakery)
    start = timezone.now()
    for number in range(52):
        TicketMessageFactory(
            ticket=ticket,
            business=bakery,
            body=f"no. {number}",
            sent_at=start + timedelta(minutes=number),
        )

    shown = alice.get(f"{BASE}/{jonas.pk}").json()

    [told] = shown["supportTickets"]
    said = [message["body"] for message in told["responses"]]
    assert said == [f"no. {number}" for number in range(2, 52)]
    assert shown["more"] == {"responses": True}


def test_whom_a_new_customer_may_be_is_an_access(alice, bakery):
    twin = CustomerFactory(business=bakery, phone=SENT["phone"])

    made = send(alice, "POST", BASE, {**SENT, "phone": twin.phone})

    assert made.json()["possibleDuplicates"] == [
        {"id": str(twin.pk), "reason": "same_phone"}
    ]
    [shown] = Event.objects.filter(action__in=["customer.listed", "customer.viewed"])
    assert set(shown.subjects) == {str(twin.pk), made.json()["id"]}


def test_a_customer_without_duplicates_is_no_access_to_others(alice, bakery):
    other = CustomerFactory(business=bakery)

    send(alice, "POST", BASE, SENT)

    shown = Event.objects.filter(action__in=["customer.listed", "customer.viewed"])
    assert str(other.pk) not in str([event.subjects for event in shown])
