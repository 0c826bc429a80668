"""What finds whom: names in any accent, phones in any form, through every entrance."""

from __future__ import annotations

from pathlib import Path

import pytest

from customers import services
from tests.conftest import actor_of, search, signed_in, staff
from tests.factories import BusinessFactory, CustomerFactory

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
