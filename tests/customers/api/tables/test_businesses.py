"""The canonical API's businesses and memberships."""

from __future__ import annotations

import pytest

from tests.conftest import confirm, signed_in, staff
from tests.customers.api.sending import send

BASE = "/api/v1/businesses"


def test_everybody_reads_the_own_business_by_two_names(bob, charlie, bakery):
    [listed] = bob.get(BASE).json()["results"]
    by_slug = bob.get(f"{BASE}/bakery").json()

    assert listed == by_slug == bob.get(f"{BASE}/{bakery.pk}").json()
    assert by_slug["high_value_spent"] == "1000.00"
    assert charlie.get(f"{BASE}/bakery").status_code == 404


def test_limits_are_changed_by_an_admin_who_confirms(alice, bakery):
    body = {"refund_limit": "250.00", "settings": {"consent_wordings": {"v4": True}}}

    asked = send(alice, "PATCH", f"{BASE}/bakery", body)
    confirm(alice, "manage_roles")
    done = send(alice, "PATCH", f"{BASE}/bakery", body)

    assert (asked.status_code, asked.json()["code"]) == (401, "step_up_required")
    assert (done.status_code, done.json()["refund_limit"]) == (200, "250.00")
    bakery.refresh_from_db()
    assert bakery.wording_is_valid("v4")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"regular_from": 1}, "invalid"),
        ({"timezone": "Mars/Base"}, "invalid"),
        ({"currency": "USD"}, "read_only"),
        ({"currency": "EUR", "rev": 5}, "unknown_field"),
    ],
)
def test_a_broken_rule_is_400(alice, bakery, body, code):
    confirm(alice, "manage_roles")

    answer = send(alice, "PATCH", f"{BASE}/bakery", body)

    assert answer.status_code == 400
    if code != "invalid":
        assert [error["code"] for error in answer.json()["errors"]] == [code]


def test_what_comes_back_as_it_was_is_no_change(alice, bakery):
    confirm(alice, "manage_roles")
    seen = alice.get(f"{BASE}/bakery").json()

    answer = send(alice, "PATCH", f"{BASE}/bakery", seen | {"name": "Bakery North"})

    assert (answer.status_code, answer.json()["name"]) == (200, "Bakery North")


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
def test_others_change_nothing(bakery, role):
    browser = signed_in(staff(bakery, role))
    body = {"refund_limit": None}

    assert send(browser, "PATCH", f"{BASE}/bakery", body).status_code == 403


def test_admins_and_auditors_see_who_works_here(alice, bob, bakery, charlie):
    rows = alice.get("/api/v1/memberships?expand=user&ordering=role").json()["results"]

    assert [row["user"]["username"] for row in rows] == ["alice", "bob"]
    assert alice.get("/api/v1/memberships?role=auditor").json()["count"] == 1
    assert alice.get("/api/v1/memberships?is_ended=true").json()["count"] == 0
    assert alice.get("/api/v1/memberships?is_ended=false").json()["count"] == 2
    support = signed_in(staff(bakery, "support"))
    assert support.get("/api/v1/memberships").status_code == 403


@pytest.mark.parametrize(
    "value",
    [5, "x", [], None, {"consent_wordings": 5}, {"consent_wordings": None},
     {"mappings": []}],
)  # fmt: skip
def test_settings_have_the_shapes_they_are_read_in(alice, bakery, value):
    confirm(alice, "manage_roles")

    answer = send(alice, "PATCH", f"{BASE}/bakery", {"settings": value})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/settings"
    bakery.refresh_from_db()
    assert bakery.settings == {}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"consent_wordings": {"x" * 51: True}}, "wording_too_long"),
        ({"invoice": {"language": "fr"}}, "language_unknown"),
    ],
)
def test_settings_have_the_bounds_of_the_form(alice, bakery, actor, value, code):
    path = f"{BASE}/bakery"
    confirm(alice, "manage_roles")
    [error] = send(alice, "PATCH", path, {"settings": value}).json()["errors"]
    assert (error["pointer"], error["code"]) == ("/settings", code)
    bakery.refresh_from_db()
    assert bakery.settings == {}

    # What was stored before the rule keeps nobody from changing something else.
    bakery.settings = value
    bakery.as_actor(actor).save()
    changed = {"settings": {**value, "require_verified_email": True}}
    assert send(alice, "PATCH", path, changed).status_code == 200
    assert send(alice, "PATCH", path, {"name": "Bakery"}).status_code == 200
