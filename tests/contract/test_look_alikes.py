"""Who looks like another customer is a possible duplicate, at whatever entrance."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from customers import services
from customers.models import Customer
from tests.contract.test_unseen_signs import DOORS, Desk, person, places
from tests.factories import CustomerFactory

# A Cyrillic a; a Greek capital B.
EMAIL, NAME = "anna@ex\u0430mple.org", "\u0392ernd Berg"
# Further people of a customer are not compared.
PEOPLE = [place for place in places("email", "name") if place.values[0] != "v1_contact"]
LIST = "/admin/customers/customer/?alike=yes"


@pytest.fixture
def desk(alice, bakery, tmp_path) -> Desk:
    return Desk(alice, bakery, tmp_path)


@pytest.fixture
def anna(bakery, rival) -> Customer:
    for business in (rival, bakery):
        row = CustomerFactory(
            business=business, email="anna@example.org", name="Bernd Berg"
        )
    return row


@pytest.mark.parametrize(("door", "column"), PEOPLE)
def test_a_look_alike_is_taken_and_raised(desk, anna, door, column):
    value = {"email": EMAIL, "name": NAME}[column]
    other = {"email": {"name": "Anna"}, "name": {"email": "b@example.org"}}[column]

    assert DOORS[door].send(desk, **person(door, **{column: value}, **other)) == ""

    made = Customer.objects.get(**{column: value})
    assert made.pk != anna.pk
    found = services.find_possible_duplicates(made, actor=desk.actor)
    assert found == [(anna, f"similar_{column}")]
    page = desk.client.get(f"/admin/customers/customer/{made.pk}/change/").text
    assert f'href="/admin/customers/customer/{anna.pk}/"' in page
    listed = desk.client.get(LIST).context["cl"].result_list
    assert {row.pk for row in listed} == {anna.pk, made.pk}


def test_the_answer_of_the_hub_names_it(desk, anna):
    body = {"name": "A", "email": EMAIL}
    answer = desk.client.post("/api/admin/customers", body, "application/json").json()

    assert answer["possibleDuplicates"] == [
        {"id": str(anna.pk), "reason": "similar_email"}
    ]


def test_the_same_name_and_other_people_are_no_look_alikes(desk, anna):
    for name in ("Bernd Berg", "BERND  BERG", "Bernd Burg"):
        row = CustomerFactory(business=anna.business, name=name, email=None)
        assert services.find_possible_duplicates(row, actor=desk.actor) == []


def test_archived_people_are_none_either(desk, anna):
    services.archive_customer(anna, actor=desk.actor, reason="left")
    row = CustomerFactory(business=anna.business, email=EMAIL)

    assert services.find_possible_duplicates(row, actor=desk.actor) == []


def test_a_changed_name_changes_its_look(desk, anna):
    row = CustomerFactory(business=anna.business, name="Bea", email=None)
    services.update_customer(row, actor=desk.actor, name=NAME)

    row.refresh_from_db()
    assert services.find_possible_duplicates(row, actor=desk.actor) == [
        (anna, "similar_name")
    ]


def test_the_migration_fills_rows_of_before_and_touches_nothing_else(anna, monkeypatch):
    CustomerFactory.create_batch(4, business=anna.business)
    table = Customer._meta.db_table
    stored = list(Customer.objects.order_by("pk").values())
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET name_skeleton = NULL, email_skeleton = NULL"
        )
    module = importlib.import_module("customers.migrations.0009_fill_look_alikes")
    monkeypatch.setattr(module, "BATCH", 2)

    module.fill(_Historical(), SimpleNamespace(connection=connection))

    assert list(Customer.objects.order_by("pk").values()) == stored


class _Historical:
    """The models as a migration has them: with managers of Django."""

    def get_model(self, app: str, name: str) -> Any:
        state = MigrationExecutor(connection).loader.project_state()
        return state.apps.get_model(app, name)
