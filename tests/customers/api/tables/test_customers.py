"""The canonical API's customers: list, detail, create, change, archive, restore."""

from __future__ import annotations

import pytest

from audit.models import Event
from customers.models import Customer
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import (
    BookingFactory,
    BusinessFactory,
    CustomerFactory,
    MembershipFactory,
    NoteFactory,
)

BASE = "/api/v1/customers"


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(
        business=bakery,
        name="Jonas Berg",
        email="jonas@example.net",
        phone="+41 44 000 00 17",
    )


@pytest.fixture
def works_in_both(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="admin")
    return signed_in(user)


def at(row: Customer) -> str:
    return f"{BASE}/{row.pk}"


def names(browser, query: str = "") -> set[str]:
    answer = browser.get(f"{BASE}?{query}")
    assert answer.status_code == 200, answer.content
    return {row["name"] for row in answer.json()["results"]}


# --- reading ------------------------------------------------------------------------


def test_a_list_has_pages_and_masked_rows(alice, bakery, jonas):
    CustomerFactory.create_batch(3, business=bakery)

    first = alice.get(f"{BASE}?page_size=3").json()
    last = alice.get(first["next"]).json()

    assert set(first) == {"count", "count_is_capped", "next", "previous", "results"}
    assert (first["count"], first["count_is_capped"]) == (4, False)
    assert first["previous"] is None
    assert last["next"] is None
    assert alice.get(last["previous"]).json()["results"] == first["results"]
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
    event = Event.objects.latest("occurred_at")
    assert (event.action, event.subjects) == ("customer.viewed", [str(jonas.pk)])


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
def test_a_detail_is_masked_by_role(bakery, jonas, role):
    body = signed_in(staff(bakery, role)).get(at(jonas)).json()

    assert (body["email"], body["phone"]) == ("j…@e….net", "…17")
    assert body["phone_e164"] == "…17"


def test_filters_keep_what_they_say(alice, bakery, rival):
    CustomerFactory(business=bakery, name="Vip", customer_type="vip")
    CustomerFactory(business=bakery, name="Regular", customer_type="regular")
    CustomerFactory(business=bakery, name="Blocked", status="blocked")
    CustomerFactory(business=rival, name="Foreign", customer_type="vip")

    assert names(alice, "customer_type=vip") == {"Vip"}
    assert names(alice, "customerType=vip") == {"Vip"}
    assert names(alice, "customer_type__in=vip,regular") == {"Vip", "Regular"}
    assert names(alice, "status=blocked") == {"Blocked"}
    assert names(alice, f"business={rival.slug}") == set()
    assert names(alice, f"business={bakery.pk}&search=vip") == {"Vip"}
    assert names(alice, "joined_at__gte=2026-02-01T00:00:00Z") == set()
    assert names(alice, "is_archived=true") == set()


def test_a_number_of_another_table_filters_and_sorts(alice, bakery, jonas):
    CustomerFactory(business=bakery, name="Nobody")
    paid = {"status": "completed", "paid_amount": 310, "total_amount": 310}
    BookingFactory(customer=jonas, **paid)

    assert names(alice, "stats__total_spent__gte=300") == {"Jonas Berg"}
    assert names(alice, "stats__total_spent__lt=300") == {"Nobody"}
    rows = alice.get(f"{BASE}?ordering=-total_spent").json()["results"]
    assert [row["name"] for row in rows] == ["Jonas Berg", "Nobody"]


@pytest.mark.parametrize(
    ("query", "code", "hint"),
    [
        ("custmer_type=vip", "unknown_parameter", "customer_type"),
        ("fields=id,nam", "unknown_field", "name"),
        ("expand=stat", "unknown_expansion", "stats"),
        ("customer_type=golden", "invalid_choice", "Send one of walk_in, regular, vip"),
        ("customer_type__in=vip,golden", "invalid_choice", "vip"),
        ("is_email_verified=maybe", "invalid_choice", "true, false"),
        ("joined_at__gte=yesterday", "moment_invalid", "a time like"),
        ("email=jonas@example.net", "unknown_parameter", ""),
        ("cursor=&page=2", "conflicting_parameters", "cursor"),
    ],
)
def test_a_wrong_parameter_is_400_with_the_nearest(alice, query, code, hint):
    answer = alice.get(f"{BASE}?{query}")

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert hint in error["detail"]
    assert "golden" not in answer.text


def test_an_empty_cursor_begins_and_a_page_says_more(alice, bakery):
    CustomerFactory.create_batch(3, business=bakery)

    first = alice.get(f"{BASE}?cursor=&page_size=2&fields=name").json()
    last = alice.get(first["next"]).json()

    assert len(first["results"]), len(last["results"]) == (2, 1)
    assert last["next"] is None


def test_figures_wishes_and_business_stand_beside(alice, bakery, jonas):
    paid = {"status": "completed", "paid_amount": 310, "total_amount": 310}
    BookingFactory(customer=jonas, **paid)

    [row] = alice.get(f"{BASE}?expand=stats,preferences,business").json()["results"]

    assert row["stats"]["total_spent"] == "310.00"
    assert row["preferences"]["customer_id"] == str(jonas.pk)
    assert row["business"]["slug"] == "bakery"


# --- by which name ------------------------------------------------------------------


def test_a_customer_has_three_names(alice, bakery):
    row = CustomerFactory(business=bakery, external_id="A-17")

    for name in (row.pk, row.unique_id, row.unique_id.lower(), "A-17"):
        assert alice.get(f"{BASE}/{name}").json()["id"] == str(row.pk)


def test_an_id_of_two_businesses_needs_the_business(works_in_both, bakery, rival):
    here = CustomerFactory(business=bakery, external_id="17")
    there = CustomerFactory(business=rival, external_id="17")

    unclear = works_in_both.get(f"{BASE}/17")
    clear = works_in_both.get(f"{BASE}/17", headers={"X-Business": "rival"})

    assert (unclear.status_code, unclear.json()["code"]) == (400, "business_needed")
    assert "X-Business" in unclear.json()["message"]
    assert clear.json()["id"] == str(there.pk)
    narrowed = works_in_both.get(BASE, headers={"X-Business": str(bakery.pk)})
    assert [row["id"] for row in narrowed.json()["results"]] == [str(here.pk)]
    foreign = {"X-Business": BusinessFactory().slug}
    assert works_in_both.get(BASE, headers=foreign).status_code == 404


def test_a_live_customer_comes_before_an_archived_one(alice, bakery):
    old = CustomerFactory(business=bakery, external_id="17")
    send(alice, "DELETE", at(old))
    new = CustomerFactory(business=bakery, external_id="17")

    assert alice.get(f"{BASE}/17").json()["id"] == str(new.pk)
    assert alice.get(at(old)).json()["archived_at"] is not None


# --- writing ------------------------------------------------------------------------


def test_all_that_is_wrong_is_in_one_answer_as_it_was_spelled(alice, bakery):
    body = {"name": 5, "emial": "x", "customer_type": "gold", "email": "x@"}

    made = send(alice, "POST", BASE, body).json()["errors"]
    assert {(e["pointer"], e["code"]) for e in made} == {
        ("/name", "incorrect_type"),
        ("/emial", "unknown_field"),
        ("/customer_type", "invalid_choice"),
        ("/email", "email_invalid"),
    }

    row = CustomerFactory(business=bakery)
    body = {"rev": 7, "unique_id": "C-1", "status": 5, "colour": "red", "name": ""}
    changed = send(alice, "PATCH", at(row), body).json()["errors"]
    assert {(e["pointer"], e["code"]) for e in changed} == {
        ("/unique_id", "read_only"),
        ("/status", "incorrect_type"),
        ("/colour", "unknown_field"),
        ("/name", "blank"),
    }

    face = f"/api/admin/customers/{row.pk}"
    missed = send(alice, "PUT", face, {"name": "x", "isVip": 1}).json()["errors"]
    pointers = {e["pointer"] for e in missed}
    assert {"/isVip", "/customerType", "/emailVerified"} <= pointers


def test_create_change_archive_restore(alice, bakery):
    made = send(alice, "POST", BASE, {"name": "Lea", "email": "lea@example.org"})
    path = made["Location"]
    changed = send(alice, "PATCH", path, {"status": "blocked"}, **{"If-Match": '"r1"'})
    late = send(alice, "PATCH", path, {"name": "L"}, **{"If-Match": '"r1"'})
    old = {"If-Match": '"r1"'}
    missed = send(alice, "POST", f"{path}/archive", **old)
    unsaid = send(alice, "DELETE", path, **old)
    gone = send(alice, "POST", f"{path}/archive", {"reason": "asked"})
    again = send(alice, "POST", f"{path}/archive")
    deleted = send(alice, "DELETE", path)
    listed = alice.get(BASE).json()["results"]
    hidden = alice.get(f"{BASE}?is_archived=true").json()["results"]
    back = send(alice, "POST", f"{path}/restore")
    twice = send(alice, "POST", f"{path}/restore/")

    assert (made.status_code, made.json()["email"]) == (201, "lea@example.org")
    assert (changed.status_code, changed.json()["status"]) == (200, "blocked")
    assert changed["ETag"] == '"r2"'
    assert (late.status_code, late["ETag"]) == (412, '"r2"')
    assert {missed.status_code, unsaid.status_code} == {412}
    assert gone.json()["archive_reason"] == "asked"
    assert (again.status_code, again.json()["code"]) == (409, "already_archived")
    assert deleted.status_code == 204
    assert (listed, [row["id"] for row in hidden]) == ([], [made.json()["id"]])
    assert back.json()["archived_at"] is None
    assert (twice.status_code, twice.json()["code"]) == (409, "not_archived")
    assert send(alice, "DELETE", path).status_code == 204


def test_a_repeated_post_with_its_key_is_done_once(alice, bakery):
    key = {"Idempotency-Key": "k-1"}
    first = send(alice, "POST", BASE, {"name": "Lea"}, **key)
    second = send(alice, "POST", BASE, {"name": "Lea"}, **key)

    assert first.json() == second.json()
    assert (second.status_code, second["Location"]) == (201, first["Location"])
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/name", "required"),
        ({"name": 5}, "/name", "incorrect_type"),
        ({"name": "L", "emial": "x"}, "/emial", "unknown_field"),
        ({"name": "L", "email": "x"}, "/email", "email_invalid"),
        ({"name": "L", "rev": 7}, "/rev", "unknown_field"),
        ({"name": "L", "business_id": "x"}, "/business_id", "unknown_field"),
        ({"name": "L", "status": "asleep"}, "/status", "invalid_choice"),
        ({"name": "L", "is_email_verified": "perhaps"}, "/is_email_verified",
         "answer_invalid"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_named(alice, body, pointer, code):
    answer = send(alice, "POST", BASE, body)

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (400, pointer, code)
    assert not Customer.objects.exists()


def test_a_new_customer_is_of_the_named_business(works_in_both, rival):
    body = {"name": "Lea", "prefer_sms": False, "address": "Seeweg 4, Zug"}

    unclear = send(works_in_both, "POST", BASE, body)
    made = send(works_in_both, "POST", BASE, body, **{"X-Business": "rival"})

    assert unclear.json()["code"] == "business_needed"
    assert made.json()["business_id"] == str(rival.pk)
    row = Customer.objects.get()
    assert row.preferences.prefer_sms is False
    assert row.addresses.get().raw == "Seeweg 4, Zug"


def test_what_is_seen_masked_is_not_overwritten(bakery, jonas):
    browser = signed_in(staff(bakery, "support"))
    seen = browser.get(at(jonas)).json()

    back = send(browser, "PATCH", at(jonas), seen | {"source": "fair"})
    wrong = send(browser, "PATCH", at(jonas), {"email": "new@example.org"})
    emptied = send(browser, "PATCH", at(jonas), {"phone": None})
    new = send(browser, "PATCH", at(jonas), {"location": "Zug"})

    assert (back.status_code, back.json()["source"]) == (200, "fair")
    for answer in (wrong, emptied):
        assert answer.json()["errors"][0]["code"] == "masked"
    # There was none to overwrite.
    assert (new.status_code, new.json()["location"]) == (200, "…")
    jonas.refresh_from_db()
    assert (jonas.email, jonas.phone) == ("jonas@example.net", "+41 44 000 00 17")


@pytest.mark.parametrize("role", ["marketing", "auditor"])
def test_who_may_only_look_writes_nothing(bakery, jonas, role):
    browser = signed_in(staff(bakery, role))

    for method, path in (
        ("POST", BASE),
        ("PATCH", at(jonas)),
        ("DELETE", at(jonas)),
        ("POST", f"{at(jonas)}/archive"),
        ("POST", f"{at(jonas)}/restore"),
        ("POST", f"{BASE}/bulk"),
        ("PATCH", f"{BASE}/bulk"),
    ):
        assert send(browser, method, path, {"name": "x"}).status_code == 403


def test_a_right_elsewhere_writes_nothing_here(bakery, rival, jonas):
    user = staff(rival)
    MembershipFactory(user=user, business=bakery, role="auditor")
    browser = signed_in(user)

    assert browser.get(at(jonas)).status_code == 200
    assert send(browser, "PATCH", at(jonas), {"name": "x"}).status_code == 403
    assert send(browser, "DELETE", at(jonas)).status_code == 403
    to = {"X-Business": "bakery"}
    assert send(browser, "POST", BASE, {"name": "x"}, **to).status_code == 404
    note = NoteFactory(customer=jonas)
    body = {"content": "x"}
    assert send(browser, "PATCH", f"/api/v1/notes/{note.pk}", body).status_code == 403
    assert send(browser, "POST", f"{at(jonas)}/notes", body).status_code == 403


def test_a_wrong_method_is_405(alice, jonas):
    answer = send(alice, "PUT", at(jonas), {"name": "x"})

    assert answer.status_code == 405
    assert "PATCH" in answer["Allow"]
