from __future__ import annotations

import re
import time

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client
from django.urls import reverse

from audit import accounts, log
from audit.accounts import totp
from audit.models import AttemptCounter, Event
from audit.tenancy.actors import Actor
from tests.conftest import in_parallel
from tests.factories import AuthenticatorFactory, MembershipFactory, UserFactory

PASSWORD = "correct horse battery"
LOGIN = "/admin/login/"
CODE = "/admin/login/code/"


@pytest.fixture
def ann(db):
    return UserFactory(username="ann", password=PASSWORD)


def post(client: Client, username: str, password: str = "no", **kwargs):
    body = {"username": username, "password": password}
    return client.post(LOGIN, body, **kwargs)


def code_now(row, steps: int = 0) -> str:
    return totp.code_of(row.seed, totp.step_at(time.time()) + steps)


def events(action: str) -> list[Event]:
    return list(Event.objects.filter(action=action).order_by("id"))


def is_signed_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


# --- password -------------------------------------------------------------------


def test_name_and_password_open_the_admin(client, ann):
    response = post(client, "ann", PASSWORD)

    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert is_signed_in(client)
    (event,) = events("auth.signed_in")
    assert event.actor_id == ann.pk
    assert event.data == {"method": "session", "factor": "password"}
    # Nothing is left of the tries.
    assert not AttemptCounter.objects.filter(failed__gt=0).exists()


@pytest.mark.parametrize("username", ["ann", "nobody", "", "x" * 150, "Ann", "añn ½"])
def test_wrong_ones_read_the_same_whoever_it_is(client, ann, username):
    response = post(client, username)

    assert response.status_code == 200
    assert not is_signed_in(client)
    if username:
        text = response.content.decode()
        assert "User name and password do not fit together." in text
        assert [
            e.code for e in response.context["form"].errors.as_data()["__all__"]
        ] == ["wrong"]


@pytest.mark.parametrize("flag", ["is_active", "is_staff"])
def test_people_who_may_not_enter_are_told_what_strangers_are_told(client, db, flag):
    UserFactory(username="ann", password=PASSWORD, **{flag: False})

    response = post(client, "ann", PASSWORD)

    assert "do not fit together" in response.content.decode()
    assert [e.code for e in events("auth.failed")] == [
        {"is_active": "disabled", "is_staff": "not_staff"}[flag]
    ]


@pytest.mark.parametrize(
    ("username", "expected"), [("ann", "wrong"), ("somebody-else", "unknown")]
)
def test_a_failed_try_is_an_entry_without_the_name(client, ann, username, expected):
    post(client, username)

    (event,) = events("auth.failed")
    assert (event.code, event.outcome) == (expected, "refused")
    assert event.actor_id is None
    assert username not in str(event.data)
    assert log.list_operations(actor=_system()).get(pk=event.operation_id).ip


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password was hashed."""

    calls = 0

    def encode(self, password, salt):
        type(self).calls += 1
        return super().encode(password, salt)


@pytest.fixture
def hashes(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.calls = 0
    return CountingHasher


@pytest.mark.parametrize("username", ["ann", "nobody", "off", "guest", "no\u2028body"])
def test_every_try_hashes_once(client, db, hashes, username):
    UserFactory(username="ann", password=PASSWORD)
    UserFactory(username="off", password=PASSWORD, is_active=False)
    UserFactory(username="guest")
    hashes.calls = 0

    post(client, username)

    assert hashes.calls == 1


@pytest.mark.parametrize("username", ["ann", "nobody"])
def test_after_ten_tries_the_account_is_locked(client, ann, hashes, username):
    for _ in range(10):
        assert post(client, username).status_code == 200
    hashes.calls = 0

    # Spelled otherwise it is the same account.
    response = post(client, username.upper(), PASSWORD)

    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 900
    assert "Wait 15 minutes" in response.content.decode()
    assert "by the link of the mail" in response.content.decode()
    assert hashes.calls == 0
    assert post(client, username, PASSWORD).status_code == 429
    assert [e.code for e in events("auth.locked")] == ["account"]
    assert not is_signed_in(client)


def test_a_success_forgets_the_failures_of_the_account(client, ann, settings):
    settings.STAFF_RATES = {**settings.STAFF_RATES, "login": (100, 1000)}
    for _ in range(3):
        for _ in range(9):
            post(client, "ann")
        assert post(Client(), "ann", PASSWORD).status_code == 302


def test_a_network_is_locked_after_fifty_names(client, ann, settings):
    settings.SIGN_IN_NETWORK_TRIES = 5
    for n in range(5):
        post(client, f"name{n}", REMOTE_ADDR="2001:db8:1:2::1")
    # Two of each account are let through all the same: test_lock_outs.py.
    for _ in range(2):
        post(client, "ann", REMOTE_ADDR="2001:db8:1:2::2")

    # The same site, another address; rotating the header does not help either.
    response = post(
        client,
        "ann",
        PASSWORD,
        REMOTE_ADDR="2001:db8:1:2:ffff::9",
        headers={"X-Forwarded-For": "198.51.100.4"},
    )

    assert response.status_code == 429
    assert [e.code for e in events("auth.locked")] == ["network"]
    assert (
        post(client, "ann", PASSWORD, REMOTE_ADDR="2001:db8:1:3::1").status_code == 302
    )


def test_a_success_does_not_open_a_locked_network(client, ann, settings):
    settings.SIGN_IN_NETWORK_TRIES = 4
    for n in range(3):
        post(client, f"name{n}")
    for _ in range(3):
        assert post(Client(), "ann", PASSWORD).status_code == 302
    post(client, "name9")
    for _ in range(2):
        assert post(client, "ann").status_code == 200

    assert post(client, "ann", PASSWORD).status_code == 429


def test_a_flood_of_failures_does_not_flood_the_trail(client, ann, settings):
    settings.SIGN_IN_NETWORK_TRIES = 20
    for _ in range(40):
        post(client, "ann")
    told = len(events("auth.failed"))
    # Another name each time is no way around it.
    for n in range(30):
        post(client, f"name{n}")

    assert told <= 22
    assert len(events("auth.failed")) <= told + 11


# --- the way on -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("/admin/customers/customer/", "/admin/customers/customer/"),
        ("https://evil.example/", "/admin/"),
        ("//evil.example/", "/admin/"),
        ("\\\\evil.example", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
        ("/\t/evil.example", "/admin/"),
    ],
)
def test_the_next_page_is_one_of_ours(client, ann, wanted, expected):
    body = {"username": "ann", "password": PASSWORD, "next": wanted}

    assert client.post(LOGIN, body)["Location"] == expected


def test_the_page_has_no_inline_script_or_style(client, db):
    text = client.get(LOGIN).content.decode()

    assert "style=" not in text
    assert "onclick" not in text
    assert "<style" not in text
    assert 'autocomplete="current-password"' in text


def test_a_post_without_the_token_is_refused(ann):
    strict = Client(enforce_csrf_checks=True)

    assert post(strict, "ann", PASSWORD).status_code == 403


def test_leaving_is_an_entry(client, ann):
    post(client, "ann", PASSWORD)

    client.post(reverse("admin:logout"))

    assert not is_signed_in(client)
    assert [e.actor_id for e in events("auth.signed_out")] == [ann.pk]


# --- the code -------------------------------------------------------------------


def test_whoever_has_an_authenticator_shows_its_code(client, ann):
    row = AuthenticatorFactory(user=ann)

    first = client.post(
        LOGIN, {"username": "ann", "password": PASSWORD, "next": "/admin/audit/event/"}
    )
    assert first["Location"].startswith(CODE)
    assert not is_signed_in(client)
    assert not events("auth.signed_in")

    wrong = client.post(first["Location"], {"code": "abcdef"})
    assert "wrong or used up" in wrong.content.decode()
    right = client.post(first["Location"], {"code": code_now(row)})

    assert right["Location"] == "/admin/audit/event/"
    assert is_signed_in(client)
    assert [e.code for e in events("auth.failed")] == ["second_factor"]
    assert [e.data["factor"] for e in events("auth.signed_in")] == ["totp"]


def test_a_recovery_code_does_once(client, ann):
    AuthenticatorFactory(user=ann)
    codes = accounts.make_recovery_codes(ann, actor=_system())
    post(client, "ann", PASSWORD)

    assert client.post(CODE, {"code": codes[3]}).status_code == 302
    assert is_signed_in(client)
    other = Client()
    post(other, "ann", PASSWORD)
    assert other.post(CODE, {"code": codes[3]}).status_code == 200
    assert not is_signed_in(other)


def test_a_code_alone_opens_nothing(client, ann):
    row = AuthenticatorFactory(user=ann)

    response = client.post(CODE, {"code": code_now(row)})

    assert response["Location"] == LOGIN
    assert not is_signed_in(client)


def test_the_code_page_asks_for_either_code_without_script(client, ann):
    AuthenticatorFactory(user=ann)
    codes = accounts.make_recovery_codes(ann, actor=Actor.system("test"))
    ann.first_name = "Ada"
    ann.save()
    page = post(client, "ann", PASSWORD, follow=True)
    text = page.content.decode()
    assert "One more step, Ada" in text
    assert 'inputmode="numeric"' in text
    # Nobody is offered a passkey who has none.
    assert "data-passkey=" not in text

    other = client.get(f"{CODE}?next=/admin/account/&recovery=1").content.decode()
    assert "Recovery code" in other
    assert "inputmode" not in other
    assert 'href="?next=%2Fadmin%2Faccount%2F"' in other
    data = {"code": codes[0], "next": "/admin/account/"}
    assert client.post(f"{CODE}?recovery=1", data)["Location"] == "/admin/account/"


def test_after_a_wrong_password_the_next_key_goes_into_its_field(client, ann):
    assert focused(client.get(LOGIN)) == ["username"]
    assert focused(post(client, "ann")) == ["password"]
    assert focused(post(client, "")) == ["username"]


def focused(page) -> list[str]:
    tags = re.findall(r"<input[^>]*autofocus[^>]*>", page.content.decode())
    return [re.search('name="([^"]+)', tag)[1] for tag in tags]


def test_the_code_page_waits_five_minutes(clock, client, ann):
    row = AuthenticatorFactory(user=ann)
    post(client, "ann", PASSWORD)
    clock(seconds=301)

    assert client.post(CODE, {"code": code_now(row)})["Location"] == LOGIN


def test_a_password_changed_meanwhile_ends_the_code_page(client, ann):
    row = AuthenticatorFactory(user=ann)
    post(client, "ann", PASSWORD)
    accounts.change_password(ann, "another password 1", actor=_system())

    assert client.post(CODE, {"code": code_now(row)})["Location"] == LOGIN


def test_guessing_codes_locks_them(client, ann):
    row = AuthenticatorFactory(user=ann)
    post(client, "ann", PASSWORD)
    for _ in range(5):
        assert client.post(CODE, {"code": "abcdef"}).status_code == 200

    response = client.post(CODE, {"code": code_now(row)})

    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert [e.code for e in events("auth.locked")] == ["second_factor"]
    assert not is_signed_in(client)


def test_the_right_password_alone_does_not_reset_the_tries(client, ann):
    """Or every fifth guess of a code would come with a fresh account."""
    AuthenticatorFactory(user=ann)
    for _ in range(10):
        post(Client(), "ann", PASSWORD)

    assert post(client, "ann", PASSWORD).status_code == 429


# --- roles that need a second factor ---------------------------------------------


@pytest.fixture
def forced(settings, bakery, ann):
    settings.SECOND_FACTOR_ROLES = ["support"]
    MembershipFactory(user=ann, business=bakery, role="support")
    ann.is_superuser = True
    ann.save()
    return ann


@pytest.mark.parametrize(
    "path",
    ["/admin/", "/admin/account/", "/admin/password_change/", "/admin/audit/event/"],
)
def test_whoever_lacks_one_is_led_to_set_it_up(client, forced, path):
    post(client, "ann", PASSWORD)

    response = client.get(path)

    assert response["Location"] == "/admin/account/second-factor/"
    assert client.get(response["Location"]).status_code == 200


def test_such_a_session_opens_no_endpoint(client, forced):
    post(client, "ann", PASSWORD)
    assert client.get("/api/v1/captures").status_code == 401

    AuthenticatorFactory(user=forced)
    assert client.get("/api/v1/captures").status_code == 200


def test_such_a_person_can_leave(client, forced):
    post(client, "ann", PASSWORD)

    assert client.post(reverse("admin:logout")).status_code in {200, 302}
    assert client.get("/admin/")["Location"].startswith(LOGIN)


def test_who_needs_none_notices_nothing(client, settings, ann):
    settings.SECOND_FACTOR_ROLES = ["support"]
    post(client, "ann", PASSWORD)

    assert is_signed_in(client)


# --- many at once ---------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time."
)
def test_parallel_tries_never_hash_more_than_the_limit(hashes, settings):
    settings.SIGN_IN_ACCOUNT_TRIES = 5
    UserFactory(username="ann", password=PASSWORD)
    hashes.calls = 0

    answers = in_parallel(
        lambda: [post(Client(), "ann").status_code for _ in range(3)], 8
    )

    statuses = sorted(status for answer in answers for status in answer)
    assert statuses == [200] * 5 + [429] * 19
    assert hashes.calls == 5


def _system():
    return Actor.system("test")
