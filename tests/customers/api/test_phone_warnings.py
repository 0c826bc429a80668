"""A phone that nobody can call is taken by the API with a warning, as by the forms."""

from __future__ import annotations

import pytest

from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import AddressFactory, ContactFactory, CustomerFactory

CUSTOMERS = "/api/v1/customers"


@pytest.fixture
def customer(bakery):
    return CustomerFactory(business=bakery)


def test_a_phone_that_nobody_can_call_is_warned_of(alice, customer):
    body = {"name": "Ida", "phone": "ask at the bar"}
    created = send(alice, "POST", CUSTOMERS, body)

    assert created.status_code == 201
    [warning] = created.json()["warnings"]
    assert (warning["pointer"], warning["code"]) == ("/phone", "phone_invalid")
    assert "no number that can be called" in warning["detail"]
    assert "ask at the bar" not in warning["detail"]
    # What is answered can be sent back.
    path = f"{CUSTOMERS}/{created.json()['id']}"
    again = send(alice, "PATCH", path, {**created.json(), "location": "Oslo"})
    assert again.status_code == 200, again.content


def test_a_change_warns_and_one_of_something_else_does_not(alice, customer):
    path = f"{CUSTOMERS}/{customer.pk}"

    assert "warnings" in send(alice, "PATCH", path, {"phone": "the bar"}).json()
    assert "warnings" not in send(alice, "PATCH", path, {"location": "Oslo"}).json()
    good = send(alice, "PATCH", path, {"phone": "+47 22 00 04 21"}).json()
    assert "warnings" not in good
    assert "warnings" not in alice.get(path).json()


@pytest.mark.parametrize("factory", [AddressFactory, ContactFactory])
def test_contacts_and_addresses_too(alice, customer, factory):
    child = factory(customer=customer)
    kind = "addresses" if factory is AddressFactory else "contacts"
    path = f"/api/v1/{kind}/{child.pk}"

    answer = send(alice, "PATCH", path, {"phone": "the bar"}).json()

    assert [each["code"] for each in answer["warnings"]] == ["phone_invalid"]


def test_who_sees_it_masked_is_warned_too(bakery, customer):
    support = signed_in(staff(bakery, "support"))

    answer = send(support, "POST", CUSTOMERS, {"name": "Ida", "phone": "the bar"})

    assert answer.json()["phone"] != "the bar"
    assert [w["code"] for w in answer.json()["warnings"]] == ["phone_invalid"]


def test_each_item_of_many_is_warned_of_by_itself(alice, customer):
    items = [
        {"name": "Ida", "phone": "the bar"},
        {"name": "Kari", "phone": "+47 22 00 04 21"},
        {"name": "", "phone": "the bar"},
    ]
    created = send(alice, "POST", f"{CUSTOMERS}/bulk", {"items": items})
    first, second, refused = created.json()["results"]

    assert [warning["code"] for warning in first["warnings"]] == ["phone_invalid"]
    assert first["warnings"][0]["pointer"] == "/phone"
    assert "warnings" not in second
    assert "warnings" not in refused

    changes = [
        {"id": str(customer.pk), "phone": "at home"},
        {"id": first["id"], "location": "Oslo", "warnings": first["warnings"]},
    ]
    changed = send(alice, "PATCH", f"{CUSTOMERS}/bulk", {"items": changes})
    first, second = changed.json()["results"]
    assert [warning["code"] for warning in first["warnings"]] == ["phone_invalid"]
    assert (second["status"], "warnings" in second) == (200, False)


def test_a_repeat_of_many_answers_the_same_warnings(alice, bakery):
    body = {"items": [{"name": "Ida", "phone": "the bar"}]}
    key = {"Idempotency-Key": "one"}

    first, again = (
        send(alice, "POST", f"{CUSTOMERS}/bulk", body, **key) for _ in range(2)
    )

    assert first.json()["results"][0]["warnings"]
    assert again.json() == first.json()
