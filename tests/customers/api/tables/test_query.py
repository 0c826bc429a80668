"""Customers found by what one knows of them, without a word of it in an address."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import (
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
    UserFactory,
)

QUERY = "/api/v1/customers/query"
EMAIL = "Thea.Holt@bücher.example"


@pytest.fixture
def thea(bakery):
    return CustomerFactory(
        business=bakery,
        name="Thea Hølt",
        email=EMAIL,
        phone="+47 22 12 34 56",
        external_id="no-17",
    )


@pytest.fixture
def others(bakery):
    return CustomerFactory.create_batch(3, business=bakery)


@pytest.fixture
def support(bakery):
    return signed_in(staff(bakery, "support"))


@pytest.fixture
def admin(bakery):
    return signed_in(staff(bakery, "admin"))


@pytest.fixture
def marketing(bakery):
    """Sees contact data masked."""
    return signed_in(staff(bakery, "marketing"))


def found(client, body, query="", **headers) -> list[str]:
    answer = send(client, "POST", f"{QUERY}{query}", body, **headers)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


@pytest.mark.parametrize(
    "body",
    [
        {"email": "thea.holt@XN--BCHER-KVA.example"},
        {"phone": "004722123456"},
        {"phone": "+47 (0) 22 12 34 56"},
        {"name": "thea holt"},
        {"external_id": "no-17"},
        {"name__contains": "HOL", "status__in": ["active", "blocked"]},
        {
            "email": EMAIL,
            "is_archived": False,
            "joined_at__gte": "2020-01-01T00:00:00Z",
        },
    ],
)
def test_who_is_named_whole_is_found_by_everybody(
    support, marketing, thea, others, body
):
    assert found(support, body) == [str(thea.pk)]
    assert found(marketing, body) == [str(thea.pk)]


def test_parts_are_for_who_sees_them_in_clear(admin, marketing, thea, others):
    for body in ({"email__contains": "HOLT@"}, {"phone__contains": "1234"}):
        assert found(admin, body) == [str(thea.pk)]
        refused = send(marketing, "POST", QUERY, body)
        nobody = send(marketing, "POST", QUERY, dict.fromkeys(body, "zzzz9"))

        assert refused.status_code == nobody.status_code == 403
        assert refused.json()["code"] == "unmasked_required"
        assert refused.json()["errors"] == nobody.json()["errors"]
        assert "HOLT" not in refused.content.decode().upper()


def test_a_role_that_sees_one_business_in_clear_names_it(bakery, rival, thea):
    user = staff(bakery, "admin")
    MembershipFactory(user=user, business=rival, role="marketing")
    client = signed_in(user)
    body = {"email__contains": "holt"}

    assert send(client, "POST", QUERY, body).status_code == 403
    assert found(client, body, **{"X-Business": "bakery"}) == [str(thea.pk)]
    rivals = send(client, "POST", QUERY, body, **{"X-Business": "rival"})
    assert rivals.status_code == 403


def test_a_name_that_is_an_address_is_no_way_round(marketing, bakery):
    ana = "ana.b@example.org"
    CustomerFactory(business=bakery, name=ana, email=ana)

    assert found(marketing, {"name__contains": "ana."}) == []
    assert len(found(marketing, {"name": ana})) == 1


def test_the_body_takes_each_filter_of_the_list_and_answers_the_same(
    support, thea, others
):
    for query, body in (
        ("status=active", {"status": "active"}),
        ("customer_type__isnull=true", {"customer_type__isnull": True}),
        ("search=thea", {"search": "thea"}),
        ("stats__total_spent__lte=10.5", {"stats__total_spent__lte": 10.5}),
        ("is_opted_in=false", {"is_opted_in": False}),
        ("unique_id=" + thea.unique_id, {"unique_id": thea.unique_id}),
    ):
        listed = support.get(f"/api/v1/customers?{query}&page_size=2").json()
        queried = send(support, "POST", f"{QUERY}?page_size=2", body).json()
        for link in ("next", "previous"):
            listed.pop(link), queried.pop(link)
        assert queried == listed, query


def test_pages_are_walked_with_the_same_body_and_no_word_of_it_in_a_link(
    support, bakery, others
):
    body = {"status": "active"}
    seen, path = [], f"{QUERY}?page_size=2&ordering=-created_at"
    while path:
        answer = send(support, "POST", path, body)
        seen += [row["id"] for row in answer.json()["results"]]
        path = answer.json()["next"]
        assert not path or ("page=" in path and "active" not in path)

    assert len(seen) == len(set(seen)) == 3


def test_fields_and_expansions_are_those_of_the_list(support, thea):
    query = "?fields=id,stats&expand=stats"
    answer = send(support, "POST", f"{QUERY}{query}", {"email": EMAIL})

    [row] = answer.json()["results"]
    assert row.keys() == {"id", "stats"}
    assert answer["Content-Type"] == "application/vnd.holdfast.partial+json"


def test_mistakes_are_named_all_at_once(support):
    answer = send(
        support,
        "POST",
        QUERY,
        {"email": "nobody", "statsu": "active", "joined_at__gte": "yesterday"},
    )

    assert answer.status_code == 400
    codes = {each["pointer"]: each["code"] for each in answer.json()["errors"]}
    assert codes.keys() == {"/email", "/statsu", "/joined_at__gte"}
    assert codes["/statsu"] == "unknown_field"
    assert "nobody" not in answer.content.decode()


def test_another_business_finds_nobody_and_without_the_right_it_is_closed(rival, thea):
    assert found(signed_in(staff(rival, "support")), {"email": EMAIL}) == []

    nobody = signed_in(UserFactory())
    assert send(nobody, "POST", QUERY, {"email": EMAIL}).status_code == 403


def test_who_was_listed_is_noted_with_what_was_asked(support, thea, others):
    found(support, {"email": EMAIL})

    event = Event.objects.latest("occurred_at")
    assert event.action == "customer.searched"
    assert event.subjects == [str(thea.pk)]


def test_statements_do_not_grow(support, bakery, thea):
    found(support, {"name__contains": "c"})
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            found(support, {"name__contains": "c"}, "?expand=stats,business")
        counts.append(len(queries))
        ContactFactory.create_batch(5, customer=thea)
        CustomerFactory.create_batch(20, business=bakery)

    assert counts[0] == counts[1]


def test_of_no_values_nobody_is_listed_by_mistake(support, thea, others):
    answer = send(support, "POST", QUERY, {"status__in": []})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/status__in"


def test_a_number_is_as_fine_as_in_an_address(support, thea):
    body = {"stats__total_spent__lte": 10.12345}

    assert found(support, body) == [str(thea.pk)]
