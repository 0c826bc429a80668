"""What finds whom: names in any accent, phones in any form, through every entrance."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from customers import services
from customers.models import CustomerIndex
from tests.conftest import actor_of, search, signed_in, staff
from tests.factories import BusinessFactory, ContactFactory, CustomerFactory

ADMIN = "/admin/customers/customer/"
V1 = "/api/v1/customers"
# A stored name and phone, and what somebody types who means that person.
TABLE = Path(__file__).with_name("searches.tsv")
LINES = [
    (name, phone or None, text)
    for name, phone, text in (
        line.split("\t") for line in TABLE.read_text("utf-8").splitlines()[1:]
    )
]


@pytest.fixture
def clinic(db):
    return BusinessFactory(slug="clinic", country="DE")


def listed(browser, path: str, key: str, **query: str) -> list[str]:
    answer = browser.get(path, query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()[key]]


@pytest.mark.parametrize(("name", "phone", "text"), LINES)
def test_each_entrance_finds_the_person(clinic, name, phone, text):
    customer = CustomerFactory(business=clinic, name=name, phone=phone, email=None)
    CustomerFactory(business=clinic, name="Zoe Quill", phone="+1 212 555 0199")
    CustomerFactory(name=name, phone=phone)
    browser = signed_in(staff(clinic, "admin"))
    actor = actor_of(staff(clinic, "admin"))
    choice = {"app_label": "customers", "model_name": "booking"}

    pk = str(customer.pk)
    assert listed(browser, V1, "results", search=text) == [pk]
    assert listed(browser, f"{V1}/search", "results", q=text) == [pk]
    assert listed(browser, "/api/admin/customers", "customers", search=text) == [pk]
    assert listed(browser, "/api/customers/clinic", "customers", search=text) == [pk]
    assert listed(browser, "/api/customers/clinic/search", "customers", q=text) == [pk]
    assert services.search_customers(text, actor=actor) == [customer]
    page = search(browser, ADMIN, text)
    assert [row.pk for row in page.context["cl"].result_list] == [customer.pk]
    found = browser.post(
        "/admin/autocomplete/", {**choice, "field_name": "customer", "term": text}
    )
    assert [row["id"] for row in found.json()["results"]] == [pk]


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
@pytest.mark.parametrize(("name", "phone", "text"), LINES)
def test_whoever_sees_less_finds_the_same(clinic, role, name, phone, text):
    """Names, and whole numbers."""
    customer = CustomerFactory(business=clinic, name=name, phone=phone, email=None)
    actor = actor_of(staff(clinic, role))

    assert services.search_customers(text, actor=actor) == [customer]
    assert [*services.list_customers(actor=actor, search=text)] == [customer]


@pytest.mark.parametrize("text", ["Zoe\0", " Zoe ", "Z" * 60_000])
def test_no_text_breaks_the_boxes_of_a_form(clinic, text):
    CustomerFactory(business=clinic, name="Zoe Quill")
    field = {"app_label": "customers", "model_name": "booking"}
    body = {**field, "field_name": "customer", "term": text}

    answer = signed_in(staff(clinic, "admin")).post("/admin/autocomplete/", body)

    assert answer.status_code == 200
    assert len(answer.json()["results"]) == ("Zoe" in text)


# --- the order of names ---------------------------------------------------------------

ORDERED = ["Åsa", "b", "Çelik", "dvořák", "Émile", "Zoe", "Ελένη"]


@pytest.mark.parametrize("order", ["", "-"])
@pytest.mark.parametrize("role", ["admin", "support"])
def test_lists_are_sorted_by_the_folded_name_and_then_by_the_id(clinic, role, order):
    made = [CustomerFactory(business=clinic, name=name) for name in reversed(ORDERED)]
    made.append(CustomerFactory(business=clinic, name="ÅSA"))
    browser = signed_in(staff(clinic, role))
    by_name = sorted(made, key=lambda row: (row.index.name, row.pk))
    assert [row.name for row in by_name if row.name != "ÅSA"] == ORDERED
    v1 = [str(row.pk) for row in (by_name[::-1] if order else by_name)]
    # The documents' lists have the older one first both ways.
    by_id = sorted(made, key=lambda row: row.pk)
    documents = [
        str(row.pk)
        for row in sorted(by_id, key=lambda row: row.index.name, reverse=bool(order))
    ]
    is_down = {"sort_by": "name", "sort_order": "desc" if order else "asc"}

    assert listed(browser, V1, "results", ordering=f"{order}name") == v1
    assert listed(browser, "/api/customers/clinic", "customers", **is_down) == documents
    camel = {"sortBy": "name", "sortOrder": is_down["sort_order"]}
    assert listed(browser, "/api/admin/customers", "customers", **camel) == documents
    page = browser.get(ADMIN, {"o": f"{order}who"}).context["cl"]
    names = [row.index.name for row in page.result_list]
    assert names == [row.index.name for row in (by_name[::-1] if order else by_name)]


@pytest.mark.parametrize("order", ["", "-"])
@pytest.mark.parametrize("role", ["admin", "support"])
def test_an_address_as_name_comes_last_where_it_is_masked(clinic, role, order):
    rows = [
        CustomerFactory(business=clinic, name=name)
        for name in ("a", "m@b.example", "z")
    ]
    browser = signed_in(staff(clinic, role))
    places = [0, 1, 2] if role == "admin" else [0, 2, 1]
    if order:
        places = [2, 1, 0] if role == "admin" else [2, 0, 1]
    wanted = [str(rows[place].pk) for place in places]
    is_down = {"sort_by": "name", "sort_order": "desc" if order else "asc"}

    assert listed(browser, V1, "results", ordering=f"{order}name") == wanted
    assert listed(browser, "/api/customers/clinic", "customers", **is_down) == wanted


@pytest.mark.parametrize("order", ["", "-"])
@pytest.mark.parametrize("role", ["admin", "support"])
def test_a_list_by_name_reads_the_index(clinic, role, order):
    CustomerFactory.create_batch(2, business=clinic)
    actor = actor_of(staff(clinic, role))
    by_name = services.list_detailed_customers(
        actor=actor, business=clinic, sort_by="name", is_descending=bool(order)
    )
    if connection.vendor == "postgresql" and order:
        pytest.skip("Null comes first in the index downwards, and last in the list.")

    plan = plan_of(by_name[:20])

    name = "index_name" if role == "admin" else "index_listed_name"
    assert name in plan, plan
    assert not re.search(r"TEMP B-TREE FOR ORDER BY|(?<!Incremental )Sort  ", plan)


def test_a_whole_name_and_its_beginning_read_the_index(clinic):
    for n in range(60):
        CustomerFactory(business=clinic, name=f"Ada {n}")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    actor = actor_of(staff(clinic))
    indexes = CustomerIndex.objects.visible_to(actor)

    for found in (
        indexes.filter(name="ada 59"),
        indexes.beginning("ada 59", actor=actor),
    ):
        assert "index_name" in plan_of(found.order_by().values("pk"))


def plan_of(queryset: Any) -> str:
    sql, params = queryset.query.sql_with_params()
    explain = "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            explain = "EXPLAIN"
            # Small tables are read whole and sorted; ask what is done with big ones.
            for way in ("seqscan", "sort", "bitmapscan"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"{explain} {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


# --- what it costs, and what it tells -------------------------------------------------


@pytest.mark.parametrize("text", ["ada", "ada lund", "220011", "qqqq"])
@pytest.mark.parametrize("path", [f"{V1}?search=", f"{V1}/search?q="])
def test_a_search_takes_as_many_statements_at_any_size(clinic, assert_flat, path, text):
    def grow() -> None:
        for row in CustomerFactory.create_batch(20, business=clinic, name="Ada Lund"):
            ContactFactory(customer=row, kind="phone", phone="+47 22 00 11 22")

    browser = signed_in(staff(clinic))
    grow()

    assert_flat(call=partial(browser.get, f"{path}{text}"), grow=grow)


@pytest.mark.parametrize("role", ["marketing", "auditor"])
@pytest.mark.parametrize(
    "text",
    [
        "11335",
        "13355",
        "211335",
        "@secret",
        "ana@sec",
        "secret.example",
        "old@",
        "4455",
    ],
)
def test_whoever_may_not_reveal_learns_nothing_by_parts(clinic, role, text):
    """Of the customer, and of what contacts hold: as with nobody there."""
    ana = CustomerFactory(
        business=clinic, name="Bo", email="ana@secret.example", phone="+4722113355"
    )
    ContactFactory(customer=ana, kind="email", email="old@secret.example")
    ContactFactory(customer=ana, kind="phone", phone="+47 22 33 44 55")
    browser = signed_in(staff(clinic, role))

    assert listed(browser, V1, "results", search=text) == []
    assert listed(browser, f"{V1}/search", "results", q=text) == []
    assert listed(browser, "/api/admin/customers", "customers", search=text) == []
    assert not search(browser, ADMIN, text).context["cl"].result_list


def test_further_numbers_and_former_addresses_find_in_every_list(clinic):
    ana = CustomerFactory(business=clinic, name="Bo", email=None, phone=None)
    ContactFactory(customer=ana, kind="email", email="old@secret.example")
    ContactFactory(customer=ana, kind="phone", phone="+47 22 33 44 55")

    for role, texts in {
        "admin": ["old@secret.example", "22 33 44 55", "2334", "old@sec"],
        "support": ["OLD@secret.example", "+4722334455", "34455"],
        "marketing": ["old@secret.example", "+47 22 33 44 55"],
    }.items():
        actor = actor_of(staff(clinic, role))
        for text in texts:
            assert [*services.list_customers(actor=actor, search=text)] == [ana], text
            assert services.search_customers(text, actor=actor) == [ana], text


@pytest.mark.parametrize("text", ["\u0301", "\u200d", "%", "_", "\n"])
def test_signs_without_a_letter_find_nobody(clinic, text):
    CustomerFactory(business=clinic, name="Ada", phone="+4722113355")
    actor = actor_of(staff(clinic))

    assert not services.list_customers(actor=actor, search=text or " ")


def test_nobody_of_another_business_is_found(clinic, rival):
    CustomerFactory(business=rival, name="Álvaro", email="a@b.example")
    actor = actor_of(staff(clinic))

    for text in ("alvaro", "a@b.example", "a@b"):
        assert services.search_customers(text, actor=actor) == []
        assert not services.list_customers(actor=actor, search=text)
    assert not CustomerIndex.objects.visible_to(actor)
