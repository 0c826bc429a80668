"""`/api/v1/me` and `/api/v1/statistics`."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from audit import accounts
from customers.roles import PERMISSIONS
from tests.conftest import confirm, signed_in, staff
from tests.factories import (
    AuthenticatorFactory,
    BookingFactory,
    CustomerFactory,
    MembershipFactory,
    UserFactory,
)

ME, STATISTICS = "/api/v1/me", "/api/v1/statistics"

# --- me ------------------------------------------------------------------------------


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


# --- statistics ----------------------------------------------------------------------


@pytest.fixture
def trade(bakery):
    joined = timezone.now() - timedelta(days=1)
    ana = CustomerFactory(business=bakery, joined_at=joined, source="fair")
    CustomerFactory(business=bakery, joined_at=joined - timedelta(days=400))
    paid = {"status": "completed", "currency": "EUR"}
    BookingFactory(customer=ana, total_amount=100, paid_amount=100, **paid)
    BookingFactory(customer=ana, total_amount=50, paid_amount=50, **paid)
    return bakery


def test_statistics_are_those_of_the_definitions(alice, trade):
    body = alice.get(STATISTICS).json()

    assert body["business_id"] == str(trade.pk)
    assert (body["total_customers"], body["new_this_week"]) == (2, 1)
    assert body["active_customers"] + body["inactive_customers"] == 2
    assert body["lifetime_value"] == {"EUR": "150.00"}
    assert (body["buyers"], body["repeat_customers"]) == (1, 1)
    assert (body["repeat_share"], body["opt_in_rate"]) == ("1.0000", "0.0000")
    assert body["loyalty"] == {
        "one_time": 0, "occasional": 1, "regular": 0, "frequent": 0,
    }  # fmt: skip
    assert body["channels"] == {"fair": 1, "website": 1}
    assert [week["signups"] for week in body["signups_per_week"]] == [1]


def test_rates_of_nothing_are_null(alice, bakery):
    body = alice.get(f"{STATISTICS}/").json()

    assert (body["opt_in_rate"], body["repeat_share"]) == (None, None)
    assert body["lifetime_value"] == {}


def test_weeks_are_chosen(alice, trade):
    weeks = alice.get(f"{STATISTICS}?weeks=104").json()["signups_per_week"]

    assert [week["signups"] for week in weeks] == [1, 1]
    assert alice.get(f"{STATISTICS}?weeks=0").status_code == 400


@pytest.mark.parametrize("role", ["admin", "support", "marketing", "auditor"])
def test_every_role_reads_statistics(trade, role):
    assert signed_in(staff(trade, role)).get(STATISTICS).status_code == 200


def test_figures_are_of_the_own_business(charlie, client, trade, rival):
    body = charlie.get(STATISTICS).json()
    foreign = charlie.get(STATISTICS, headers={"X-Business": "bakery"})

    assert (body["business_id"], body["total_customers"]) == (str(rival.pk), 0)
    assert foreign.status_code == 404
    assert client.get(STATISTICS).status_code == 401


def test_the_business_has_to_be_named_by_whoever_works_for_two(bakery, rival):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival)
    browser = signed_in(user)

    assert browser.get(STATISTICS).json()["code"] == "business_needed"
    named = browser.get(STATISTICS, headers={"X-Business": "rival"})
    assert named.json()["business_id"] == str(rival.pk)


def test_statistics_take_constant_queries(alice, trade, assert_flat):
    def grow() -> None:
        for row in CustomerFactory.create_batch(5, business=trade):
            BookingFactory(customer=row, status="completed", paid_amount=5)

    assert_flat(call=partial(alice.get, STATISTICS), grow=grow)
