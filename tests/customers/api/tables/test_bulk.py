"""Many customers in one request: each stands or falls by itself."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from audit.models import IdempotentResponse
from customers.models import Customer
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
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


KEY = {"Idempotency-Key": "k-1"}


def test_a_repeated_batch_gets_the_first_answer(alice, bakery):
    items = [{"name": "Ada"}, {"nmae": "Bo"}, {"name": "Cy"}]
    first = send(alice, "POST", BULK, {"items": items}, **KEY)

    again = send(alice, "POST", BULK, {"items": items}, **KEY)

    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert Customer.objects.count() == 2


def test_another_batch_under_the_same_key_is_refused_whole(alice, bakery):
    send(alice, "POST", BULK, {"items": [{"name": "Ada"}]}, **KEY)

    answer = send(alice, "POST", BULK, {"items": [{"name": "Bo"}]}, **KEY)

    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"
    assert Customer.objects.get().name == "Ada"


def test_a_batch_that_ends_half_way_goes_on_with_its_key(alice, bakery):
    names = ["Ada", "Bo", "Cy", "Dag"]
    body = {"items": [{"name": name} for name in names]}

    def lose(execute, sql, params, many, context):
        if sql.startswith("INSERT") and "customers_customer" in sql and "Cy" in params:
            raise OperationalError
        return execute(sql, params, many, context)

    alice.raise_request_exception = False
    with connection.execute_wrapper(lose):
        answer = send(alice, "POST", BULK, body, **KEY)
    assert answer.status_code >= 500
    made = dict(Customer.objects.values_list("name", "pk"))
    assert set(made) == {"Ada", "Bo"}
    # Each answer is kept with its act, and sealed.
    assert IdempotentResponse.objects.count() == 2
    assert not IdempotentResponse.objects.filter(response__contains="index").exists()

    again = send(alice, "POST", BULK, body, **KEY)

    assert again.status_code == 200
    assert "Idempotent-Replayed" not in again
    results = again.json()["results"]
    assert [result["id"] for result in results[:2]] == [
        str(made["Ada"]),
        str(made["Bo"]),
    ]
    assert sorted(Customer.objects.values_list("name", flat=True)) == names


@pytest.mark.django_db(transaction=True)
def test_two_batches_of_one_key_at_once_make_each_customer_once(alice, at_once):
    items = [{"name": f"N{n}"} for n in range(5)]
    user = alice.user

    def post():
        browser = signed_in(user)
        return send(browser, "POST", BULK, {"items": items}, **KEY).json()

    first, second = at_once(post, times=2)

    assert first == second
    assert first["succeeded"] == 5
    [names] = at_once(
        lambda: sorted(Customer.objects.values_list("name", flat=True)), times=1
    )
    assert names == [f"N{n}" for n in range(5)]
