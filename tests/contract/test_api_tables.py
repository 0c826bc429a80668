"""What holds for every table of the canonical API; a new one is tested at once."""

from __future__ import annotations

from typing import Any

import pytest
from django_filters import ModelChoiceFilter

from audit.models import Event
from audit.privacy.masking import is_masked_path, masked_names
from audit.rest.expansion import Related
from audit.rest.pagination import PageOrCursorPagination
from audit.rest.viewsets import ResourceViewSet
from audit.tenancy.actors import Actor
from customers.choices import Role
from customers.models import Customer
from customers.roles import PERMISSIONS
from tests.conftest import signed_in, staff
from tests.contract.copies import make_copies
from tests.contract.doors import Asked, ask_for, doors
from tests.factories import BusinessFactory


def tables() -> dict[str, Any]:
    """Return each list that stands below no other row, by its address."""
    found = {}
    for door in doors():
        view = door.view
        route = door.route.lstrip("^")
        is_table = isinstance(getattr(view, "cls", None), type) and issubclass(
            view.cls, ResourceViewSet
        )
        if is_table and view.actions.get("get") == "list" and "(?P" not in route:
            found["/" + route.removesuffix("/?$")] = door
    return found


TABLES = tables()
LISTS = [
    path
    for path, door in TABLES.items()
    if door.view.cls.pagination_class is PageOrCursorPagination
]
MOMENTS = ("2026-01-01T00:00:00Z", "2026-01-01")
every_table = pytest.mark.parametrize("path", TABLES)


def view_of(path: str) -> type[ResourceViewSet]:
    cls: type[ResourceViewSet] = TABLES[path].view.cls
    return cls


def row_at(path: str) -> Asked:
    return ask_for(TABLES[path])


def address_of(path: str, asked: Asked) -> str:
    return f"{path}/{asked.row.pk}"


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_there_are_tables():
    assert len(TABLES) > 20


@every_table
def test_who_has_the_right_sees_the_row_and_nobody_else(db, path):
    asked, rival = row_at(path), BusinessFactory()
    right = view_of(path).action_specs["list"].permission
    detail = address_of(path, asked)

    for role in Role:
        browser = signed_in(staff(asked.business, role))
        may = right in PERMISSIONS[role]
        assert browser.get(detail).status_code == (200 if may else 403)
        assert browser.get(f"{detail}/").status_code == (200 if may else 403)
        if may:
            assert str(asked.row.pk) in ids(browser.get(f"{path}?page_size=200"))
        else:
            assert browser.get(path).status_code == 403
    stranger = signed_in(staff(rival))
    foreign, missing = stranger.get(detail), stranger.get(f"{path}/{rival.pk}")
    if view_of(path).lookup_url_kwarg != "business":
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert foreign.json()["code"] == missing.json()["code"] == "not_found"
    assert str(asked.row.pk) not in ids(stranger.get(f"{path}?page_size=200"))


@every_table
def test_a_list_shows_no_contact_data_and_no_secret(owner, path):
    asked = row_at(path)
    model = type(asked.row)

    answer = owner.get(f"{path}?page_size=200")
    text, keys = answer.text, set(answer.json()["results"][0])

    for name in masked_names(model):
        value = getattr(asked.row, name)
        if isinstance(value, str) and len(value) > 3:
            assert value not in text, name
    for name in ("salt", "commitment", "key_hash", "password", "security_stamp"):
        assert name not in keys


@every_table
def test_who_reads_of_people_leaves_an_event(owner, path):
    asked = row_at(path)
    before = Event.objects.count()

    owner.get(f"{path}?page_size=200")

    customer = asked.row if isinstance(asked.row, Customer) else None
    subject = customer or getattr(asked.row, "customer", None)
    if subject is not None:
        assert Event.objects.count() > before
        assert str(subject.pk) in Event.objects.latest("occurred_at").subjects


@every_table
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("colour=red", "unknown_parameter"),
        ("fields=colour", "unknown_field"),
        ("expand=colour", "unknown_expansion"),
        ("cursor=colour", "invalid_cursor"),
        ("page_size=201", "max_value"),
        ("page_size=0", "min_value"),
    ],
)
def test_a_wrong_parameter_is_named(owner, path, query, code):
    answer = owner.get(f"{path}?{query}")

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["code"] == code
    assert "colour" not in error["detail"]


@pytest.mark.parametrize("path", LISTS)
def test_a_wrong_ordering_names_the_known_ones(owner, path):
    answer = owner.get(f"{path}?ordering=colour")

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, "unknown_ordering")
    assert all(name in error["detail"] for name in view_of(path).ordering_fields)


@pytest.mark.parametrize("path", LISTS)
def test_each_ordering_is_the_other_way_round_with_a_minus(owner, path):
    view = view_of(path)
    row_at(path)
    make_copies(view.model, 3)

    assert view.ordering_fields
    for name in view.ordering_fields:
        up = ids(owner.get(f"{path}?ordering={name}&page_size=200"))
        down = ids(owner.get(f"{path}?ordering=-{name}&page_size=200"))
        assert sorted(up) == sorted(down)
        assert len(up) >= 4


@every_table
def test_no_filter_looks_through_rows_of_others(path):
    filters = view_of(path).filterset_class.base_filters

    # Their choices would come from all businesses.
    assert not [n for n, f in filters.items() if isinstance(f, ModelChoiceFilter)]


@every_table
def test_no_filter_asks_for_what_is_masked(path):
    """Rows or none would tell the value letter by letter."""
    view = view_of(path)

    filters = view.filterset_class.base_filters.values()
    names = [one.field_name for one in filters if one.field_name]
    assert not [name for name in names if is_masked_path(view.model, name)]


@every_table
def test_each_filter_takes_what_it_says(db, path):
    view = view_of(path)
    row_at(path)
    rows: Any = view.model._default_manager.all()
    actor = Actor.system("test")

    for name, found in view.filterset_class.base_filters.items():
        choices = [value for value, _ in found.extra.get("choices", ())]
        values = choices or [*MOMENTS, "1", "x", str(row_id(path))]
        taken = []
        for value in values:
            filters = view.filterset_class({name: value}, queryset=rows, actor=actor)
            if filters.is_valid():
                taken.append(list(filters.filter_queryset(rows)[:1]))
        assert taken, name


def row_id(path: str) -> Any:
    return view_of(path).model._base_manager.first().pk


@every_table
def test_fields_keep_these_keys_alone(owner, path):
    asked = row_at(path)
    view = view_of(path)

    one = owner.get(f"{address_of(path, asked)}?fields=id").json()
    listed = owner.get(f"{path}?fields=id&page_size=200").json()["results"]
    everything = owner.get(address_of(path, asked)).json()

    assert one == {"id": str(asked.row.pk)}
    assert one in listed
    assert all(set(row) == {"id"} for row in listed)
    assert list(everything) == view.serializer_class.Meta.fields


@every_table
def test_each_expansion_stands_beside_the_id(owner, path):
    asked = row_at(path)
    view = view_of(path)

    for name, related in view.related.items():
        if not isinstance(related, Related):
            continue
        one = owner.get(f"{address_of(path, asked)}?expand={name}").json()
        listed = owner.get(f"{path}?expand={name}&page_size=200").json()["results"]
        [same] = [row for row in listed if row["id"] == one["id"]]
        assert set(one) - set(view.serializer_class.Meta.fields) == {name}
        other = one[name]
        assert (same[name] is None) == (other is None)
        if other is not None and f"{name}_id" in one:
            assert other["id"] == one[f"{name}_id"]


@every_table
def test_a_cursor_gives_each_row_once_while_rows_are_added(owner, path):
    view = view_of(path)
    row_at(path)
    make_copies(view.model, 4)
    there = set(map(str, view.model._base_manager.values_list("pk", flat=True)))
    link: str | None = f"{path}?cursor=&page_size=2&fields=id"
    walked: list[str] = []

    while link and len(walked) < 10 * len(there):
        answer = owner.get(link)
        walked += ids(answer)
        body = answer.json()
        assert set(body) == {"next", "previous", "results"}
        assert body["previous"] is None
        link = body["next"]
        if len(walked) < 6:
            make_copies(view.model, 1)

    assert len(walked) == len(set(walked))
    lasting = {pk for pk in there if pk in walked}
    # Reading itself writes to the trail.
    assert lasting == there
