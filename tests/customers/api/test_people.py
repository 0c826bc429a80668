"""`/api/v1/customers/…` about one person: timeline, metrics, reveal; the search."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from audit.models import Event, StoredAnswer
from customers import services
from tests.conftest import actor_of, confirm, signed_in, staff
from tests.factories import (
    AddressFactory,
    BookingFactory,
    CaptureFactory,
    ConsentEventFactory,
    ContactFactory,
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
    "booking", "capture", "change", "consent", "credit", "flag", "message", "note",
    "refund", "ticket",
]  # fmt: skip


@pytest.fixture
def jonas(bakery):
    return CustomerFactory(
        business=bakery,
        name="Jonas Berg",
        email="jonas@example.net",
        phone="+47 22 11 33 55",
        external_id="4711",
    )


def post(browser, path: str, body: Any = None, **headers: str) -> Any:
    return browser.post(
        path, json.dumps(body or {}), content_type="application/json", headers=headers
    )


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


# --- timeline ------------------------------------------------------------------------


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
            {"capture", "change", "credit", "flag", "message", "note", "refund",
             "ticket"},
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

    assert body["kinds"] == ["booking", "consent"]


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
        model.objects.by(actor_of(alice.user)).bulk_create(made)

    path = f"{BASE}/{jonas.pk}/timeline?limit={limit}"
    assert_flat(call=partial(alice.get, path), grow=grow)


# --- metrics -------------------------------------------------------------------------


def test_metrics_are_the_check_values_of_the_definitions(alice, jonas):
    paid = {"status": "completed", "currency": "EUR"}
    BookingFactory(customer=jonas, total_amount=100, paid_amount=100, **paid)
    BookingFactory(customer=jonas, total_amount=50, paid_amount=50, **paid)
    gone = BookingFactory(customer=jonas, total_amount=30, paid_amount=30, **paid)
    RefundFactory(booking=gone, amount=30, status="succeeded")
    BookingFactory(customer=jonas, status="cancelled", total_amount=20)

    body = alice.get(f"{BASE}/{jonas.unique_id}/metrics/").json()

    assert body["total_orders"] == 4
    assert body["total_purchases"] == 3
    assert body["total_spent"] == body["customer_lifetime_value"] == "150.00"
    assert body["spent"] == {"EUR": "150.00"}
    assert body["avg_transaction_value"] == "50.00"
    assert body["is_repeat_customer"] is True
    assert (body["repeat_frequency"], body["is_high_value"]) == ("occasional", False)
    assert (body["next_tier"], body["purchases_to_next_tier"]) == ("regular", 1)
    assert body["days_since_last_purchase"] == 0
    assert body["as_of"].endswith("Z")


def test_metrics_of_nothing_are_null(alice, jonas):
    body = alice.get(f"{BASE}/{jonas.pk}/metrics").json()

    assert body["avg_transaction_value"] is None
    assert body["days_since_last_purchase"] is None
    assert body["total_spent"] == "0.00"


# --- reveal --------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["admin", "support"])
def test_contact_data_is_shown_after_a_confirmation(bakery, jonas, role):
    AddressFactory(customer=jonas, line1="Bakkegata 17")
    ContactFactory(customer=jonas, name="Kari", phone="+47 22 00 00 01")
    browser = signed_in(staff(bakery, role))
    confirm(browser, "reveal")

    answer = post(browser, f"{BASE}/{jonas.pk}/reveal", {"reason": "call back"})

    body = answer.json()
    assert answer.status_code == 200, body
    assert (body["email"], body["phone"]) == ("jonas@example.net", "+47 22 11 33 55")
    assert body["addresses"][0]["line1"] == "Bakkegata 17"
    assert body["contacts"][0]["phone"] == "+47 22 00 00 01"
    assert answer["Cache-Control"] == "no-store"
    event = Event.objects.get(action="field.revealed")
    assert (event.subject_id, event.reason) == (jonas.pk, "call back")
    assert event.grant_id is not None
    assert event.actor_id == browser.user.pk


def test_without_a_confirmation_nothing_is_shown(bakery, jonas):
    browser = signed_in(staff(bakery, "support"))

    answer = post(browser, f"{BASE}/{jonas.pk}/reveal", {"reason": "call back"})

    assert answer.status_code == 401
    assert answer.json()["code"] == "step_up_required"
    assert answer.json()["scope"] == "reveal"
    assert "jonas@" not in answer.text
    assert not Event.objects.filter(action="field.revealed").exists()


def test_a_confirmation_of_something_else_does_not_do(bakery, jonas):
    browser = signed_in(staff(bakery, "support"))
    confirm(browser, "manage_keys")

    answer = post(browser, f"{BASE}/{jonas.pk}/reveal", {"reason": "call back"})

    assert answer.status_code == 401


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": 1}])
def test_a_reason_is_needed(bakery, jonas, body):
    browser = signed_in(staff(bakery, "support"))
    confirm(browser, "reveal")

    assert post(browser, f"{BASE}/{jonas.pk}/reveal", body).status_code == 400
    assert not Event.objects.filter(action="field.revealed").exists()


@pytest.mark.parametrize("role", ["marketing", "auditor"])
def test_other_roles_reveal_nothing(bakery, jonas, role):
    browser = signed_in(staff(bakery, role))
    confirm(browser, "reveal")

    answer = post(browser, f"{BASE}/{jonas.pk}/reveal", {"reason": "curious"})

    assert answer.status_code == 403
    assert "jonas@" not in answer.text


def test_revealing_elsewhere_reveals_nothing_here(bakery, rival, jonas):
    user = staff(bakery, "marketing")
    MembershipFactory(user=user, business=rival, role="admin")
    browser = signed_in(user)
    confirm(browser, "reveal")

    answer = post(browser, f"{BASE}/{jonas.pk}/reveal", {"reason": "curious"})

    assert answer.status_code == 403


def test_what_was_revealed_is_kept_nowhere(bakery, jonas):
    browser = signed_in(staff(bakery, "support"))
    confirm(browser, "reveal")

    post(
        browser,
        f"{BASE}/{jonas.pk}/reveal",
        {"reason": "call"},
        **{"Idempotency-Key": "k1"},
    )

    assert not StoredAnswer.objects.exists()


# --- who may -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["timeline", "metrics", "reveal"])
def test_strangers_and_rivals_find_nobody(client, charlie, jonas, name):
    path = f"{BASE}/{jonas.pk}/{name}"

    def ask(browser: Any, where: str) -> Any:
        return post(browser, where) if name == "reveal" else browser.get(where)

    foreign = ask(charlie, path)
    missing = ask(charlie, f"{BASE}/{charlie.user.pk}/{name}")

    assert ask(client, path).status_code == 401
    assert (foreign.status_code, missing.status_code) == (404, 404)
    bodies = [answer.json() for answer in (foreign, missing)]
    for body in bodies:
        body.pop("request_id")
    assert bodies[0] == bodies[1]


def test_an_archived_customer_keeps_the_story(alice, jonas):
    services.archive_customer(jonas, actor=actor_of(alice.user), reason="asked")

    [newest, _] = walk(alice, f"{BASE}/{jonas.pk}/timeline")

    assert newest["title"] == "Customer archived."
    assert alice.get(f"{BASE}/{jonas.pk}/metrics").status_code == 200


@pytest.mark.parametrize("name", ["timeline", "metrics"])
def test_each_answer_is_an_access_event(alice, jonas, name):
    alice.get(f"{BASE}/{jonas.pk}/{name}")

    event = Event.objects.latest("occurred_at")
    assert (event.action, event.subject_id) == ("customer.viewed", jonas.pk)


def test_a_name_that_two_businesses_know_needs_the_business(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="admin")
    here = CustomerFactory(business=bakery, external_id="7")
    CustomerFactory(business=rival, external_id="7")
    browser = signed_in(user)

    vague = browser.get(f"{BASE}/7/metrics")
    clear = browser.get(f"{BASE}/7/metrics", headers={"X-Business": "bakery"})
    foreign = browser.get(f"{BASE}/{here.pk}/metrics", headers={"X-Business": "rival"})

    assert (vague.status_code, vague.json()["code"]) == (400, "business_needed")
    assert clear.json()["customer_id"] == str(here.pk)
    assert foreign.status_code == 404


# --- search --------------------------------------------------------------------------


def found(browser, text: str, **headers: str) -> list[tuple[str, str]]:
    answer = browser.get(f"{BASE}/search", {"q": text}, headers=headers)
    assert answer.status_code == 200, answer.json()
    return [(row["id"], row["matched"]) for row in answer.json()["results"]]


def test_the_search_masks_and_says_what_matched(alice, jonas):
    body = alice.get(f"{BASE}/search/", {"q": "jonas@example.net"}).json()

    [row] = body["results"]
    assert (row["matched"], row["email"]) == ("email", "j…@e….net")
    assert row["phone"].endswith("55")
    assert "22 11" not in row["phone"]
    assert row["business_id"] == str(jonas.business_id)


def test_the_search_goes_over_the_own_businesses_and_no_others(bakery, rival, jonas):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="support")
    there = CustomerFactory(business=rival, name="Jonas Dahl")
    CustomerFactory(name="Jonas Elsewhere")
    browser = signed_in(user)

    assert {pk for pk, _ in found(browser, "jonas")} == {str(jonas.pk), str(there.pk)}
    assert found(browser, "jonas", **{"X-Business": "rival"}) == [
        (str(there.pk), "name")
    ]


def test_too_little_finds_nobody(alice, jonas):
    assert found(alice, "j") == []
    assert found(alice, " ") == []


def test_a_search_is_an_access_event_with_what_was_looked_for(alice, jonas):
    found(alice, "berg")

    event = Event.objects.latest("occurred_at")
    assert (event.action, event.query) == ("customer.searched", "berg")
    assert event.subjects == [str(jonas.pk)]


def test_search_queries_do_not_grow(alice, bakery, jonas, assert_flat):
    grow = partial(CustomerFactory.create_batch, 20, business=bakery, name="Jon Dal")

    call = partial(alice.get, f"{BASE}/search", {"q": "jon", "limit": 50})
    assert_flat(call=call, grow=grow)
