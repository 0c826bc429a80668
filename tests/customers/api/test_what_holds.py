"""What is written about contacting somebody is answered with what holds from now on."""

from __future__ import annotations

from typing import Any

import pytest

from customers.choices import ConsentChannel, Purpose
from tests.conftest import signed_in, staff
from tests.customers.api.sending import post, send
from tests.factories import (
    ConsentEventFactory,
    CustomerFactory,
    PreferencesFactory,
)


@pytest.fixture
def ana(bakery):
    bakery.settings = {"consent_wordings": {"v3": True}}
    bakery.save()
    ana = CustomerFactory(business=bakery, email="ana@example.org")
    PreferencesFactory(customer=ana)
    for channel in ("email", "sms"):
        ConsentEventFactory(customer=ana, channel=channel)
    return ana


def held(answer: Any) -> dict[tuple[str, str], tuple[bool, str]]:
    """Return whether each purpose may be sent in each way, and what decides."""
    assert answer.status_code in (200, 201), answer.content
    return {
        (one["purpose"], one["channel"]): (one["is_allowed"], one["rule"])
        for one in answer.json()["holds"]
    }


def test_a_change_of_preferences_answers_what_holds(alice, ana):
    path = f"/api/v1/customers/{ana.pk}/preferences"

    asked = send(alice, "PATCH", path, {"prefer_email": True})
    silenced = send(alice, "PATCH", path, {"do_not_contact": True})

    everything = {(p, c) for p in Purpose.values for c in ConsentChannel.values}
    assert held(asked).keys() == held(silenced).keys() == everything
    assert held(asked)[("marketing", "email")] == (True, "consent")
    assert held(silenced)[("marketing", "email")] == (False, "do_not_contact")
    [email] = [
        one
        for one in silenced.json()["holds"]
        if (one["purpose"], one["channel"]) == ("marketing", "email")
    ]
    assert email["origin"] == "staff"
    assert email["since"]


def test_what_a_change_answers_can_be_sent_back(alice, ana):
    path = f"/api/v1/customers/{ana.pk}/preferences"
    answered = send(alice, "PATCH", path, {"do_not_contact": True}).json()

    again = send(alice, "PATCH", path, {**answered, "best_contact_time": "evenings"})

    assert again.status_code == 200, again.content
    assert again.json()["best_contact_time"] == "evenings"


def test_preferences_that_are_read_say_nothing_of_it(alice, ana):
    assert "holds" not in alice.get(f"/api/v1/customers/{ana.pk}/preferences").json()


def test_an_answer_of_the_person_says_it_of_its_purpose(alice, ana):
    body = {"purpose": "marketing", "channel": "email", "action": "withdrawn"}

    answer = post(alice, f"/api/v1/customers/{ana.pk}/consents", body)

    assert {purpose for purpose, _ in held(answer)} == {"marketing"}
    assert held(answer)[("marketing", "email")] == (False, "withdrawn")


def test_who_may_not_write_learns_nothing(bakery, charlie, ana):
    path = f"/api/v1/customers/{ana.pk}/preferences"
    body = {"do_not_contact": True}

    denied = send(signed_in(staff(bakery, "auditor")), "PATCH", path, body)
    foreign = send(charlie, "PATCH", path, body)

    assert (denied.status_code, foreign.status_code) == (403, 404)
    assert "holds" not in denied.json() | foreign.json()
