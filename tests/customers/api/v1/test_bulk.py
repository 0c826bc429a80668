"""Many customers in one request: each stands or falls by itself."""

from __future__ import annotations

import pytest

from customers.models import Customer
from tests.conftest import signed_in, staff
from tests.customers.api.test_hub import send
from tests.factories import CustomerFactory, MembershipFactory

BULK = "/api/v1/customers/bulk"


def test_one_bad_item_does_not_stop_its_neighbours(alice, bakery):
    CustomerFactory(business=bakery, email="taken@example.org")
    items = [
        {"name": "Ada"},
        {"name": "Bo", "email": "taken@example.org"},
        "no object",
        {"nmae": "Cy"},
        {"name": "Dag", "prefer_call": True},
    ]

    answer = send(alice, "POST", BULK, {"items": items})

    body = answer.json()
    assert (answer.status_code, body["succeeded"], body["failed"]) == (200, 2, 3)
    results = body["results"]
    assert [r["index"] for r in results] == [0, 1, 2, 3, 4]
    assert [r["status"] for r in results] == [201, 400, 400, 400, 201]
    assert (results[0]["rev"], set(results[0])) == (1, {"index", "status", "id", "rev"})
    assert results[1]["errors"][0]["code"] == "unique"
    assert results[3]["errors"][0]["pointer"] == "/nmae"
    made = {row.name for row in Customer.objects.filter(business=bakery)}
    assert made >= {"Ada", "Dag"}
    assert not made & {"Bo", "Cy"}
    assert Customer.objects.get(name="Dag").preferences.prefer_call is True


def test_changes_know_versions_and_foreign_rows(alice, bakery, rival):
    first, second = CustomerFactory.create_batch(2, business=bakery)
    foreign = CustomerFactory(business=rival)
    items = [
        {"id": str(second.pk), "rev": 1, "source": "fair"},
        {"id": str(first.pk), "rev": 7, "source": "fair"},
        {"id": str(foreign.pk), "source": "fair"},
        {"source": "fair"},
        {"id": str(second.pk), "status": "blocked"},
    ]

    body = send(alice, "PATCH", BULK, {"items": items}).json()

    assert [r["status"] for r in body["results"]] == [200, 412, 404, 400, 200]
    assert body["results"][1]["code"] == "stale_version"
    assert (body["results"][0]["rev"], body["results"][4]["rev"]) == (2, 3)
    assert (body["succeeded"], body["failed"]) == (2, 3)
    for row in (first, second, foreign):
        row.refresh_from_db()
    assert (second.source, second.status) == ("fair", "blocked")
    assert (first.source, foreign.source) == ("website", "website")
    assert second.history.count() == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"items": []}, "min_length"),
        ({"items": [{"name": "x"}] * 101}, "max_length"),
        ({"items": {"name": "x"}}, "not_a_list"),
        ({"items": [], "more": 1}, "unknown_field"),
    ],
)
def test_a_wrong_batch_is_refused_whole(alice, body, code):
    for method in ("POST", "PATCH"):
        answer = send(alice, method, BULK, body)
        assert answer.status_code == 400
        assert code in {error["code"] for error in answer.json()["errors"]}


def test_it_needs_a_right_of_its_own(bakery, rival):
    row = CustomerFactory(business=bakery)
    item = {"id": str(row.pk), "source": "fair"}
    support = signed_in(staff(bakery, "support"))
    assert send(support, "POST", BULK, {"items": [{"name": "x"}]}).status_code == 403
    assert send(support, "PATCH", BULK, {"items": [item]}).status_code == 403

    user = staff(rival)
    MembershipFactory(user=user, business=bakery, role="support")
    answer = send(signed_in(user), "PATCH", BULK, {"items": [item]})

    assert answer.json()["results"][0]["status"] == 403
    assert Customer.objects.get(pk=row.pk).source == "website"


def test_the_whole_batch_is_done_once_with_its_key(alice, bakery):
    key = {"Idempotency-Key": "k-1"}
    for _ in range(2):
        send(alice, "POST", BULK, {"items": [{"name": "Ada"}]}, **key)

    assert Customer.objects.count() == 1
