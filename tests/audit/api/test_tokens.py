from __future__ import annotations

import json
import time
from datetime import timedelta

import jwt
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit import accounts
from audit.accounts import totp
from audit.models import Event, TokenFamily
from audit.tenancy.actors import Actor
from tests.conftest import in_parallel
from tests.factories import AuthenticatorFactory, MembershipFactory, UserFactory

PASSWORD = "correct horse battery"
CREDENTIALS = {"username": "ann", "password": PASSWORD}
TOKEN, REFRESH, REVOKE = (
    f"/api/v1/auth/{name}" for name in ("token", "refresh", "revoke")
)


@pytest.fixture
def ann(db):
    return UserFactory(username="ann", password=PASSWORD, is_staff=False)


def send(path: str, body: object, client: Client | None = None, **kwargs):
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    kwargs = {"content_type": "application/json", **kwargs}
    return (client or Client()).post(path, text, **kwargs)


def code_now(row) -> str:
    return totp.code_of(row.seed, totp.step_at(time.time()))


def is_problem(response, status: int, code: str) -> bool:
    body = response.json()
    return (
        response["Content-Type"] == "application/problem+json"
        and response.status_code == body["status"] == status
        and body["code"] == code
        and PASSWORD not in response.content.decode()
    )


# --- issuing --------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_name_and_password_give_two_tokens(ann, slash):
    response = send(TOKEN + slash, CREDENTIALS)

    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"access", "refresh", "expires_in", "token_type"}
    assert (body["expires_in"], body["token_type"]) == (600, "Bearer")
    assert response["Cache-Control"] == "no-store"
    assert accounts.open_token(body["access"]).user == ann
    (event,) = Event.objects.filter(action="auth.signed_in")
    assert event.data == {"method": "token", "factor": "password"}
    assert event.actor_id == ann.pk


@pytest.mark.parametrize("username", ["ann", "nobody"])
def test_wrong_ones_read_the_same_whoever_it_is(ann, username):
    response = send(TOKEN, {"username": username, "password": "no"})

    assert is_problem(response, 401, "invalid_credentials")
    assert response["WWW-Authenticate"] == "Bearer"
    assert "Retry-After" not in response


@pytest.mark.parametrize("username", ["ann", "nobody"])
def test_ten_tries_lock_and_say_until_when(ann, username):
    for _ in range(10):
        send(TOKEN, {"username": username, "password": "no"})

    response = send(TOKEN, {"username": username, "password": PASSWORD})

    assert is_problem(response, 429, "too_many_attempts")
    assert 0 < int(response["Retry-After"]) <= 900


def test_admin_and_tokens_share_the_counters(ann):
    for _ in range(5):
        send(TOKEN, {**CREDENTIALS, "password": "no"})
        Client().post("/admin/login/", {**CREDENTIALS, "password": "no"})

    assert send(TOKEN, CREDENTIALS).status_code == 429


def test_disabled_people_get_none(ann):
    ann.is_active = False
    ann.save()

    assert is_problem(send(TOKEN, CREDENTIALS), 401, "invalid_credentials")


def test_whoever_has_an_authenticator_sends_its_code(ann):
    row = AuthenticatorFactory(user=ann)

    without = send(TOKEN, CREDENTIALS)
    wrong = send(TOKEN, {**CREDENTIALS, "otp": "abcdef"})
    code = code_now(row)
    right = send(TOKEN, {**CREDENTIALS, "otp": code})
    again = send(TOKEN, {**CREDENTIALS, "otp": code})

    assert is_problem(without, 401, "second_factor_required")
    assert is_problem(wrong, 401, "second_factor")
    assert right.status_code == 200
    assert is_problem(again, 401, "second_factor")


def test_whoever_needs_one_and_has_none_gets_no_token(ann, settings, bakery):
    settings.SECOND_FACTOR_ROLES = ["support"]
    MembershipFactory(user=ann, business=bakery, role="support")

    response = send(TOKEN, CREDENTIALS)

    assert is_problem(response, 403, "second_factor_enrolment_required")
    assert not TokenFamily.objects.exists()


def test_a_token_of_before_ends_when_the_role_begins_to_need_one(ann, settings, bakery):
    token = accounts.issue_tokens(ann)
    MembershipFactory(user=ann, business=bakery, role="support")
    assert accounts.open_token(token.access)

    settings.SECOND_FACTOR_ROLES = ["support"]

    with pytest.raises(accounts.TokenError):
        accounts.open_token(token.access)


# --- bad input ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (" ", 400, "invalid_json"),
        ("no json", 400, "invalid_json"),
        (b"\xff\xfe\x00", 400, "invalid_json"),
        ("[]", 400, "invalid_json"),
        ("null", 400, "invalid_json"),
        ("[" * 10_000, 400, "invalid_json"),
        ('{"a":' * 3000 + "1" + "}" * 3000, 400, "invalid_json"),
        ("1" * 5000, 400, "invalid_json"),
        ("x" * 20_001, 413, "too_large"),
        ("{}", 422, "invalid"),
        ({"username": "ann"}, 422, "invalid"),
        ({"username": 1, "password": "x"}, 422, "invalid"),
        ({"username": None, "password": "x"}, 422, "invalid"),
        ({"username": ["ann"], "password": "x"}, 422, "invalid"),
        ({"username": "a\0", "password": "x"}, 400, "invalid_json"),
        ({"username": "ann", "password": "\ud800"}, 400, "invalid_json"),
        ('{"username": "ann", "username": "bo"}', 400, "invalid_json"),
        ({"username": "a" * 5000, "password": "x"}, 422, "invalid"),
        ({"username": "ann", "password": "x", "cookie": "yes"}, 422, "invalid"),
        ({"username": "ann", "password": "x", "otp": 482913}, 422, "invalid"),
        ({"username": "ann", "password": "x", "mpin": "1"}, 422, "unknown_field"),
    ],
)
def test_bad_bodies_are_told_what_is_wrong(db, body, status, code):
    assert is_problem(send(TOKEN, body), status, code)


@pytest.mark.parametrize("path", [TOKEN, REFRESH, REVOKE])
def test_only_posted_json_is_taken(db, path):
    form = send(path, "a=b", content_type="application/x-www-form-urlencoded")
    assert is_problem(form, 415, "unsupported_media_type")
    assert is_problem(
        send(path, "{}", content_type="text/plain"), 415, form.json()["code"]
    )
    got = Client().get(path)
    assert is_problem(got, 405, "method_not_allowed")
    assert got["Allow"] == "POST"


@pytest.mark.parametrize(
    "name", ["token", "token/passkey/begin", "token/passkey", "refresh", "revoke"]
)
def test_a_body_that_is_missing_is_no_object(db, name):
    path = f"/api/v1/auth/{name}"

    empty = send(path, "", CONTENT_TYPE="application/json")
    plain = send(path, "", CONTENT_TYPE="text/plain")

    assert is_problem(empty, 400, "invalid_json")
    assert is_problem(plain, 415, "unsupported_media_type")


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["username", "password", "otp", "cookie", "refresh", "x"]),
            inner,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_JSON, path=st.sampled_from([TOKEN, REFRESH, REVOKE]))
def test_no_json_is_ever_an_error_of_ours(db, body, path):
    assert send(path, body).status_code < 500


# --- refreshing -----------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_refreshing_gives_two_new_tokens(ann, slash):
    first = send(TOKEN, CREDENTIALS).json()

    second = send(REFRESH + slash, {"refresh": first["refresh"]}).json()

    assert second["refresh"] != first["refresh"]
    assert accounts.open_token(second["access"]) == accounts.open_token(first["access"])


def test_a_spent_refresh_token_ends_the_whole_family(ann):
    first = send(TOKEN, CREDENTIALS).json()
    second = send(REFRESH, {"refresh": first["refresh"]}).json()

    stolen = send(REFRESH, {"refresh": first["refresh"]})

    assert is_problem(stolen, 401, "invalid_token")
    assert is_problem(
        send(REFRESH, {"refresh": second["refresh"]}), 401, "invalid_token"
    )
    with pytest.raises(accounts.TokenError):
        accounts.open_token(second["access"])
    (event,) = Event.objects.filter(action="auth.token_reused")
    assert (event.object_id, event.outcome) == (str(ann.pk), "refused")


def test_reuse_ends_no_other_family(ann):
    other = send(TOKEN, CREDENTIALS).json()
    first = send(TOKEN, CREDENTIALS).json()
    for _ in range(2):
        send(REFRESH, {"refresh": first["refresh"]})

    assert send(REFRESH, {"refresh": other["refresh"]}).status_code == 200


def test_a_family_ends_after_its_time_however_often_it_is_refreshed(ann):
    tokens = accounts.issue_tokens(ann)
    TokenFamily.objects.update(expires_at=timezone.now() + timedelta(seconds=30))

    refreshed = send(REFRESH, {"refresh": tokens.refresh}).json()

    assert refreshed["expires_in"] <= 30
    TokenFamily.objects.update(expires_at=timezone.now())
    assert is_problem(
        send(REFRESH, {"refresh": refreshed["refresh"]}), 401, "invalid_token"
    )


def forged(family: TokenFamily, key: str = "", **changes: object) -> str:
    claims = {
        "fam": str(family.pk),
        "typ": "access",
        "sub": str(family.user_id),
        "exp": int(time.time()) + 600,
        **changes,
    }
    return jwt.encode(claims, key or "k" * 32, algorithm="HS256")


def test_forged_tokens_open_nothing(ann, settings):
    tokens = accounts.issue_tokens(ann)
    family = TokenFamily.objects.get()
    header, body, _ = tokens.access.split(".")
    unsigned = jwt.encode({"fam": str(family.pk)}, "", algorithm="none")
    for text in (
        forged(family),
        forged(family, settings.SECRET_KEY + "x" * 32),
        unsigned,
        f"{header}.{body}.",
        f"{header}.{body}.AAAA",
        tokens.access + "x",
        "",
        "a.b.c",
        "ü.b.c",
        "x" * 100_000,
        # One for the other is no token either.
        tokens.refresh,
    ):
        with pytest.raises(accounts.TokenError):
            accounts.open_token(text)
    assert send(REFRESH, {"refresh": tokens.access}).status_code == 401
    # None of these was a token of the family, so it lives.
    assert accounts.open_token(tokens.access)


def test_access_ends_after_ten_minutes(clock, ann):
    tokens = accounts.issue_tokens(ann)
    clock(minutes=10)

    with pytest.raises(accounts.TokenError):
        accounts.open_token(tokens.access)


def test_times_are_settings(ann, settings):
    settings.ACCESS_TOKEN_MINUTES, settings.REFRESH_TOKEN_DAYS = 1, 2

    assert accounts.issue_tokens(ann).expires_in == 60
    family = TokenFamily.objects.get()
    assert family.expires_at - family.created_at < timedelta(days=2, seconds=5)


# --- revoking -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_either_token_ends_the_family(ann, kind, slash):
    tokens = send(TOKEN, CREDENTIALS).json()

    response = send(REVOKE + slash, {"token": tokens[kind]})

    assert (response.status_code, response.json()) == (200, {})
    assert send(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
    (event,) = Event.objects.filter(action="auth.tokens_revoked")
    assert (event.code, event.actor_id) == ("signed_out", ann.pk)


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 4000])
def test_revoking_what_is_no_token_is_done_already(db, token):
    body = {"token": token, "token_type_hint": "refresh_token"}

    assert send(REVOKE, body).status_code == 200


# --- nothing secret is kept -----------------------------------------------------


def test_no_token_or_password_is_stored_or_logged(ann, caplog):
    with caplog.at_level("DEBUG"):
        tokens = send(TOKEN, CREDENTIALS).json()
        send(REFRESH, {"refresh": tokens["refresh"]})
        send(TOKEN, {**CREDENTIALS, "password": "a wrong secret"})

    rows = [*TokenFamily.objects.values(), *Event.objects.values()]
    said = caplog.text + str(rows)
    secret = jwt.decode(tokens["refresh"], options={"verify_signature": False})["jti"]
    for text in (tokens["access"], tokens["refresh"], secret, PASSWORD, "wrong secret"):
        assert text not in said


# --- many at once ---------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time."
)
def test_one_refresh_token_used_twice_at_once_never_gives_two_families():
    user = UserFactory()
    operation = Actor.system("test").operation
    for _ in range(5):
        tokens = accounts.issue_tokens(user)

        found = in_parallel(
            lambda t=tokens: accounts.refresh_tokens(t.refresh, operation=operation), 4
        )

        served = [one for one in found if isinstance(one, accounts.Tokens)]
        assert len(served) == 1
        # The others were thieves or doubles: nobody can tell, so all of it ends.
        assert all(
            isinstance(one, accounts.TokenError) for one in found if one not in served
        )
        with pytest.raises(accounts.TokenError):
            accounts.open_token(served[0].access)
    assert TokenFamily.objects.count() == 5


def test_a_right_password_without_its_code_is_an_entry(client, ann):
    AuthenticatorFactory(user=ann)

    answer = client.post(
        "/api/v1/auth/token",
        {"username": ann.username, "password": PASSWORD},
        content_type="application/json",
    )

    assert answer.json()["code"] == "second_factor_required"
    event = Event.objects.get(action="auth.password_accepted")
    assert (event.code, event.object_id) == ("second_factor_required", str(ann.pk))
