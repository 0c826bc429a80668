"""How long somebody stays signed in, and the cookies that say so."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client

from tests.factories import UserFactory

PAGE = "/admin/password_change/"


def is_signed_in(client: Client) -> bool:
    return client.get(PAGE).status_code == 200


def test_somebody_idle_is_signed_out(owner, clock, settings):
    assert is_signed_in(owner)
    clock(seconds=settings.SESSION_IDLE_SECONDS - 1)
    assert is_signed_in(owner)
    clock(seconds=settings.SESSION_IDLE_SECONDS)

    assert not is_signed_in(owner)
    # The session is gone, not only refused.
    clock(seconds=1 - 2 * settings.SESSION_IDLE_SECONDS)
    assert not is_signed_in(owner)


def test_somebody_busy_is_signed_out_after_a_working_day(owner, clock, settings):
    end = clock.now + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    while clock.now < end:
        assert is_signed_in(owner)
        clock(seconds=settings.SESSION_IDLE_SECONDS // 2)

    assert not is_signed_in(owner)


def test_the_session_is_seldom_written(owner, clock, django_assert_num_queries):
    is_signed_in(owner)
    before = owner.session.session_key, dict(owner.session)
    clock(seconds=30)
    is_signed_in(owner)

    assert (owner.session.session_key, dict(owner.session)) == before


def test_signing_in_again_starts_a_new_day(db, clock, settings):
    user = UserFactory(is_superuser=True)
    client = Client()
    client.force_login(user)
    is_signed_in(client)
    clock(seconds=settings.SESSION_COOKIE_AGE + 1)
    assert not is_signed_in(client)

    client.force_login(user)

    assert is_signed_in(client)


def test_the_cookie_ends_with_the_browser(db):
    UserFactory(username="ann", password="a-long-password", is_superuser=True)
    client = Client()
    client.post("/admin/login/", {"username": "ann", "password": "a-long-password"})

    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == cookie["expires"] == ""
