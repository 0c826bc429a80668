"""`/api/v1/customers/…/reveal`: contact data in clear, with a reason and a PIN."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.models import Event, IdempotentResponse
from tests.conftest import confirm, signed_in, staff
from tests.factories import AddressFactory, ContactFactory, MembershipFactory

BASE = "/api/v1/customers"


def post(browser, path: str, body: Any = None, **headers: str) -> Any:
    return browser.post(
        path, json.dumps(body or {}), content_type="application/json", headers=headers
    )


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

    assert not IdempotentResponse.objects.exists()
