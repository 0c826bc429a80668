"""The canonical API's addresses, contacts, notes, consents, wishes and figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Event
from customers.models import Note
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import (
    AddressFactory,
    BookingFactory,
    CustomerFactory,
    NoteFactory,
)

API = "/api/v1"
NEW: dict[str, dict[str, Any]] = {
    "addresses": {"line1": "Seeweg 4", "city": "Zug", "country": "CH"},
    "bookings": {"kind": "order", "total_amount": "12.50"},
    "consents": {"purpose": "marketing", "action": "given", "channel": "email"},
    "contacts": {"kind": "emergency", "name": "Kari", "phone": "+47 22 00 00 00"},
    "notes": {"content": "Prefers rye.", "note_type": "preference"},
    "tickets": {"subject": "Where is my bread?", "priority": "high"},
}
every_kind = pytest.mark.parametrize("name", NEW)


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(business=bakery, name="Jonas Berg")


def below(row: Any, name: str) -> str:
    return f"{API}/customers/{row.pk}/{name}"


@every_kind
def test_it_is_written_below_a_customer_and_shown_in_both_lists(alice, jonas, name):
    other = CustomerFactory(business=jonas.business)
    send(alice, "POST", below(other, name), NEW[name])

    made = send(alice, "POST", below(jonas, name), NEW[name])

    assert made.status_code == 201, made.content
    body = made.json()
    assert {key: body[key] for key in NEW[name]} == NEW[name]
    assert body["customer_id"] == str(jonas.pk)
    assert made["Location"] == f"{API}/{name}/{body['id']}"
    assert alice.get(made["Location"]).json()["id"] == body["id"]
    [own] = alice.get(below(jonas, name)).json()["results"]
    assert own["id"] == body["id"]
    query = f"?customer={jonas.unique_id}"
    [same] = alice.get(f"{API}/{name}{query}").json()["results"]
    assert same == own
    assert alice.get(f"{API}/{name}").json()["count"] == 2


@every_kind
def test_the_flat_address_takes_the_customer_in_the_body(alice, jonas, rival, name):
    flat, foreign = f"{API}/{name}", CustomerFactory(business=rival)

    made = send(alice, "POST", flat, NEW[name] | {"customer_id": str(jonas.pk)})
    without = send(alice, "POST", flat, NEW[name])
    theirs = send(alice, "POST", flat, NEW[name] | {"customer_id": str(foreign.pk)})
    other = NEW[name] | {"customerId": str(foreign.pk)}
    crossed = send(alice, "POST", below(jonas, name), other)

    assert made.status_code == 201
    assert without.json()["errors"][0]["code"] == "required"
    assert theirs.json()["errors"] == [
        {
            "pointer": "/customer_id",
            "code": "does_not_exist",
            "detail": "There is no such row.",
        }
    ]
    assert crossed.json()["errors"][0]["code"] == "conflict"
    assert alice.get(flat).json()["count"] == 1


@every_kind
def test_below_a_foreign_customer_there_is_nothing(charlie, jonas, name):
    assert charlie.get(below(jonas, name)).status_code == 404
    assert send(charlie, "POST", below(jonas, name), NEW[name]).status_code == 404
    refused = Event.objects.filter(action="access.denied")
    assert {event.code for event in refused} == {"not_found"}


@every_kind
def test_auditors_write_nothing(bob, jonas, name):
    assert send(bob, "POST", below(jonas, name), NEW[name]).status_code == 403
    assert bob.get(below(jonas, name)).json()["count"] == 0


@pytest.mark.parametrize("name", ["notes", "tickets"])
def test_marketing_reads_no_conversations(bakery, jonas, name):
    browser = signed_in(staff(bakery, "marketing"))

    assert browser.get(f"{API}/{name}").status_code == 403
    assert browser.get(below(jonas, name)).status_code == 403


@pytest.mark.parametrize("name", ["addresses", "contacts", "notes"])
def test_archived_rows_leave_the_list_and_come_back(alice, jonas, name):
    path = send(alice, "POST", below(jonas, name), NEW[name])["Location"]

    assert send(alice, "DELETE", path, {"reason": "moved"}).status_code == 204
    again = send(alice, "DELETE", path)
    hidden = alice.get(f"{API}/{name}?is_archived=true").json()["results"]
    empty = alice.get(below(jonas, name)).json()["results"]
    back = send(alice, "POST", f"{path}/restore", {"reason": "back"})
    gone = send(alice, "POST", f"{path}/archive", {"reason": "moved"})

    assert (again.status_code, again.content) == (204, b"")
    assert ([row["archive_reason"] for row in hidden], empty) == (["moved"], [])
    assert (back.status_code, back.json()["archived_at"]) == (200, None)
    assert gone.json()["archive_reason"] == "moved"
    verbs = {event.action.partition(".")[2] for event in Event.objects.all()}
    assert {"created", "archived", "restored"} <= verbs


def test_a_second_primary_address_is_refused_on_its_way_back(alice, jonas):
    first = AddressFactory(customer=jonas, is_primary=True)
    second = NEW["addresses"] | {"is_primary": True}
    path = f"{API}/addresses/{first.pk}"

    send(alice, "DELETE", path)
    taken = send(alice, "POST", below(jonas, "addresses"), second)
    back = send(alice, "POST", f"{path}/restore")

    assert taken.status_code == 201
    assert (back.status_code, back.json()["code"]) == (409, "restore_conflict")


def test_support_changes_a_note_and_not_what_it_sees_masked(bakery, jonas):
    browser = signed_in(staff(bakery, "support"))
    place = AddressFactory(customer=jonas, line1="Bakkegata 17")
    note = NoteFactory(customer=jonas, content="Old.")
    path = f"{API}/addresses/{place.pk}"

    seen = browser.get(path).json()
    wrong = send(browser, "PATCH", path, {"line1": "Seeweg 4"})
    right = send(browser, "PATCH", path, seen | {"kind": "work"})
    changed = send(browser, "PATCH", f"{API}/notes/{note.pk}", {"content": "New."})

    assert seen["line1"] == "B…"
    assert wrong.json()["errors"][0]["code"] == "masked"
    assert (right.status_code, right.json()["kind"]) == (200, "work")
    assert changed.json()["content"] == "New."
    place.refresh_from_db()
    assert place.line1 == "Bakkegata 17"
    assert Note.objects.get(pk=note.pk).history.count() == 2


def test_an_author_stands_beside_a_note_by_name_alone(alice, jonas):
    send(alice, "POST", below(jonas, "notes"), NEW["notes"])

    [note] = alice.get(f"{API}/notes?expand=created_by,customer").json()["results"]

    assert note["created_by"]["username"] == "alice"
    assert "email" not in note["created_by"]
    assert note["customer"]["unique_id"] == jonas.unique_id


def test_wishes_are_one_object(alice, bob, jonas):
    path = below(jonas, "preferences")

    changed = send(alice, "PATCH", path, {"average_spend": 12.5, "prefer_sms": False})
    wrong = send(alice, "PATCH", path, {"prefer_sms": "neither"})

    assert changed.json()["average_spend"] == "12.50"
    assert bob.get(path).json()["prefer_sms"] is False
    assert wrong.json()["errors"][0]["code"] == "answer_invalid"
    assert send(bob, "PATCH", path, {"prefer_sms": True}).status_code == 403


def test_how_somebody_pays_is_masked(alice, bob, jonas):
    path = below(jonas, "preferences")
    send(alice, "PATCH", path, {"preferred_payment": "invoice"})

    assert alice.get(path).json()["preferred_payment"] == "invoice"
    assert bob.get(path).json()["preferred_payment"] == "i…"


def test_figures_are_one_object(bob, charlie, jonas):
    paid = {"status": "completed", "paid_amount": 310, "total_amount": 310}
    BookingFactory(customer=jonas, **paid)

    body = bob.get(below(jonas, "stats")).json()

    assert (body["total_spent"], body["total_purchases"]) == ("310.00", 1)
    assert body["spent"] == {"EUR": "310.00"}
    assert charlie.get(below(jonas, "stats")).status_code == 404


@pytest.mark.parametrize("name", ["addresses", "contacts", "notes"])
def test_what_has_no_versions_matches_none(alice, jonas, name):
    path = send(alice, "POST", below(jonas, name), NEW[name])["Location"]
    tag = {"If-Match": '"r1"'}

    for method, to in (("PATCH", path), ("DELETE", path), ("POST", f"{path}/archive")):
        answer = send(alice, method, to, {}, **tag)
        assert (answer.status_code, answer.json()["code"]) == (412, "stale_version")
    wishes = below(jonas, "preferences")
    assert send(alice, "PATCH", wishes, {}, **tag).status_code == 412
    assert alice.get(path).json()["archived_at"] is None


def test_an_archived_contact_leaves_the_other_pages_too(alice, jonas):
    path = send(alice, "POST", below(jonas, "contacts"), NEW["contacts"])["Location"]
    page = f"/api/admin/customers/{jonas.pk}"
    before = len(alice.get(page).json()["contacts"])

    send(alice, "DELETE", path)

    assert (before, alice.get(page).json()["contacts"]) == (1, [])


@pytest.mark.parametrize("value", [5, "bread", {"a": 1}, [1], [["a"]], [None]])
def test_categories_are_a_list_of_texts(alice, jonas, value):
    path = f"{API}/customers/{jonas.pk}/preferences"

    wrong = send(alice, "PATCH", path, {"preferred_categories": value})
    right = send(alice, "PATCH", path, {"preferred_categories": ["bread"]})

    assert wrong.status_code == 400
    assert (right.status_code, right.json()["preferred_categories"]) == (200, ["bread"])


@pytest.mark.parametrize(("ahead", "status"), [(4, 201), (6, 400)])
def test_consent_is_not_given_tomorrow(alice, jonas, ahead, status):
    when = (timezone.now() + timedelta(minutes=ahead)).isoformat()
    body = NEW["consents"] | {"occurred_at": when}

    answer = send(alice, "POST", below(jonas, "consents"), body)

    assert answer.status_code == status
