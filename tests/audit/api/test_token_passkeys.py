"""Tokens by passkey: the question, the answer, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings as ours
from django.test import Client

from audit import accounts
from audit.accounts import ceremonies, webauthn
from audit.models import Ceremony, Event, TokenFamily
from tests.authenticator import ORIGIN, Device
from tests.factories import MembershipFactory, UserFactory
from tests.factories.audit import enrolled

ASK = "/api/v1/auth/token/passkey/begin"
SIGN_IN = "/api/v1/auth/token/passkey"
APP, OTHER = "https://app.localhost", "http://localhost:9000"


@pytest.fixture
def ann(db):
    return UserFactory(username="ann", is_staff=True)


@pytest.fixture
def device(ann) -> Device:
    return enrolled(ann)


def post(
    path: str, body: Any, *, client: Client | None = None, origin: str | None = ORIGIN
) -> Any:
    headers = {} if origin is None else {"Origin": origin}
    text = body if isinstance(body, str) else json.dumps(body)
    # The origin at which a browser sees the hub.
    return (client or Client()).post(
        path,
        text,
        content_type="application/json",
        headers=headers,
        SERVER_NAME="localhost",
        SERVER_PORT="8000",
    )


def ask(**kwargs: Any) -> dict[str, Any]:
    return post(ASK, {}, **kwargs).json()


def sign_in(device: Device, more: Any = None, **kwargs: Any) -> Any:
    return post(SIGN_IN, {**device.get(ask(**kwargs)), **(more or {})}, **kwargs)


def refused(response: Any, status: int, code: str) -> bool:
    assert not TokenFamily.objects.exists()
    assert response["Cache-Control"] == "no-store"
    return (response.status_code, response.json()["code"]) == (status, code)


def told(action: str) -> list[str]:
    rows = Event.objects.filter(action=action).order_by("id")
    return list(rows.values_list("code", flat=True))


# --- who comes in ---------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_passkey_gives_two_tokens(ann, device, slash):
    asked = post(ASK + slash, {})
    assert (asked.status_code, asked["Cache-Control"]) == (200, "no-store")
    assert set(asked.json()) == {"ceremony", "options"}
    # Names nobody: the device says whose key it has.
    assert not asked.json()["options"].get("allowCredentials")
    response = post(SIGN_IN + slash, device.get(asked.json()))

    body = response.json()
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    assert set(body) == {"access", "refresh", "expires_in", "token_type"}
    assert accounts.open_token(body["access"]).user == ann
    (event,) = Event.objects.filter(action="auth.signed_in")
    assert event.data == {"method": "token", "factor": "passkey"}
    assert event.actor_id == ann.pk
    assert "sessionid" not in response.cookies


def test_a_role_that_needs_a_second_factor_has_it(ann, device, settings, bakery):
    settings.SECOND_FACTOR_ROLES = ["support"]
    MembershipFactory(user=ann, business=bakery, role="support")

    assert sign_in(device).status_code == 200


def test_tokens_are_for_others_than_staff_as_with_a_password(ann, device):
    ann.is_staff = False
    ann.save()

    assert sign_in(device).status_code == 200


def test_with_cookie_the_refresh_token_is_in_it(device):
    client = Client()
    response = sign_in(device, {"cookie": True}, client=client)

    assert set(response.json()) == {"access", "expires_in", "token_type"}
    cookie = client.cookies[ours.REFRESH_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie.value not in response.content.decode()
    # The browser is known from here on, as after a password.
    assert ours.DEVICE_COOKIE_NAME in client.cookies


def test_a_page_of_another_origin_gets_no_cookie(device, settings):
    settings.PASSKEY_ORIGINS = [ORIGIN, APP]
    settings.CORS_ALLOWED_ORIGINS = [APP]
    device.origin = APP

    assert refused(
        sign_in(device, {"cookie": True}, origin=APP), 403, "origin_not_allowed"
    )
    response = sign_in(device, origin=APP)
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == APP
    assert "Access-Control-Allow-Credentials" not in response
    assert not response.cookies


# --- who does not ---------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"is_verifying": False},
        {"origin": OTHER},
        {"domain": "example.com"},
        {"user_handle": None},
        {"id": b"unknown"},
        {"key": Device().key},
    ],
)
def test_what_proves_nothing_opens_nothing(device, fault):
    vars(device).update(fault)

    response = sign_in(device)
    assert refused(response, 401, "invalid_credentials")
    assert response["WWW-Authenticate"] == "Bearer"
    assert told("auth.failed") == ["wrong_passkey"]


def test_a_copy_whose_counter_went_back_opens_nothing(device):
    device.counter = 5
    assert sign_in(device).status_code == 200
    TokenFamily.objects.all().delete()
    device.counter = 2

    assert refused(sign_in(device), 401, "invalid_credentials")
    assert told("auth.failed") == ["passkey_cloned"]
    assert told("second_factor.refused") == ["passkey_cloned"]


def test_disabled_people_get_none(ann, device):
    ann.is_active = False
    ann.save()

    assert refused(sign_in(device), 401, "invalid_credentials")
    assert told("auth.failed") == ["disabled"]


def test_an_answer_comes_within_two_minutes_and_once(device, clock):
    answer = device.get(ask())
    clock(seconds=121)
    assert refused(post(SIGN_IN, answer), 400, "late")

    answer = device.get(ask())
    assert post(SIGN_IN, answer).status_code == 200
    TokenFamily.objects.all().delete()
    assert refused(post(SIGN_IN, answer), 400, "late")
    assert told("auth.failed") == []


def test_only_pages_of_the_list_ask_and_answer(device, settings):
    answer = device.get(ask())
    for origin in (OTHER, "null", None, "http://localhost"):
        assert refused(post(ASK, {}, origin=origin), 403, "origin_not_allowed")
        assert refused(post(SIGN_IN, answer, origin=origin), 403, "origin_not_allowed")
    # Refused before the question was used up.
    assert Ceremony.objects.count() == 1

    settings.PASSKEY_ORIGINS = [ORIGIN, OTHER]
    # What one page has asked for, no other page answers.
    assert refused(post(SIGN_IN, answer, origin=OTHER), 400, "late")


def test_an_answer_for_tokens_opens_no_session_and_the_other_way_round(device):
    client = Client()
    asked = client.post("/admin/login/passkey/", {"passkey_ask": "1"}).json()
    assert refused(post(SIGN_IN, device.get(asked), client=client), 400, "late")

    answer = json.dumps(device.get(ask(client=client)))
    page = client.post("/admin/login/passkey/", {"passkey": answer})
    assert "too long" in page.content.decode()
    assert client.get("/admin/account/").status_code == 302


def test_a_site_without_a_name_has_none(db, settings):
    settings.PASSKEY_DOMAIN, settings.PASSKEY_ORIGINS = "", []
    assert refused(post(ASK, {}), 403, "origin_not_allowed")
    settings.PASSKEY_ORIGINS = [ORIGIN]
    assert refused(post(ASK, {}), 403, "no_domain")


ANSWER: dict[str, Any] = {"ceremony": "x", "credential": {}}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (ASK, "[]", 400, "invalid_json"),
        (ASK, {"username": "ann"}, 422, "unknown_field"),
        (SIGN_IN, {}, 422, "invalid"),
        (SIGN_IN, {"ceremony": "x"}, 422, "invalid"),
        (SIGN_IN, ANSWER | {"ceremony": 7}, 422, "invalid"),
        (SIGN_IN, ANSWER | {"credential": "{}"}, 422, "invalid"),
        (SIGN_IN, ANSWER | {"credential": []}, 422, "invalid"),
        (SIGN_IN, ANSWER | {"cookie": "yes"}, 422, "invalid"),
        (SIGN_IN, ANSWER | {"otp": "1"}, 422, "unknown_field"),
        (SIGN_IN, ANSWER, 400, "late"),
        (SIGN_IN, ANSWER | {"credential": {"id": "x" * 30_000}}, 413, "too_large"),
    ],
)
def test_what_is_no_answer_is_told_what_is_wrong(db, path, body, status, code):
    assert refused(post(path, body), status, code)


@pytest.mark.parametrize(
    "credential", [{}, {"rawId": 1.5}, {"response": {}}, {"id": ["x"], "type": None}]
)
def test_what_is_no_credential_opens_nothing(db, credential):
    body = {"ceremony": ask()["ceremony"], "credential": credential}

    assert refused(post(SIGN_IN, body), 401, "invalid_credentials")


@pytest.mark.parametrize("path", [ASK, SIGN_IN])
def test_only_posted_json_is_taken(db, path):
    form = Client().post(path, {"a": "b"}, headers={"Origin": ORIGIN})
    assert refused(form, 415, "unsupported_media_type")
    assert refused(Client().get(path), 405, "method_not_allowed")


# --- limits ---------------------------------------------------------------------


def test_a_network_without_tries_is_told_to_wait(device, settings):
    settings.SIGN_IN_NETWORK_TRIES = 2
    other = Device(user_handle=device.user_handle, id=device.id)
    for _ in range(2):
        assert refused(sign_in(other), 401, "invalid_credentials")

    locked = sign_in(device)
    assert refused(locked, 429, "too_many_attempts")
    assert 0 < int(locked["Retry-After"]) <= 900
    assert "network" in told("auth.locked")


def test_questions_that_nobody_answers_are_limited(db, monkeypatch):
    monkeypatch.setattr(ceremonies, "_OPEN", 3)
    for _ in range(3):
        assert post(ASK, {}).status_code == 200

    full = post(ASK, {})
    assert refused(full, 429, "too_many")
    assert int(full["Retry-After"]) > 0


@pytest.mark.parametrize("path", [ASK, SIGN_IN])
def test_each_call_is_a_try_of_its_address(db, settings, clock, path):
    settings.STAFF_RATES = {**settings.STAFF_RATES, "login": (1, 2)}

    statuses = [post(path, {}).status_code for _ in range(4)]
    assert statuses[2:] == [429, 429]
    assert 429 not in statuses[:2]


@pytest.mark.django_db(transaction=True)
def test_eight_guesses_at_once_are_as_many_as_the_network_has(
    at_once, monkeypatch, settings
):
    settings.SIGN_IN_NETWORK_TRIES = 3
    looked: list[int] = []
    real = webauthn.check_answer

    def look(*args: Any, **kwargs: Any) -> Any:
        looked.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(webauthn, "check_answer", look)
    device = enrolled(UserFactory())
    device.is_verifying = False
    answers = [device.get(ask()) for _ in range(8)]

    results = at_once(lambda: post(SIGN_IN, answers.pop()))

    assert len(looked) == 3
    codes = sorted(response.json()["code"] for response in results)
    assert codes == ["invalid_credentials"] * 3 + ["too_many_attempts"] * 5


@pytest.mark.django_db(transaction=True)
def test_of_eight_answers_to_one_question_one_counts(at_once):
    device = enrolled(UserFactory())
    answer = device.get(ask())

    results = at_once(lambda: post(SIGN_IN, answer))

    assert sorted(r.status_code for r in results) == [200] + [400] * 7
