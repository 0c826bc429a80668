"""The canonical API's tickets and their messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import (
    BookingFactory,
    CustomerFactory,
    TicketFactory,
    TicketMessageFactory,
)

BASE = "/api/v1/tickets"


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(business=bakery, name="Jonas Berg")


def test_tickets_are_numbered_and_have_versions(alice, jonas):
    path = f"/api/v1/customers/{jonas.pk}/tickets"
    first = send(alice, "POST", path, {"subject": "Bread?"})
    second = send(alice, "POST", path, {"subject": "Still no bread?"})
    at = second["Location"]
    closed = send(alice, "PATCH", at, {"status": "closed"}, **{"If-Match": '"r1"'})
    late = send(alice, "PATCH", at, {"status": "open"}, **{"If-Match": '"r1"'})

    assert [answer.json()["number"] for answer in (first, second)] == [1, 2]
    assert (closed.status_code, closed["ETag"]) == (200, '"r2"')
    assert closed.json()["closed_at"] is not None
    assert (late.status_code, late["ETag"]) == (412, '"r2"')


def test_it_is_given_to_a_colleague_alone(alice, bakery, rival, jonas):
    colleague, stranger = staff(bakery, "support"), staff(rival)
    path = f"{BASE}/{TicketFactory(customer=jonas).pk}"

    given = send(alice, "PATCH", path, {"assignee_id": str(colleague.pk)})
    wrong = send(alice, "PATCH", path, {"assignee_id": str(stranger.pk)})

    assert given.json()["assignee_id"] == str(colleague.pk)
    [error] = wrong.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/assignee_id", "does_not_exist")
    query = f"{BASE}?assignee={colleague.pk}&expand=assignee&fields=assignee"
    [row] = alice.get(query).json()["results"]
    assert row["assignee"]["username"] == colleague.username


def test_it_is_about_a_booking_of_its_customer(alice, bakery, jonas):
    own = BookingFactory(customer=jonas)
    other = BookingFactory(customer=CustomerFactory(business=bakery))
    path = f"/api/v1/customers/{jonas.pk}/tickets"

    made = send(alice, "POST", path, {"subject": "x", "booking_id": str(own.pk)})
    wrong = send(alice, "POST", path, {"subject": "x", "booking_id": str(other.pk)})

    assert made.json()["booking_id"] == str(own.pk)
    assert wrong.json()["errors"][0]["code"] == "does_not_exist"


def test_messages_are_written_below_a_ticket_or_with_it(alice, bakery, jonas):
    ticket = TicketFactory(customer=jonas)
    TicketMessageFactory(ticket=TicketFactory(customer=jonas))
    below = f"{BASE}/{ticket.pk}/messages"

    inner = send(alice, "POST", below, {"body": "Angry.", "is_internal": True})
    made = send(
        alice,
        "POST",
        "/api/v1/messages",
        {"body": "On its way.", "ticket_id": str(ticket.pk)},
    )

    assert (inner.status_code, made.status_code) == (201, 201)
    assert made.json()["author_id"] == str(alice.user.pk)
    rows = alice.get(f"{below}/?expand=author,ticket").json()["results"]
    assert [row["body"] for row in rows] == ["Angry.", "On its way."]
    assert {row["ticket"]["number"] for row in rows} == {ticket.number}
    assert alice.get(f"/api/v1/messages?ticket={ticket.pk}").json()["count"] == 2
    assert alice.get("/api/v1/messages").json()["count"] == 3
    # An internal one is no answer.
    assert alice.get(f"{BASE}/{ticket.pk}").json()["first_responded_at"] is not None


def test_messages_stay_with_their_ticket(alice, charlie, rival, jonas):
    ticket = TicketFactory(customer=jonas)
    foreign = TicketFactory(customer=CustomerFactory(business=rival))
    below = f"{BASE}/{ticket.pk}/messages"

    crossed = send(
        alice, "POST", below, {"body": "x", "ticket_id": str(foreign.pk)}
    ).json()
    theirs = {"body": "x", "ticket_id": str(foreign.pk)}
    named = send(alice, "POST", "/api/v1/messages", theirs).json()
    unnamed = send(alice, "POST", "/api/v1/messages", {"body": "x"}).json()

    assert crossed["errors"][0]["code"] == "conflict"
    assert named["errors"][0]["code"] == "does_not_exist"
    assert unnamed["errors"][0]["code"] == "required"
    assert charlie.get(below).status_code == 404
    assert send(charlie, "POST", below, {"body": "x"}).status_code == 404


def test_who_reads_messages_reads_of_the_customer(bob, jonas):
    message = TicketMessageFactory(ticket__customer=jonas)

    answer = bob.get(f"/api/v1/messages/{message.pk}")

    assert answer.json()["body"] == "On its way."
    assert send(bob, "PATCH", answer.request["PATH_INFO"], {}).status_code == 403
    marketing = signed_in(staff(jonas.business, "marketing"))
    assert marketing.get("/api/v1/messages").status_code == 403


def test_what_was_sent_stays_and_a_note_is_its_authors(alice, bakery, jonas):
    ticket = TicketFactory(customer=jonas)
    below = f"{BASE}/{ticket.pk}/messages"
    words = TicketMessageFactory(ticket=ticket, author_kind="customer", author=None)
    sent = send(alice, "POST", below, {"body": "On its way."}).json()["id"]
    note = {"body": "Angry.", "is_internal": True}
    own = send(alice, "POST", below, note).json()["id"]
    theirs = TicketMessageFactory(
        ticket=ticket, author=staff(bakery, "support"), is_internal=True
    )

    def change(pk: object, **values: object) -> str:
        answer = send(alice, "PATCH", f"/api/v1/messages/{pk}", values)
        assert answer.status_code in (200, 400)
        return str(answer.json().get("code", answer.json().get("body")))

    assert change(words.pk, body="No") == "message_sent"
    assert change(sent, body="No") == "message_sent"
    assert change(sent, is_internal=True) == "message_sent"
    assert change(own, is_internal=False) == "message_sent"
    assert change(theirs.pk, body="No") == "not_yours"
    assert change(own, body="Calm.") == "Calm."
    # What was answered can be sent back.
    assert change(sent, body="On its way.", is_internal=False) == "On its way."


def test_when_an_answer_is_due_is_said_at_the_opening(alice, jonas):
    due = "2026-12-01T10:00:00Z"
    body = {"subject": "x", "customer_id": str(jonas.pk), "first_response_due_at": due}
    made = send(alice, "POST", BASE, body)
    assert made.json()["first_response_due_at"] == due
    path = f"{BASE}/{made.json()['id']}"

    later = {"first_response_due_at": "2026-12-09T10:00:00Z"}
    changed = send(alice, "PATCH", path, later)

    [error] = changed.json()["errors"]
    assert (error["code"], error["pointer"]) == (
        "due_at_opening", "/first_response_due_at",
    )  # fmt: skip
    same = {"first_response_due_at": due, "subject": "y"}
    assert send(alice, "PATCH", path, same).status_code == 200


@pytest.mark.parametrize(("by", "code"), [(-1, "too_early"), (9, "in_future")])
def test_a_message_is_sent_after_the_ticket_and_before_now(alice, jonas, by, code):
    ticket = TicketFactory(customer=jonas, opened_at=timezone.now())
    sent_at = (timezone.now() + timedelta(minutes=by)).isoformat()

    answer = send(
        alice,
        "POST",
        f"{BASE}/{ticket.pk}/messages",
        {"body": "Hi", "sent_at": sent_at},
    )

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (
        400,
        "/sent_at",
        code,
    )
    ticket.refresh_from_db()
    assert ticket.first_responded_at is None
