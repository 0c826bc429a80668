"""`/api/v1/me`."""

from __future__ import annotations

from functools import partial

from django.utils import timezone

from audit import accounts
from customers.roles import PERMISSIONS
from tests.conftest import confirm, signed_in, staff
from tests.factories import (
    AuthenticatorFactory,
    MembershipFactory,
    UserFactory,
)

ME = "/api/v1/me"


def test_who_is_signed_in_and_where_they_work(bakery, rival):
    user = staff(bakery, "support", first_name="Ida", last_name="Lund")
    MembershipFactory(user=user, business=rival, role="admin", is_default=True)

    body = signed_in(user).get(ME).json()

    assert (body["id"], body["username"]) == (str(user.pk), user.username)
    assert (body["name"], body["email"]) == ("Ida Lund", user.email)
    assert body["time_zone"] == "UTC"
    roles = {place["slug"]: place["role"] for place in body["businesses"]}
    assert roles == {"bakery": "support", "rival": "admin"}
    assert body["businesses"][0]["rights"] == sorted(PERMISSIONS["support"])
    assert body["default_business"] == str(rival.pk)
    assert body["is_platform_owner"] is False
    assert (body["has_pin"], body["has_second_factor"]) == (False, False)


def test_what_is_confirmed_here_and_no_secret(alice):
    grant = confirm(alice, "reveal")
    AuthenticatorFactory(user=alice.user)

    answer = alice.get(ME)

    body = answer.json()
    [shown] = body["step_ups"]
    assert shown["scope"] == "reveal"
    assert shown["expires_at"] == grant.expires_at.isoformat().replace("+00:00", "Z")
    assert (body["has_pin"], body["has_second_factor"]) == (True, True)
    assert "hash" not in answer.text
    assert str(grant.pk) not in answer.text


def test_a_confirmation_of_another_session_is_not_shown(alice):
    confirm(alice, "reveal")

    assert signed_in(alice.user).get(ME).json()["step_ups"] == []


def test_the_only_business_is_the_default(alice, bakery):
    assert alice.get(f"{ME}/").json()["default_business"] == str(bakery.pk)


def test_with_several_and_no_default_one_has_to_be_named(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival)

    assert signed_in(user).get(ME).json()["default_business"] is None


def test_whoever_works_nowhere_yet_learns_that(db):
    body = signed_in(UserFactory()).get(ME).json()

    assert body["businesses"] == []
    assert body["default_business"] is None


def test_the_owner_has_every_right_and_no_role(owner, bakery, rival):
    body = owner.get(ME).json()

    assert body["is_platform_owner"] is True
    assert [place["role"] for place in body["businesses"]] == [None, None]
    assert set(body["businesses"][0]["rights"]) >= PERMISSIONS["admin"]


def test_an_ended_role_is_none(bakery, actor):
    user = staff(bakery)
    membership = user.memberships.get()
    membership.ended_at = timezone.now()
    membership.as_actor(actor).save()

    assert signed_in(user).get(ME).json()["businesses"] == []


def test_a_token_is_as_good_as_a_session(client, alice):
    tokens = accounts.issue_tokens(alice.user)
    headers = {"Authorization": f"Bearer {tokens.access}"}

    answer = client.get(ME, headers=headers)

    assert answer.json()["username"] == "alice"
    assert answer["RateLimit"].startswith('"default";r=')


def test_strangers_are_nobody(client, db):
    assert client.get(ME).status_code == 401


def test_me_takes_constant_queries(bakery, assert_flat):
    user = staff(bakery)

    def grow() -> None:
        MembershipFactory.create_batch(10, user=user)

    assert_flat(call=partial(signed_in(user).get, ME), grow=grow)
