"""Person exports at `/api/v1`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from audit.models import Event
from customers.models import Booking
from tests.conftest import signed_in, staff
from tests.customers.api.sending import confirmed, post
from tests.factories import (
    BookingFactory,
    CaptureFactory,
)


@pytest.fixture
def booking(bakery) -> Booking:
    row: Booking = BookingFactory(
        customer__business=bakery,
        customer__name="Jonas <b>Berg</b>",
        customer__email="jonas@example.net",
        status="completed",
        total_amount=Decimal(20),
        paid_amount=Decimal(20),
        lines=[{"description": "<script>rye</script>", "quantity": "2"}],
    )
    return row


def export(booking: Booking) -> str:
    return f"/api/v1/customers/{booking.customer_id}/export"


def link(browser, booking) -> str:
    answer = confirmed(browser, export(booking), {"reason": "asked"}, "export")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["link"])


def test_the_link_opens_once(alice, booking):
    path = link(alice, booking)
    assert path.startswith("/api/v1/exports/person/")

    file = alice.get(path)

    assert file["Content-Disposition"].startswith("attachment")
    assert file["Cache-Control"] == "no-store"
    body = json.loads(b"".join(file))
    assert body["customer"]["id"] == str(booking.customer_id)
    again = alice.get(path)
    assert (again.status_code, again.json()["code"]) == (410, "link_used")
    events = Event.objects.filter(action__startswith="export.")
    assert [e.action.partition(".")[2] for e in events.order_by("pk")] == [
        "requested",
        "started",
        "finished",
    ]
    assert {e.subject_id for e in events} == {booking.customer_id}
    assert len({e.grant_id for e in events}) == 1
    assert None not in {e.grant_id for e in events}


def test_asking_for_the_head_does_not_use_it_up(alice, booking):
    path = link(alice, booking)

    assert alice.head(path).status_code == 405
    assert alice.get(path).status_code == 200


def test_it_is_for_the_person_who_asked(alice, bakery, booking, client):
    path = link(alice, booking)

    assert client.get(path).status_code == 401
    assert signed_in(staff(bakery)).get(path).status_code == 404
    assert signed_in(staff(bakery, "support")).get(path).status_code == 403
    assert alice.get(path[:-2]).status_code == 404
    assert alice.get(path).status_code == 200


def test_it_is_good_for_ten_minutes(clock, alice, booking):
    path = link(alice, booking)
    clock(minutes=11)

    assert alice.get(path).status_code == 410


def test_each_export_is_confirmed_by_itself(alice, booking):
    link(alice, booking)

    assert post(alice, export(booking), {"reason": "again"}).status_code == 401


def test_what_captures_told_is_in_it(alice, booking, bakery):
    told: dict[str, Any] = {"email": "jonas@example.net", "name": "Jonas"}
    CaptureFactory(source__business=bakery, body=told)

    body = json.loads(b"".join(alice.get(link(alice, booking))))

    assert body["signups"][0]["email"] == "jonas@example.net"
    assert "jonas@example.net" in body["captures"][0]["payload"]


def test_it_stands_in_the_list_of_exports_as_it_ended(alice, booking):
    b"".join(alice.get(link(alice, booking)))
    alice.get(link(alice, booking))

    broken, whole = alice.get("/api/v1/exports").json()["exports"]

    facts = ("profile", "format", "reason", "status")
    assert [whole[name] for name in facts] == ["person", "json", "asked", "finished"]
    assert whole["rows"] > 0
    assert whole["finished_at"] is not None
    assert (broken["status"], broken["rows"]) == ("started", None)


# --- to whom -------------------------------------------------------------------------
