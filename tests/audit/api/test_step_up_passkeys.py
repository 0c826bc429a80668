"""Step-up with passkeys through the API: the question, the answer, and refusals."""

from __future__ import annotations

import pytest
from django.test import Client

from audit import accounts
from audit.models import Grant
from tests.audit.api.test_step_up import DIGEST, post
from tests.factories.audit import enrolled

ASK = "/api/v1/auth/step-up/passkey/begin"
CONFIRM = "/api/v1/auth/step-up/passkey"
ACT = {"scope": "export", "digest": DIGEST}


@pytest.fixture
def device(alice):
    made = enrolled(alice.user)
    alice.force_login(alice.user)
    return made


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_session_confirms_and_gets_a_new_key(alice, device, slash):
    asked = post(alice, ACT, ASK + slash)
    assert asked.status_code == 200
    assert asked["Cache-Control"] == "no-store"
    before = alice.session.session_key
    made = post(alice, {**ACT, **device.get(asked.json())}, CONFIRM + slash)

    assert made.status_code == 200
    grant = Grant.objects.get()
    assert (grant.method, grant.digest) == ("passkey", DIGEST)
    assert made.json()["grant"] == str(grant.pk)
    assert alice.session.session_key != before
    state = alice.get("/api/v1/auth/step-up").json()
    assert state["grants"] == [made.json()]


def test_a_token_confirms_for_itself(alice, device):
    bearer = {"Authorization": f"Bearer {accounts.issue_tokens(alice.user).access}"}
    other = {"Authorization": f"Bearer {accounts.issue_tokens(alice.user).access}"}
    asked = post(Client(), ACT, ASK, **bearer).json()
    late = post(Client(), {**ACT, **device.get(asked)}, CONFIRM, **other)
    assert (late.status_code, late.json()["code"]) == (400, "late")

    asked = post(Client(), ACT, ASK, **bearer).json()
    made = post(Client(), {**ACT, **device.get(asked)}, CONFIRM, **bearer)
    assert made.status_code == 200


def test_what_was_signed_for_one_act_confirms_no_other(alice, device):
    asked = post(alice, ACT, ASK).json()
    other = {**ACT, **device.get(asked), "digest": "e" * 64}

    assert post(alice, other, CONFIRM).json()["code"] == "late"
    assert not Grant.objects.exists()


def test_a_wrong_answer_is_told_with_the_tries_left(alice, device):
    device.is_verifying = False
    for left in (4, 3, 2, 1):
        asked = post(alice, ACT, ASK).json()
        wrong = post(alice, {**ACT, **device.get(asked)}, CONFIRM)
        assert (wrong.status_code, wrong.json()["code"]) == (400, "wrong_passkey")
        assert wrong.json()["tries_left"] == left
    asked = post(alice, ACT, ASK).json()
    locked = post(alice, {**ACT, **device.get(asked)}, CONFIRM)
    assert (locked.status_code, locked.json()["code"]) == (429, "locked")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ASK, []),
        (ASK, {"scope": "everything"}),
        (ASK, {"scope": "export"}),
        (ASK, {**ACT, "pin": "407182"}),
        (CONFIRM, ACT),
        (CONFIRM, []),
        (CONFIRM, {**ACT, "ceremony": "x", "credential": "y"}),
        (CONFIRM, {**ACT, "ceremony": 7, "credential": {}}),
        (CONFIRM, {**ACT, "ceremony": "x", "credential": {}}),
        (CONFIRM, {**ACT, "credential": {}, "more": "x"}),
    ],
)
def test_what_is_no_answer_is_refused(alice, device, path, body):
    assert post(alice, body, path).status_code == 400


def test_whoever_has_none_is_told(alice, bob):
    refused = post(alice, ACT, ASK)
    assert (refused.status_code, refused.json()["code"]) == (403, "no_passkey")
    assert post(bob, {"scope": "manage_keys"}, ASK).status_code == 403
    assert post(Client(), ACT, ASK).status_code == 401
    key = post(alice, ACT, ASK, **{"X-Capture-Key": "sk_x"})
    assert key.json()["code"] == "keys_cannot_step_up"
