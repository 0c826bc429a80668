"""The canonical API's customers: list, detail, create, change, archive, restore."""

from __future__ import annotations

import pytest

from customers.models import Customer
from tests.customers.api.test_hub import send
from tests.factories import CustomerFactory

BASE = "/api/v1/customers"


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(
        business=bakery, name="Jonas Berg", email="jonas@example.net"
    )


def at(row: Customer) -> str:
    return f"{BASE}/{row.pk}"


def test_a_list_has_pages_and_masked_rows(alice, bakery, jonas):
    CustomerFactory.create_batch(3, business=bakery)

    first = alice.get(f"{BASE}?page_size=3").json()
    last = alice.get(first["next"]).json()

    assert set(first) == {"count", "count_is_capped", "next", "previous", "results"}
    assert (first["count"], first["count_is_capped"]) == (4, False)
    assert first["previous"] is None
    assert last["next"] is None
    assert alice.get(last["previous"]).json() == first
    rows = {row["id"]: row for row in first["results"] + last["results"]}
    assert len(rows) == 4
    assert rows[str(jonas.pk)]["email"] == "j…@e….net"
    assert rows[str(jonas.pk)]["joined_at"] == "2026-01-01T12:00:00Z"


def test_a_detail_is_clear_for_an_admin_and_has_a_version(alice, jonas):
    answer = alice.get(at(jonas))

    assert answer.json()["email"] == "jonas@example.net"
    assert answer.json()["business_id"] == str(jonas.business_id)
    assert answer["ETag"] == '"r1"'
    assert answer["Cache-Control"] == "no-store"


def test_create_change_archive_restore(alice, bakery):
    made = send(alice, "POST", BASE, {"name": "Lea", "email": "lea@example.org"})
    path = made["Location"]
    changed = send(alice, "PATCH", path, {"status": "blocked"}, **{"If-Match": '"r1"'})
    late = send(alice, "PATCH", path, {"name": "L"}, **{"If-Match": '"r1"'})
    gone = send(alice, "POST", f"{path}/archive", {"reason": "asked"})
    listed = alice.get(BASE).json()["results"]
    hidden = alice.get(f"{BASE}?is_archived=true").json()["results"]
    back = send(alice, "POST", f"{path}/restore")

    assert (made.status_code, made.json()["email"]) == (201, "lea@example.org")
    assert (changed.status_code, changed.json()["status"]) == (200, "blocked")
    assert changed["ETag"] == '"r2"'
    assert (late.status_code, late["ETag"]) == (412, '"r2"')
    assert gone.json()["archive_reason"] == "asked"
    assert (listed, [row["id"] for row in hidden]) == ([], [made.json()["id"]])
    assert back.json()["archived_at"] is None
    assert send(alice, "DELETE", path).status_code == 204
