"""`/api/v1/customers/…/timeline`: what happened with one person, newest first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from audit import log
from audit.tenancy.actors import Actor
from customers import services
from tests.conftest import actor_of, signed_in, staff
from tests.factories import (
    BookingFactory,
    CaptureFactory,
    ConsentEventFactory,
    CreditFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
    NoteFactory,
    RefundFactory,
    SourceFactory,
    TicketFactory,
    TicketMessageFactory,
)

BASE = "/api/v1/customers"
KINDS = [
    "access", "booking", "capture", "change", "consent", "credit", "flag", "invoice",
    "message", "note", "payment", "refund", "ticket",
]  # fmt: skip


def walk(browser, path: str) -> list[dict[str, Any]]:
    """Return all entries, page by page."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        body = browser.get(following).json()
        found += body["results"]
        following = body["next"]
    return found


def everything(row) -> None:
    """Make one entry of each kind for a customer."""
    refund = RefundFactory(booking__customer=row)
    BookingFactory(customer=row, status="draft")
    CreditFactory(customer=row)
    NoteFactory(customer=row)
    FlagFactory(customer=row)
    ConsentEventFactory(customer=row)
    TicketMessageFactory(ticket=TicketFactory(customer=row), is_internal=True)
    source = SourceFactory(business=row.business)
    CaptureFactory(
        source=source,
        type="payment",
        body={
            "email": row.email,
            "final_price": "12.50",
            "currency": "EUR",
            "transaction_id": "T-1",
            "payment_status": "paid",
        },
    )
    assert refund.customer_id == row.pk
    system = Actor.system("test")
    log.record_reveal(row, actor=system, subject=row.pk, reason="#7")
    log.record("invoice.sent", row, actor=system, subjects=[row.pk])


def test_every_kind_stands_in_the_timeline(alice, jonas):
    everything(jonas)

    body = alice.get(f"{BASE}/{jonas.pk}/timeline").json()

    assert body["kinds"] == KINDS
    assert {entry["kind"] for entry in body["results"]} == set(KINDS)
    assert body["next"] is None
    by_kind = {entry["kind"]: entry for entry in body["results"]}
    assert by_kind["refund"]["amount"] == "5.00"
    assert by_kind["capture"]["amount"] == "12.50"
    assert by_kind["capture"]["title"] == "Payment paid."
    assert by_kind["credit"]["currency"] == "EUR"
    assert by_kind["message"]["data"]["is_internal"] is True
    places = [(entry["at"], entry["id"]) for entry in body["results"]]
    assert places == sorted(places, reverse=True)


def test_titles_name_nobody(alice, jonas):
    everything(jonas)
    services.update_customer(
        jonas,
        actor=actor_of(alice.user),
        name="Jonas Bergmann",
        phone="+47 22 11 33 56",
    )

    for entry in walk(alice, f"{BASE}/{jonas.pk}/timeline"):
        text = json.dumps(entry)
        assert "Berg" not in text
        assert "jonas@" not in text
        assert "22 11 33" not in text


def test_changes_are_named_with_who_made_them(alice, jonas):
    actor = actor_of(alice.user)
    services.update_customer(jonas, actor=actor, name="J", phone=None)
    services.archive_customers([jonas.pk], actor=actor, reason="asked by phone")
    services.restore_customers([jonas.pk], actor=actor, reason="a mistake")

    found = walk(alice, f"{BASE}/{jonas.pk}/timeline?kinds=change")

    assert [entry["title"] for entry in found] == [
        "Customer restored.", "Customer archived.", "Changed: name, phone.",
        "Customer created.",
    ]  # fmt: skip
    assert [entry["data"]["action"] for entry in found] == [
        "restored", "archived", "changed", "created",
    ]  # fmt: skip
    assert found[0]["data"]["reason"] == "a mistake"
    assert found[2]["data"]["fields"] == ["name", "phone"]
    assert [entry["actor"] for entry in found] == ["alice", "alice", "alice", None]


def test_each_page_knows_what_the_next_version_replaced(alice, jonas):
    for name in ("A", "B", "C"):
        services.update_customer(jonas, actor=actor_of(alice.user), name=name)

    found = walk(alice, f"{BASE}/{jonas.pk}/timeline?kinds=change&limit=1")

    titles = [entry["title"] for entry in found]
    assert titles == ["Changed: name."] * 3 + ["Customer created."]


def test_flags_come_and_go(alice, jonas):
    actor = actor_of(alice.user)
    services.add_flag(jonas, "vip-guest", actor=actor, reason="often here")
    services.remove_flag(jonas, "vip-guest", actor=actor, reason="no more")

    found = walk(alice, f"{BASE}/{jonas.pk}/timeline?kinds=flag")

    assert [entry["data"]["action"] for entry in found] == ["removed", "added"]


def test_walking_gives_each_entry_once_also_while_new_ones_arrive(alice, jonas):
    # Many of the same moment, which only their ids tell apart.
    moments = [
        datetime(2026, 3, 1, 12, minute // 5, tzinfo=UTC) for minute in range(30)
    ]
    for moment in moments:
        BookingFactory(customer=jonas, placed_at=moment)
        TicketFactory(customer=jonas, opened_at=moment)
    path = f"{BASE}/{jonas.pk}/timeline?kinds=booking,ticket"
    whole = alice.get(f"{path}&limit=100").json()["results"]

    found, following = [], f"{path}&limit=7"
    while following:
        body = alice.get(following).json()
        found += body["results"]
        following = body["next"]
        BookingFactory(customer=jonas)

    assert len(whole) == 60
    assert [entry["id"] for entry in found] == [entry["id"] for entry in whole]


def test_kinds_and_limit_choose(alice, jonas):
    everything(jonas)

    body = alice.get(f"{BASE}/{jonas.pk}/timeline?kinds=note,ticket&limit=1").json()

    assert len(body["results"]) == 1
    assert body["next"].startswith(f"{BASE}/{jonas.pk}/timeline?kinds=note%2Cticket")


@pytest.mark.parametrize(
    "query",
    [
        "kinds=nothing",
        "cursor=nonsense",
        "cursor=MjAyNi0wMS0wMVQwMDowMDowMHw=",
        "limit=0",
        "limit=101",
        "page=1",
    ],
)
def test_a_wrong_parameter_is_400(alice, jonas, query):
    answer = alice.get(f"{BASE}/{jonas.pk}/timeline?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("role", "missing"),
    [
        ("admin", set()),
        ("support", set()),
        ("auditor", set()),
        (
            "marketing",
            {"access", "capture", "change", "credit", "flag", "message", "note",
             "payment", "refund", "ticket"},
        ),
    ],
)  # fmt: skip
def test_a_role_sees_its_kinds_and_no_others(bakery, jonas, role, missing):
    everything(jonas)
    browser = signed_in(staff(bakery, role))

    body = browser.get(f"{BASE}/{jonas.pk}/timeline").json()
    asked = browser.get(f"{BASE}/{jonas.pk}/timeline?kinds=note").json()

    assert set(body["kinds"]) == set(KINDS) - missing
    assert {entry["kind"] for entry in body["results"]} == set(KINDS) - missing
    assert bool(asked["results"]) == ("note" not in missing)


def test_a_right_elsewhere_opens_no_kind_here(bakery, rival, jonas):
    everything(jonas)
    user = staff(bakery, "marketing")
    MembershipFactory(user=user, business=rival, role="admin")

    body = signed_in(user).get(f"{BASE}/{jonas.pk}/timeline").json()

    assert body["kinds"] == ["booking", "consent", "invoice"]


def test_a_timeline_is_of_one_customer(alice, bakery, jonas):
    everything(CustomerFactory(business=bakery, email="other@example.org"))

    found = walk(alice, f"{BASE}/{jonas.pk}/timeline")

    assert [entry["title"] for entry in found] == ["Customer created."]


@pytest.mark.parametrize("limit", [5, 100])
def test_queries_are_as_many_for_ten_entries_as_for_a_thousand(
    alice, jonas, assert_flat, limit
):
    everything(jonas)

    def grow() -> None:
        model = type(BookingFactory(customer=jonas))
        made = [
            model(
                business=jonas.business,
                customer=jonas,
                currency="EUR",
                placed_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n),
            )
            for n in range(1000)
        ]
        model.objects.as_actor(actor_of(alice.user)).bulk_create(made)

    path = f"{BASE}/{jonas.pk}/timeline?limit={limit}"
    assert_flat(call=partial(alice.get, path), grow=grow)


def test_an_archived_customer_keeps_the_story(alice, jonas):
    services.archive_customer(jonas, actor=actor_of(alice.user), reason="asked")

    [newest, _] = walk(alice, f"{BASE}/{jonas.pk}/timeline")

    assert newest["title"] == "Customer archived."
    assert alice.get(f"{BASE}/{jonas.pk}/metrics").status_code == 200
