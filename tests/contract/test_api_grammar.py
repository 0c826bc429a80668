"""One grammar of lists at every table: look-ups, several keys to order by, lists."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django_filters.utils import get_model_field

from tests.contract.copies import make_copies
from tests.contract.test_api_tables import LISTS, TABLES, ids, row_at, view_of
from tests.factories import BookingFactory, CustomerFactory

ORDER = {"gte", "gt", "lte", "lt"}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize("path", TABLES)
def test_a_column_is_compared_in_every_way_of_its_kind(path):
    view = view_of(path)
    filters = view.filterset_class.base_filters
    offered: dict[str, set[str]] = {}
    for name, each in filters.items():
        column = get_model_field(view.model, each.field_name)
        if column is not None and name.startswith(each.field_name):
            lookup = name.removeprefix(each.field_name).removeprefix("__")
            offered.setdefault(each.field_name, set()).add(lookup or "exact")

    for name, lookups in offered.items():
        column = get_model_field(view.model, name)
        if isinstance(column, models.DateField):
            assert lookups >= ORDER, name
        if isinstance(column, models.DecimalField) or lookups & ORDER:
            assert lookups >= ORDER, name
        if lookups & ORDER and column.null:
            assert "isnull" in lookups, name


def test_the_ends_of_a_range_are_in_it_or_not(owner, bakery):
    customer, start = CustomerFactory(business=bakery), timezone.now() - DAY
    early, middle, late = (
        BookingFactory(
            customer=customer, total_amount=amount, placed_at=start + hours * HOUR
        )
        for amount, hours in ((10, -1), (20, 0), (30, 1))
    )
    rows = {str(early.pk): "early", str(middle.pk): "middle", str(late.pk): "late"}

    def found(query: str) -> list[str]:
        body = owner.get(f"/api/v1/bookings?ordering=placed_at&{query}").json()
        return [rows[row["id"]] for row in body["results"] if row["id"] in rows]

    moment = quote(start.isoformat())
    assert found(f"placed_at__gte={moment}") == ["middle", "late"]
    assert found(f"placed_at__gt={moment}") == ["late"]
    assert found(f"placed_at__lte={moment}") == ["early", "middle"]
    assert found(f"placed_at__lt={moment}") == ["early"]
    assert found("total_amount=20.00") == ["middle"]
    assert found("total_amount__gt=20&total_amount__lte=30") == ["late"]
    assert found("completed_at__isnull=true") == ["early", "middle", "late"]


@pytest.mark.parametrize("path", LISTS)
def test_rows_are_ordered_by_several_keys(owner, path):
    view = view_of(path)
    row_at(path)
    make_copies(view.model, 3)
    first, last = next(iter(view.ordering_fields)), list(view.ordering_fields)[-1]

    with_commas = owner.get(f"{path}?ordering={first},-{last}&page_size=200")
    repeated = owner.get(f"{path}?ordering={first}&ordering=-{last}&page_size=200")

    assert with_commas.status_code == 200, with_commas.content
    assert ids(with_commas) == ids(repeated)
    wrong = owner.get(f"{path}?ordering={first},colour")
    assert wrong.json()["errors"][0]["code"] == "unknown_ordering"


def test_the_second_key_decides_where_the_first_is_equal(owner, bakery):
    customer, start = CustomerFactory(business=bakery), timezone.now() - DAY
    for amount, hours in ((10, 2), (30, 3), (10, 1), (30, 0)):
        BookingFactory(
            customer=customer, total_amount=amount, placed_at=start + hours * HOUR
        )

    path = f"/api/v1/customers/{customer.pk}/bookings"
    body = owner.get(f"{path}?ordering=-total_amount,placed_at").json()

    hours = [
        (parse_datetime(row["placed_at"]) - start) / HOUR for row in body["results"]
    ]
    assert hours == [0, 3, 1, 2]


@pytest.mark.parametrize("name", ["fields", "expand", "status__in"])
def test_a_list_may_repeat_its_name_and_others_may_not(owner, bakery, name):
    values = {
        "fields": ("id", "name"),
        "expand": ("stats", "business"),
        "status__in": ("active", "blocked"),
    }[name]
    one, two = (f"{name}={value}" for value in values)

    repeated = owner.get(f"/api/v1/customers?{one}&{two}")
    with_comma = owner.get(f"/api/v1/customers?{name}={','.join(values)}")
    single = owner.get("/api/v1/customers?status=active&status=blocked")
    mixed = owner.get("/api/v1/customers?status__in=active&statusIn=blocked")

    assert repeated.status_code == 200
    assert repeated.json() == with_comma.json()
    assert single.json()["errors"][0]["code"] == "repeated_parameter"
    assert mixed.status_code == 400


def test_a_column_that_is_named_again_orders_nothing(owner, bakery):
    CustomerFactory.create_batch(3, business=bakery)
    again = ",".join(["name", "-name"] * 100)

    answer = owner.get(f"/api/v1/customers?ordering={again}")

    assert answer.status_code == 200
    assert ids(answer) == ids(owner.get("/api/v1/customers?ordering=name"))
