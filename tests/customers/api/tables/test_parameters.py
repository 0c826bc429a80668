"""Parameters of lists: sent once, choices named, and pages that end."""

from __future__ import annotations

import pytest

from tests.factories import CustomerFactory

API = "/api/v1"


@pytest.mark.parametrize(
    "path",
    [
        f"{API}/customers?status=active&status=blocked",
        f"{API}/customers?page_size=1&pageSize=1",
        f"{API}/customers?customer_type__in=vip&customerType__in=regular",
        "/api/admin/customers?search=a&search=b",
        f"{API}/statistics?a=1&a=2",
    ],
)
def test_a_parameter_is_sent_once(alice, path):
    answer = alice.get(path)

    assert answer.status_code == 400
    assert {e["code"] for e in answer.json()["errors"]} == {"repeated_parameter"}


def test_a_choice_is_named_without_what_was_sent(alice):
    answer = alice.get("/api/admin/customers?sortOrder=golden")
    [error] = answer.json()["errors"]

    assert error["detail"] == "Send one of asc, desc."
    assert "golden" not in answer.text


def test_pages_end_where_a_cursor_walks_on(alice, bakery):
    CustomerFactory.create_batch(3, business=bakery)
    deep = alice.get(f"{API}/customers?page=51&page_size=200")
    last = alice.get(f"{API}/customers?page=50&page_size=200")

    [error] = deep.json()["errors"]
    assert (deep.status_code, error["code"]) == (400, "page_too_deep")
    assert "cursor" in error["detail"]
    assert last.status_code == 200


def test_behind_the_end_previous_is_the_last_page(alice, bakery):
    CustomerFactory.create_batch(3, business=bakery)
    path = f"{API}/customers?page_size=2&page="

    behind = alice.get(f"{path}9").json()

    assert (behind["results"], behind["next"]) == ([], None)
    assert behind["previous"].endswith("page=2")
    assert alice.get(behind["previous"]).json()["previous"].endswith("page=1")
    assert alice.get(f"{path}1").json()["previous"] is None
