"""Customers who were archived are read; who was erased stays erased."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from customers.models import Address, Customer
from customers.services import archive_customers, restore_customers
from tests.customers.api.sending import send
from tests.customers.api.tables.test_customer_related import NEW
from tests.factories import (
    AddressFactory,
    BookingFactory,
    CustomerFactory,
    TicketFactory,
    TicketMessageFactory,
)

API = "/api/v1"


@pytest.fixture(params=["erased", "archived"])
def gone(request, bakery, actor):
    """A customer whom nobody changes, and the code that says so."""
    row = CustomerFactory(business=bakery)
    AddressFactory(customer=row)
    BookingFactory(customer=row)
    TicketMessageFactory(
        ticket=TicketFactory(customer=row), author=None, author_kind="customer"
    )
    row.archived_at = timezone.now()
    if request.param == "erased":
        row.erased_at = row.archived_at
    row.as_actor(actor).save()
    return row, request.param


@pytest.mark.parametrize("name", NEW)
def test_nothing_is_written_below(alice, gone, name):
    row, code = gone
    flat = NEW[name] | {"customer_id": str(row.pk)}

    below = send(alice, "POST", f"{API}/customers/{row.pk}/{name}", NEW[name])
    other = send(alice, "POST", f"{API}/{name}", flat)

    assert (below.status_code, below.json()["code"]) == (409, code)
    assert (other.status_code, other.json()["code"]) == (409, code)


def test_what_belongs_to_it_is_not_changed(alice, gone):
    row, code = gone
    place = f"{API}/addresses/{Address.objects.get().pk}"
    ticket = f"{API}/tickets/{row.tickets.get().pk}"

    answers = [
        send(alice, "PATCH", place, {"city": "Bern"}),
        send(alice, "POST", f"{place}/archive", {}),
        send(alice, "DELETE", place),
        send(alice, "PATCH", ticket, {"priority": "high"}),
        send(alice, "POST", f"{ticket}/messages", {"body": "x"}),
        send(
            alice,
            "PATCH",
            f"{API}/customers/{row.pk}/preferences",
            {"do_not_contact": True},
        ),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, code)] * 6
    assert alice.get(place).status_code == 200


def test_an_archived_row_is_not_changed_before_it_is_back(alice, bakery):
    row = AddressFactory(customer=CustomerFactory(business=bakery), city="Zug")
    path = f"{API}/addresses/{row.pk}"
    send(alice, "DELETE", path)

    refused = send(alice, "PATCH", path, {"city": "Bern"})
    send(alice, "POST", f"{path}/restore", {})
    done = send(alice, "PATCH", path, {"city": "Bern"})

    assert (refused.status_code, refused.json()["code"]) == (409, "archived")
    assert (done.status_code, done.json()["city"]) == (200, "Bern")


def test_a_bulk_names_who_is_gone_and_changes_the_others(alice, bakery, gone):
    row, code = gone
    made = send(
        alice,
        "PATCH",
        f"{API}/customers/bulk",
        {
            "items": [
                {"id": str(row.pk), "name": "Back"},
                {"id": str(CustomerFactory(business=bakery).pk), "name": "New"},
            ]
        },
    ).json()

    assert [item["status"] for item in made["results"]] == [409, 200]
    assert made["results"][0]["code"] == code
    assert not Customer.objects.filter(name="Back").exists()


def test_only_who_is_archived_comes_back(alice, gone):
    row, code = gone
    path = f"{API}/customers/{row.pk}"

    changed = send(alice, "PATCH", path, {"email": "back@example.org"})
    restored = send(alice, "POST", f"{path}/restore", {})

    assert (changed.status_code, changed.json()["code"]) == (409, code)
    if code == "erased":
        assert (restored.status_code, restored.json()["code"]) == (409, code)
    else:
        assert restored.status_code == 200


def test_bringing_back_compares_the_version(bakery, actor):
    row = CustomerFactory(business=bakery)
    archive_customers([row.pk], actor=actor, reason="x")
    row.refresh_from_db()

    with pytest.raises(ValidationError) as caught:
        restore_customers([row.pk], actor=actor, reason="x", expected_rev=row.rev + 1)

    assert caught.value.code == "stale_version"
    restore_customers([row.pk], actor=actor, reason="x", expected_rev=row.rev)
