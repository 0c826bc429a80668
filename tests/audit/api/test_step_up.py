"""Step-up through the API: sessions and tokens, refusals, and what never comes back."""

from __future__ import annotations

import json
import logging
import re
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from audit import accounts
from audit.api.step_up import StepUpView, _View, require_step_up
from audit.models import Event, Grant, PinCredential
from audit.tenancy.actors import Actor, OperationContext
from tests.conftest import actor_of, confirm, enrol, signed_in, staff
from tests.factories import PasskeyFactory, PinCredentialFactory, UserFactory
from tests.factories.audit import PASSWORD, PIN

PATH = "/api/v1/auth/step-up"
PIN_PATH = "/api/v1/auth/pin"
WRONG = "518364"
DIGEST = "d" * 64


def post(client: Client, body: Any, path: str = PATH, **headers: str) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(path, text, "application/json", headers=headers)


def put(client: Client, body: Any) -> Any:
    return client.put(PIN_PATH, json.dumps(body), "application/json")


# --- confirming -------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_session_confirms_sees_and_ends(alice, slash):
    enrol(alice)
    body = {"scope": "manage_keys", "pin": PIN}
    made = post(alice, body, PATH + slash)

    grant = Grant.objects.get()
    assert made.status_code == 200
    assert set(made.json()) == {"grant", "scope", "expires_at"}
    assert made.json()["grant"] == str(grant.pk)
    assert re.fullmatch(r"\d{4}-.*\.\d{6}Z", made.json()["expires_at"])
    assert made["Cache-Control"] == "no-store"

    seen = alice.get(PATH + slash).json()
    assert seen["grants"] == [made.json()]
    assert (seen["has_pin"], seen["locked_until"], seen["is_disabled"]) == (
        True,
        None,
        False,
    )
    assert alice.delete(PATH + slash).status_code == 204
    assert alice.get(PATH + slash).json()["grants"] == []


def test_a_confirmation_gives_the_session_a_new_key(alice):
    enrol(alice)
    old = alice.session.session_key
    post(alice, {"scope": "manage_keys", "pin": PIN})

    assert alice.session.session_key != old
    assert len(alice.get(PATH).json()["grants"]) == 1


def test_sessions_need_the_csrf_token(bakery):
    user = staff(bakery, username="dora")
    PinCredentialFactory(user=user)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    refused = post(client, {"scope": "manage_keys", "pin": PIN})

    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert "/api/v1/auth/csrf" in refused.json()["message"]
    assert PinCredential.objects.get(user=user).failed == 0
    page = client.get("/admin/account/pin/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    body = {"scope": "manage_keys", "pin": PIN, "digest": None}
    assert post(client, body, **{"X-CSRFToken": token}).status_code == 200


def test_wrong_codes_are_counted_and_lock(alice):
    enrol(alice)
    body = {"scope": "manage_keys", "pin": WRONG}
    for left in (4, 3, 2, 1):
        refused = post(alice, body)
        assert refused.status_code == 400
        assert refused.json()["code"] == "wrong_code"
        assert refused.json()["tries_left"] == left

    locked = post(alice, body)
    assert (locked.status_code, locked.json()["code"]) == (429, "locked")
    assert 0 < int(locked["Retry-After"]) <= 901
    assert locked["Content-Type"] == "application/problem+json"
    assert post(alice, body | {"pin": PIN}).status_code == 429
    assert alice.get(PATH).json()["locked_until"]


def test_another_forwarded_address_does_not_help(alice, settings):
    settings.STEP_UP_LIMITS = {"address": 3, "overall": 1000}
    enrol(alice)
    answers = [
        post(
            alice,
            {"scope": "manage_keys", "pin": WRONG},
            **{"X-Forwarded-For": f"198.51.100.{n}"},
        ).json()["code"]
        for n in range(5)
    ]

    assert answers == ["wrong_code"] * 3 + ["too_many"] * 2


def test_somebody_without_a_pin_is_told(alice):
    refused = post(alice, {"scope": "manage_keys", "pin": PIN})

    assert (refused.status_code, refused.json()["code"]) == (403, "not_enrolled")


def test_from_level_two_a_pin_is_too_little(alice, settings):
    settings.ASSURANCE_LEVEL = 2
    enrol(alice)

    refused = post(alice, {"scope": "erase", "pin": PIN, "digest": DIGEST})

    assert (refused.status_code, refused.json()["code"]) == (403, "totp_needed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "validation_error"),
        ({"scope": "everything", "pin": PIN}, "validation_error"),
        ({"scope": ["manage_keys"], "pin": PIN}, "validation_error"),
        ({"scope": "manage_keys"}, "validation_error"),
        ({"scope": "manage_keys", "pin": 407182}, "validation_error"),
        ({"scope": "manage_keys", "pin": None}, "validation_error"),
        ({"scope": "manage_keys", "pin": "4" * 300}, "validation_error"),
        ({"scope": "manage_keys", "pin": "\ud800"}, "invalid_text"),
        ({"scope": "manage_keys", "pin": "4071\x0082"}, "invalid_text"),
        ({"scope": "manage_keys", "pin": PIN, "totp": "246813"}, "validation_error"),
        ({"scope": "manage_keys", "pin": PIN, "more": "x"}, "unknown_field"),
        ({"scope": "export", "pin": PIN}, "validation_error"),
        ({"scope": "export", "pin": PIN, "digest": "d"}, "validation_error"),
        ({"scope": "manage_keys", "pin": "abcdef"}, "invalid_code"),
        ([], "malformed"),
        ("no json", "malformed"),
        ('"text"', "malformed"),
        ("{", "malformed"),
    ],
)
def test_bad_bodies_are_problems_and_cost_no_try(alice, body, code):
    enrol(alice)

    refused = post(alice, body)

    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (400, code)
    assert problem["request_id"] == refused["X-Request-Id"]
    assert PIN not in refused.text
    assert PinCredential.objects.get().failed == 0


def test_other_methods_and_types_are_problems(alice):
    assert alice.put(PATH).status_code == 405
    form = alice.post(PATH, {"scope": "manage_keys", "pin": PIN})
    assert (form.status_code, form["Content-Type"]) == (415, "application/problem+json")


# --- who ----------------------------------------------------------------------------


def test_nobody_unknown_confirms(client, db):
    for response in (
        post(client, {"scope": "manage_keys", "pin": PIN}),
        client.get(PATH),
        client.delete(PATH),
        client.put(PIN_PATH, "{}", "application/json"),
    ):
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"


def test_people_who_are_no_staff_do_not(db):
    client = signed_in(UserFactory(is_staff=False))

    assert post(client, {"scope": "manage_keys", "pin": PIN}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer sk_test_1"}, {"X-Capture-Key": "pk_test_1"}],
)
def test_machine_keys_cannot(client, db, headers):
    refused = post(client, {"scope": "manage_keys", "pin": PIN}, **headers)

    assert refused.status_code == 403
    assert refused.json()["code"] == "keys_cannot_step_up"
    assert "Sign in as a person" in refused.json()["message"]


# --- the PIN -------------------------------------------------------------------------


def test_the_first_pin_takes_a_confirmation_of_whoever_has_a_passkey(alice):
    PasskeyFactory(user=alice.user)
    body = {"password": PASSWORD, "pin": PIN}
    refused = put(alice, body)
    assert refused.status_code == 401
    assert refused.json()["code"] == "step_up_required"
    assert refused.json()["scope"] == "account"
    assert put(alice, {**body, "code": PIN}).status_code == 401
    assert not PinCredential.objects.exclude(hash="").exists()

    first, *_ = accounts.make_recovery_codes(alice.user, actor=Actor.system("test"))
    accounts.verify_step_up(
        alice.user,
        first,
        scope="account",
        binding=accounts.session_binding(alice.session.session_key),
        actor=actor_of(alice.user),
    )
    assert put(alice, body).status_code == 204


def test_a_confirmation_stands_for_the_present_pin(alice):
    enrol(alice)
    body = {"password": PASSWORD, "pin": "905318"}
    assert put(alice, body).json()["code"] == "code_needed"
    assert post(alice, {"scope": "account", "pin": PIN}).status_code == 200

    assert put(alice, body).status_code == 204


def test_a_pin_is_set_with_the_password(alice):
    assert put(alice, {"password": PASSWORD, "pin": PIN}).status_code == 204
    assert post(alice, {"scope": "manage_keys", "pin": PIN}).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"password": "no", "pin": PIN}, "wrong_password"),
        ({"password": PASSWORD, "pin": "292929"}, "repeated_pin"),
        ({"password": PASSWORD, "pin": "12"}, "invalid_pin"),
        ({"password": PASSWORD}, "validation_error"),
        ({"password": PASSWORD, "pin": PIN, "user": "ana"}, "unknown_field"),
    ],
)
def test_a_pin_that_is_not_taken_is_a_problem(alice, body, code):
    refused = put(alice, body)

    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert not PinCredential.objects.exists()


@pytest.mark.parametrize(
    ("scope", "role"),
    [
        ("export", "support"),
        ("refund_over_limit", "support"),
        ("manage_roles", "marketing"),
        ("manage_keys", "auditor"),
        ("reveal", "marketing"),
    ],
)
def test_a_scope_that_serves_no_right_is_not_confirmed(bakery, scope, role):
    browser = signed_in(staff(bakery, role))
    PinCredentialFactory(user=browser.user)

    for code in (PIN, WRONG):
        refused = post(browser, {"scope": scope, "pin": code, "digest": DIGEST})
        assert (refused.status_code, refused.json()["code"]) == (
            403,
            "permission_denied",
        )

    # The code was not even looked at.
    assert not Grant.objects.exists()
    assert PinCredential.objects.get().failed_total == 0
    told = Event.objects.filter(action__startswith="step_up.")
    assert not told.exclude(action="step_up.enrolled").exists()


# --- endpoints that need it -----------------------------------------------------------


class DangerousView(_View):
    def post(self, request: Any) -> Response:
        digest = accounts.digest_of("export", rows=request.data.get("rows"))
        grant = require_step_up(request, "export", digest=digest, what="Export")
        return Response({"grant": str(grant.pk)})


def call(view: Any, user: Any, body: Any, family: Any = None, **headers: str) -> Any:
    """Call a view as the bearer of a token of this family."""
    meta = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in headers.items()}
    request = APIRequestFactory().post("/x", body, format="json", **meta)
    request.operation = OperationContext(via="api", route="/x", ip="192.0.2.9")
    force_authenticate(request, user, family or SimpleNamespace(pk=FAMILY))
    return view.as_view()(request)


def told(response: Any) -> Any:
    return json.loads(
        response.render().content if hasattr(response, "render") else response.content
    )


FAMILY = uuid4()


@pytest.fixture
def ana(bakery):
    return PinCredentialFactory(user=staff(bakery)).user


def test_the_whole_round_of_a_frontend(ana):
    refused = call(DangerousView, ana, {"rows": 3})
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == (
        'Bearer error="insufficient_user_authentication", error_description="Confirm '
        'this act with your PIN or authenticator.", max_age=300'
    )
    problem = told(refused)
    assert (problem["code"], problem["scope"]) == ("step_up_required", "export")
    assert problem["confirm_at"] == PATH

    body = {"scope": problem["scope"], "digest": problem["digest"], "pin": PIN}
    confirmed = call(StepUpView, ana, body)
    done = call(
        DangerousView, ana, {"rows": 3}, **{"X-Step-Up-Grant": told(confirmed)["grant"]}
    )

    assert told(done) == {"grant": told(confirmed)["grant"]}
    assert call(DangerousView, ana, {"rows": 3}).status_code == 401


def test_another_act_family_or_grant_is_asked_again(ana):
    problem = told(call(DangerousView, ana, {"rows": 3}))
    body = {"scope": "export", "digest": problem["digest"], "pin": PIN}
    call(StepUpView, ana, body)

    other = SimpleNamespace(pk=uuid4())
    assert call(DangerousView, ana, {"rows": 4}).status_code == 401
    assert call(DangerousView, ana, {"rows": 3}, other).status_code == 401
    for text in (str(uuid4()), "nothing"):
        named = call(DangerousView, ana, {"rows": 3}, **{"X-Step-Up-Grant": text})
        assert named.status_code == 401
    assert call(DangerousView, ana, {"rows": 3}).status_code == 200


def test_a_machine_key_is_refused_where_a_person_is_needed(ana):
    refused = call(DangerousView, ana, {}, Authorization="Bearer sk_test_1")

    assert (refused.status_code, told(refused)["code"]) == (403, "keys_cannot_step_up")


def test_a_grant_of_the_admin_counts_in_the_same_session(alice):
    grant = confirm(alice, "manage_keys")

    assert alice.get(PATH).json()["grants"][0]["grant"] == str(grant.pk)


# --- nothing is left behind ---------------------------------------------------------


def test_no_code_reaches_answers_logs_or_events(alice, caplog):
    with caplog.at_level(logging.DEBUG):
        answers = [
            put(alice, {"password": PASSWORD, "pin": PIN}),
            post(alice, {"scope": "manage_keys", "pin": WRONG}),
            post(alice, {"scope": "manage_keys", "pin": PIN}),
            post(alice, {"scope": "manage_keys", "pin": PIN, "x": PIN}),
        ]

    texts = [a.text for a in answers] + [caplog.text]
    texts += [str(row) for row in Event.objects.values()]
    for text in texts:
        for secret in (PIN, WRONG, PASSWORD):
            assert secret not in text
