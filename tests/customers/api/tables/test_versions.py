"""Which version is written: compared under the lock, and none without a change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError

from customers.models import Customer, Ticket
from customers.services import archive_instance, restore_instance
from tests.customers.api.sending import send
from tests.factories import CustomerFactory, TicketFactory

API = "/api/v1"


@pytest.fixture
def ticket(bakery):
    return TicketFactory(customer=CustomerFactory(business=bakery))


def test_a_version_may_be_one_of_several_and_weak(alice, ticket):
    path = f"{API}/tickets/{ticket.pk}"

    def change(tags: str) -> Any:
        return send(alice, "PATCH", path, {"priority": "high"}, **{"If-Match": tags})

    for tags in ('"r8", "r9"', '"1"', "r1"):
        refused = change(tags)
        assert (refused.status_code, refused["ETag"]) == (412, '"r1"'), tags
    assert change('"r9",  "r1"').status_code == 200
    assert change('W/"r2"').status_code == 200


def test_a_change_without_a_difference_writes_nothing(alice, ticket):
    path = f"{API}/tickets/{ticket.pk}"
    seen = alice.get(path)

    same = send(alice, "PATCH", path, {"subject": ticket.subject})
    whole = send(alice, "PATCH", path, seen.json(), **{"If-Match": seen["ETag"]})

    assert [a.status_code for a in (same, whole)] == [200, 200]
    assert seen["ETag"] == same["ETag"] == whole["ETag"]
    assert Ticket.history.filter(id=ticket.pk).count() == 1


def test_a_customer_without_a_difference_stays_at_its_version(alice, bakery):
    row = CustomerFactory(business=bakery)
    path = f"{API}/customers/{row.pk}"
    seen = alice.get(path)

    same = send(alice, "PATCH", path, {"name": row.name})

    assert (same.status_code, same["ETag"]) == (200, seen["ETag"])
    assert Customer.history.filter(id=row.pk).count() == 1


@pytest.mark.parametrize("tag", ['"r1000000001"', "r1", '"r1', '"r٣"', '"x1"', "W/r1"])
def test_a_tag_that_names_no_version_is_412_and_says_how(alice, ticket, tag):
    path = f"{API}/tickets/{ticket.pk}"

    answer = alice.patch(
        path,
        {"priority": "high"},
        content_type="application/json",
        HTTP_IF_MATCH=tag,
    )

    assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")
    assert 'like "r1"' in answer.json()["message"]


@pytest.mark.parametrize("act", [archive_instance, restore_instance])
def test_hiding_and_bringing_back_compare_the_version(bakery, actor, act):
    row = CustomerFactory(business=bakery)
    if act is restore_instance:
        row = archive_instance(row, actor=actor, reason="x")

    with pytest.raises(ValidationError) as caught:
        act(row, actor=actor, reason="x", expected_rev=row.rev + 1)

    assert caught.value.code == "stale_version"
    act(row, actor=actor, reason="x", expected_rev=row.rev)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_bulk_takes_no_version_of_all(alice, bakery, method):
    row = CustomerFactory(business=bakery)
    item = {"name": "x"} | ({"id": str(row.pk)} if method == "PATCH" else {})
    body = {"items": [item]}

    answer = send(alice, method, f"{API}/customers/bulk", body, **{"If-Match": '"r1"'})

    assert answer.status_code == 400
    assert "rev with each item" in answer.json()["message"]
    assert Customer.objects.filter(name="x").count() == 0


def test_a_bulk_is_written_in_the_order_of_ids_however_they_are_spelt(alice, bakery):
    rows = [
        CustomerFactory(business=bakery, pk=UUID(int=number)) for number in (0xA, 0xB)
    ]
    items = [
        {"id": rows[1].pk.hex.upper(), "name": "B"},
        {"id": str(rows[0].pk), "name": "A"},
        {"id": "none", "name": "C"},
    ]

    answer = send(alice, "PATCH", f"{API}/customers/bulk", {"items": items})

    assert [r["status"] for r in answer.json()["results"]] == [200, 200, 404]
    newest = Customer.history.filter(rev=2).order_by("history_id")
    assert [row.name for row in newest] == ["A", "B"]
