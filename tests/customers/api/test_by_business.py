"""Document 004: its twelve endpoints, replayed as their clients send them."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pytest
from django.urls import resolve

from audit.models import Event
from customers.models import Address, Customer, Preferences
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import (
    AddressFactory,
    BookingFactory,
    CustomerFactory,
    NoteFactory,
)

BASE = "/api/customers/bakery"
SENT = {
    "name": "Ida Lund",
    "phone": "+47 22 00 00 00",
    "email": "ida@example.no",
    "address": "Storgata 1, Oslo",
    "customer_type": "walk_in",
    "prefer_sms": True,
    "prefer_email": False,
    "prefer_call": False,
}
ROW_KEYS = {
    "id", "business_id", "unique_id", "name", "phone", "email", "address",
    "customer_type", "is_active", "prefer_sms", "prefer_email", "prefer_call",
    "created_at", "updated_at",
}  # fmt: skip
FIGURE_KEYS = {
    "total_purchases", "total_spent", "total_items_bought", "avg_transaction_value",
    "first_purchase_date", "last_purchase_date", "days_since_last_purchase",
    "is_repeat_customer", "repeat_frequency", "customer_lifetime_value",
}  # fmt: skip
PAGE_KEYS = {"page", "limit", "total", "total_pages", "total_is_capped"}


@pytest.fixture
def ida(bakery):
    return CustomerFactory(
        business=bakery, name="Ida Lund", email="ida@example.no", phone="+4722000000"
    )


def at(row: Customer, rest: str = "") -> str:
    return f"{BASE}/{row.pk}{rest}"


# --- create -----------------------------------------------------------------------


def test_a_customer_is_created_as_the_document_says(alice, bakery):
    answer = send(alice, "POST", f"{BASE}/", SENT)

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert set(body) == ROW_KEYS | {"preferences", "purchase_history", "recent_notes"}
    assert {k: body[k] for k in SENT} == SENT
    assert body["business_id"] == str(bakery.pk)
    assert set(body["purchase_history"]) == FIGURE_KEYS
    assert body["purchase_history"]["total_purchases"] == 0
    assert body["preferences"]["can_receive_offers"] is True
    assert answer["Location"] == f"{BASE}/{body['id']}"
    assert answer["ETag"] == '"r1"'
    assert answer["Cache-Control"] == "no-store"
    assert alice.get(answer["Location"]).json() == body
    row = Customer.objects.get()
    # Three records in one transaction.
    assert Preferences.objects.get().customer == row
    assert row.stats.total_purchases == 0


def test_only_the_name_is_needed(alice, bakery):
    assert send(alice, "POST", BASE, {"name": "Bo"}).status_code == 201
    inactive = send(alice, "POST", BASE, {"name": "Al", "isActive": False})
    assert inactive.json()["is_active"] is False
    assert Customer.objects.get(name="Al").status == "inactive"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/name", "required"),
        ({"name": " "}, "/name", "blank"),
        ({"name": "x", "email": "no"}, "/email", "email_invalid"),
        ({"name": "x", "emial": "a@b.org"}, "/emial", "unknown_field"),
        ({"name": "x", "customerType": "vip", "customer_type": "regular"},
         "/customer_type", "conflicting_keys"),
        ({"name": "x", "customerType": "king"}, "/customerType", "invalid_choice"),
        ({"name": "x", "is_active": "perhaps"}, "/is_active", "answer_invalid"),
        ({"name": "x", "business_id": "0193f0a0-2c00-7abc-8def-000000000001"},
         "/business_id", "conflict"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_made(alice, bakery, body, pointer, code):
    answer = send(alice, "POST", BASE, body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert not Customer.objects.exists()


def test_the_nearest_name_is_told(alice, bakery):
    body = send(alice, "POST", BASE, {"name": "x", "emial": "a@b.org"}).json()

    assert "Do you mean email?" in body["errors"][0]["detail"]


def test_an_address_of_somebody_else_is_refused(alice, ida):
    answer = send(alice, "POST", BASE, SENT)

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["code"] == "unique"


# --- list and search ---------------------------------------------------------------


def test_the_list_has_pages_and_masks_contact_data(alice, bakery, ida):
    CustomerFactory.create_batch(2, business=bakery)

    body = alice.get(f"{BASE}/?page=2&limit=2").json()

    assert set(body) == {"customers", "pagination"}
    assert body["pagination"] == {
        "page": 2, "limit": 2, "total": 3, "total_pages": 2, "total_is_capped": False,
    }  # fmt: skip
    [row] = body["customers"]
    assert set(row) == ROW_KEYS
    assert (row["name"], row["email"]) == ("Ida Lund", "i…@e….no")


def test_the_list_filters_and_sorts(alice, bakery):
    for name, kind, status in (
        ("b", "vip", "active"),
        ("A", "vip", "inactive"),
        ("c", "regular", "active"),
    ):
        CustomerFactory(business=bakery, name=name, customer_type=kind, status=status)

    def names(query: str) -> list[str]:
        return [row["name"] for row in alice.get(f"{BASE}?{query}").json()["customers"]]

    assert names("sort_by=name&sort_order=asc") == ["A", "b", "c"]
    assert names("customer_type=vip&sort_by=name&sort_order=asc") == ["A", "b"]
    assert names("is_active=true&sort_by=name&sort_order=desc") == ["c", "b"]
    assert names("isActive=false") == ["A"]
    assert names("search=zz") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=101", "max_value"),
        ("limit=0", "min_value"),
        ("page=x", "invalid"),
        ("sort_by=email", "invalid_choice"),
        ("colour=red", "unknown_parameter"),
        ("serach=ida", "unknown_parameter"),
    ],
)
def test_a_wrong_parameter_is_named(alice, bakery, query, code):
    answer = alice.get(f"{BASE}?{query}")

    assert answer.status_code == 400
    assert [error["code"] for error in answer.json()["errors"]] == [code]


def test_a_search_answers_short_rows(alice, ida):
    body = alice.get(f"{BASE}/search?q=22000&limit=10").json()

    [row] = body["customers"]
    assert set(row) == {"id", "unique_id", "name", "phone", "email", "customer_type"}
    assert row["name"] == "Ida Lund"
    assert alice.get(f"{BASE}/search?q=i").json() == {"customers": []}
    assert alice.get(f"{BASE}/search/").json() == {"customers": []}


def test_who_bought_twice_is_listed_most_first(alice, bakery):
    often, twice, once = CustomerFactory.create_batch(3, business=bakery)
    paid = {"status": "completed", "paid_amount": 10, "total_amount": 10}
    for row, number in ((often, 3), (twice, 2), (once, 1)):
        BookingFactory.create_batch(number, customer=row, **paid)

    body = alice.get(f"{BASE}/repeat?page=1&limit=20").json()

    assert [row["id"] for row in body["customers"]] == [str(often.pk), str(twice.pk)]
    assert set(body["customers"][0]["purchase_history"]) == FIGURE_KEYS
    assert body["pagination"]["total"] == 2


# --- one ---------------------------------------------------------------------------


def test_one_customer_has_its_newest_notes(alice, ida):
    for n in range(6):
        NoteFactory(customer=ida, content=f"Note {n}")

    body = alice.get(at(ida)).json()

    assert [note["content"] for note in body["recent_notes"]] == [
        f"Note {n}" for n in (5, 4, 3, 2, 1)
    ]
    assert body["email"] == "ida@example.no"


@pytest.mark.parametrize("name", ["unique_id", "external_id"])
def test_a_customer_is_named_in_other_ways_too(alice, bakery, name):
    row = CustomerFactory(business=bakery, external_id="4711")

    assert alice.get(f"{BASE}/{getattr(row, name)}/").json()["id"] == str(row.pk)


def test_a_business_is_named_by_its_id_too(alice, bakery, ida):
    assert alice.get(f"/api/customers/{bakery.pk}/{ida.pk}").status_code == 200


def test_what_is_named_is_changed_and_the_rest_stays(alice, ida):
    answer = send(alice, "PATCH", at(ida), {"customer_type": "regular"})

    assert answer.status_code == 200
    assert answer.json()["customer_type"] == "regular"
    assert answer.json()["email"] == "ida@example.no"
    assert answer["ETag"] == '"r2"'
    ida.refresh_from_db()
    assert (ida.customer_type, ida.name) == ("regular", "Ida Lund")


def test_an_answer_can_be_sent_back(alice, ida):
    AddressFactory(customer=ida, line1="Storgata 1", city="Oslo", is_primary=True)
    body = alice.get(at(ida)).json()

    answer = send(alice, "PUT", at(ida), body)

    assert answer.status_code == 200, answer.content
    same = {k: v for k, v in answer.json().items() if k != "updated_at"}
    assert same == {k: v for k, v in body.items() if k != "updated_at"}
    assert Address.objects.get().line1 == "Storgata 1"


def test_a_put_names_everything(alice, ida):
    answer = send(alice, "PUT", at(ida), {"name": "Ida"})

    assert answer.status_code == 400
    missing = {error["pointer"] for error in answer.json()["errors"]}
    assert missing == {f"/{key}" for key in SENT if key != "name"} | {"/is_active"}


def test_a_lost_race_is_412(alice, ida):
    send(alice, "PATCH", at(ida), {"name": "First"})

    late = send(alice, "PATCH", at(ida), {"name": "Second"}, **{"If-Match": '"r1"'})
    odd = send(alice, "PATCH", at(ida), {"name": "x"}, **{"If-Match": "W/abc"})
    right = send(alice, "PATCH", at(ida), {"name": "Third"}, **{"If-Match": '"r2"'})

    assert (late.status_code, late.json()["code"]) == (412, "stale_version")
    assert late["ETag"] == '"r2"'
    assert odd.status_code == 412
    assert right.json()["name"] == "Third"


def test_the_address_is_a_text(alice, ida):
    first = send(alice, "PATCH", at(ida), {"address": "Storgata 1, Oslo"})
    second = send(alice, "PATCH", at(ida), {"address": "Havnegata 2, Oslo"})
    gone = send(alice, "PATCH", at(ida), {"address": None})

    assert first.json()["address"] == "Storgata 1, Oslo"
    assert second.json()["address"] == "Havnegata 2, Oslo"
    assert gone.json()["address"] is None
    # Archived and not deleted, with its history.
    assert Address.objects.get().history.count() == 3


def test_deleting_archives(alice, ida):
    answer = send(alice, "DELETE", at(ida), {"reason": "asked by phone"})

    assert (answer.status_code, answer.content) == (204, b"")
    ida.refresh_from_db()
    assert (ida.is_archived, ida.archive_reason) == (True, "asked by phone")
    assert send(alice, "DELETE", at(ida)).status_code == 404
    assert alice.get(at(ida)).status_code == 404


# --- notes, preferences, purchases, metrics ------------------------------------------


def test_a_note_has_its_author(alice, ida):
    body = {"note_type": "issue", "content": "Call before delivery."}

    written = send(alice, "POST", at(ida, "/notes"), body)

    assert written.status_code == 201
    note = written.json()
    assert {k: note[k] for k in body} == body
    assert note["created_by"]["id"] == str(alice.user.pk)
    listed = alice.get(at(ida, "/notes?note_type=issue&page=1&limit=20")).json()
    assert listed["notes"] == [note]
    assert set(listed["pagination"]) == PAGE_KEYS
    assert alice.get(at(ida, "/notes?note_type=feedback")).json()["notes"] == []


def test_preferences_are_changed(alice, ida):
    body = {"do_not_contact": True, "favorite_products": "rye, oat"}

    answer = send(alice, "PATCH", at(ida, "/preferences"), body)

    assert answer.status_code == 200
    assert {k: answer.json()[k] for k in body} == body
    assert len(answer.json()) == 12
    assert Preferences.objects.get().favorite_tags == ["rye", "oat"]


def test_the_history_has_purchases_and_their_sums(alice, ida):
    BookingFactory(
        customer=ida,
        kind="sale",
        status="completed",
        total_amount=Decimal("12.50"),
        paid_amount=Decimal("12.50"),
        items_count=3,
    )

    answer = alice.get(at(ida, "/history?page=1&limit=20"))

    assert b'"total_amount":12.50' in answer.content
    body = answer.json()
    [bought] = body["purchases"]
    assert set(bought) == {
        "id", "reference", "kind", "status", "total_amount", "refunded_amount",
        "items_count", "currency", "purchased_at",
    }  # fmt: skip
    assert bought["purchased_at"].endswith("Z")
    assert len(body["summary"]) == 15
    assert body["summary"]["total_spent"] == 12.5


def test_metrics_show_the_way_to_the_next_tier(alice, ida):
    paid = {"status": "completed", "paid_amount": 10, "total_amount": 10}
    BookingFactory.create_batch(2, customer=ida, **paid)

    body = alice.get(at(ida, "/metrics")).json()

    assert set(body) == {"customer", "metrics", "loyalty", "currency"}
    assert set(body["metrics"]) == FIGURE_KEYS
    assert body["loyalty"] == {
        "tier": "occasional", "next_tier": "regular", "purchases_to_next_tier": 2,
    }  # fmt: skip


# --- who may ------------------------------------------------------------------------


PATHS = [
    "",
    "/search?q=ida",
    "/repeat",
    *("/{}" + part for part in ("", "/notes", "/history", "/metrics")),
]


@pytest.mark.parametrize("path", PATHS)
def test_strangers_and_rivals_find_nothing(client, charlie, ida, path):
    path = BASE + path.format(ida.pk)

    assert client.get(path).status_code == 401
    missing = charlie.get(path.replace("bakery", "no-such-shop"))
    foreign = charlie.get(path)
    assert foreign.status_code == missing.status_code == 404
    same = {"request_id", "instance"}
    assert {k: v for k, v in foreign.json().items() if k not in same} == {
        k: v for k, v in missing.json().items() if k not in same
    }


def test_a_customer_of_another_business_is_missing_here(alice, bakery, rival):
    foreign = CustomerFactory(business=rival)

    assert alice.get(at(foreign)).status_code == 404
    assert Event.objects.get(action="access.denied").code == "not_found"


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
def test_contact_data_is_masked_by_role(bakery, ida, role):
    browser = signed_in(staff(bakery, role))

    for path in (at(ida), f"{BASE}/", f"{BASE}/search?q=ida@example.no"):
        assert "ida@example.no" not in browser.get(path).text
        assert "22000000" not in browser.get(path).text


@pytest.mark.parametrize(
    ("role", "method", "path", "body", "status"),
    [
        ("marketing", "PATCH", "/{}", {"name": "x"}, 403),
        ("auditor", "POST", "", {"name": "x"}, 403),
        ("auditor", "DELETE", "/{}", None, 403),
        ("marketing", "GET", "/{}/notes", None, 403),
        ("auditor", "GET", "/{}/notes", None, 200),
        ("auditor", "PATCH", "/{}/preferences", {}, 403),
        ("support", "POST", "/{}/notes", {"content": "x"}, 201),
        ("support", "DELETE", "/{}", None, 204),
    ],
)
def test_a_role_decides(ida, role, method, path, body, status):  # noqa: PLR0917 - a table
    browser = signed_in(staff(ida.business, role))

    answer = send(browser, method, BASE + path.format(ida.pk), body)

    assert answer.status_code == status, answer.content


def test_what_is_masked_is_not_typed_over(bakery, ida):
    browser = signed_in(staff(bakery, "support"))
    body = browser.get(at(ida)).json()

    back = send(browser, "PUT", at(ida), body | {"name": "Ida L."})
    over = send(browser, "PATCH", at(ida), {"email": "evil@example.org"})

    assert back.status_code == 200, back.content
    assert over.status_code == 400
    assert over.json()["errors"][0]["code"] == "masked"
    ida.refresh_from_db()
    assert (ida.name, ida.email) == ("Ida L.", "ida@example.no")


@pytest.mark.parametrize("path", PATHS)
def test_each_answer_is_an_access_event(alice, ida, path):
    paid = {"status": "completed", "paid_amount": 10, "total_amount": 10}
    BookingFactory.create_batch(2, customer=ida, **paid)
    before = Event.objects.count()

    answer = alice.get(BASE + path.format(ida.pk))

    assert answer.status_code == 200
    event = Event.objects.latest("occurred_at")
    assert Event.objects.count() == before + 1
    assert event.subjects == [str(ida.pk)]


# --- the faces --------------------------------------------------------------------


def test_there_are_twelve_endpoints():
    found = {
        (method, path)
        for path in ("", "/search", "/repeat", "/x", "/x/notes", "/x/preferences",
                     "/x/history", "/x/metrics")
        for method in ("GET", "POST", "PATCH", "DELETE")
        if method.lower() in resolve(f"{BASE}{path}").func.actions
    }  # fmt: skip

    assert len(found) == 12


@pytest.mark.parametrize("path", ["", "/{}", "/repeat"])
def test_a_wrong_method_names_the_right_ones(alice, ida, path):
    answer = send(alice, "TRACE", BASE + path.format(ida.pk))

    assert answer.status_code == 405
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("path", ["", "/repeat", "/{}/notes", "/{}/history"])
def test_queries_do_not_grow(alice, bakery, ida, assert_flat, path):
    paid = {"status": "completed", "paid_amount": 10, "total_amount": 10}
    BookingFactory.create_batch(2, customer=ida, **paid)
    NoteFactory(customer=ida)

    def grow() -> None:
        for row in (*CustomerFactory.create_batch(5, business=bakery), ida):
            BookingFactory.create_batch(2, customer=row, **paid)
            AddressFactory(customer=row, is_primary=True)
            NoteFactory.create_batch(3, customer=row)

    assert_flat(call=partial(alice.get, BASE + path.format(ida.pk)), grow=grow)
