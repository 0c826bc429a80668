"""The canonical API's trail and accounts: to be read, by cursors."""

from __future__ import annotations

import pytest

from audit.models import Event, Operation
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import CustomerFactory

API = "/api/v1"


@pytest.fixture
def changed(alice, bakery):
    """A customer whom Alice has changed with a reason that her own page gave."""
    row = CustomerFactory(business=bakery, name="Jonas Berg")
    path = f"{API}/customers/{row.pk}"
    assert send(alice, "PATCH", path, {"source": "fair"}).status_code == 200
    return row


def test_who_changed_what_is_found_by_the_person(bob, alice, changed):
    query = f"{API}/events?subject={changed.pk}&action=customer.changed"

    [event] = bob.get(query).json()["results"]
    operation = bob.get(f"{API}/operations/{event['operation_id']}").json()

    assert event["actor_id"] == str(alice.user.pk)
    assert (event["object_label"], event["object_id"]) == (
        "customers.customer",
        str(changed.pk),
    )
    assert (operation["method"], operation["via"]) == ("PATCH", "api")
    # An auditor sees masked from where it came; an admin sees it.
    assert operation["ip"] == "127.…"
    path = f"{API}/operations/{event['operation_id']}"
    assert alice.get(path).json()["ip"] == "127.0.0.1"


@pytest.mark.parametrize("name", ["events", "operations"])
@pytest.mark.parametrize("query", ["page=2", "ordering=action"])
def test_a_list_without_an_end_has_cursors_alone(bob, name, query):
    answer = bob.get(f"{API}/{name}?{query}")

    assert answer.json()["errors"][0]["code"] == "unknown_parameter"
    assert set(bob.get(f"{API}/{name}").json()) == {"next", "previous", "results"}


def test_what_somebody_searched_for_is_masked(bob, alice, bakery, charlie):
    alice.get(f"{API}/customers?search=mia@example.org")

    [event] = bob.get(f"{API}/events?action=customer.searched").json()["results"]

    assert event["query"] == "m…@e….org"
    assert charlie.get(f"{API}/events?action=customer.searched").json()["results"] == []


@pytest.mark.parametrize("role", ["support", "marketing"])
@pytest.mark.parametrize("name", ["events", "operations", "users"])
def test_others_read_no_trail(bakery, role, name):
    assert signed_in(staff(bakery, role)).get(f"{API}/{name}").status_code == 403


def test_reading_the_trail_is_in_the_trail(bob, changed):
    bob.get(f"{API}/events?subject={changed.pk}")

    assert Event.objects.latest("occurred_at").action == "log.listed"
    assert Operation.objects.count() >= 2


def test_accounts_are_those_of_colleagues(alice, bob, charlie):
    rows = bob.get(f"{API}/users").json()["results"]

    assert [row["username"] for row in rows] == ["alice", "bob"]
    assert rows[0]["email"].count("…") == 2
    assert not {"password", "security_stamp", "email_key"} & set(rows[0])
    foreign = bob.get(f"{API}/users/{charlie.user.pk}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
