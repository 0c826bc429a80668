from __future__ import annotations

import pytest
from django.utils import timezone

from audit import accounts
from customers import services
from customers.choices import Role
from tests.conftest import actor_of, signed_in
from tests.factories import MembershipFactory, UserFactory


@pytest.fixture
def membership(bakery):
    user = UserFactory()
    return MembershipFactory(user=user, business=bakery, role=Role.ADMIN)


@pytest.mark.parametrize(
    ("column", "value"), [("role", Role.SUPPORT), ("ended_at", timezone.now())]
)
def test_another_role_and_the_end_put_somebody_out(membership, actor, column, value):
    user = membership.user
    browser, token = signed_in(user), accounts.issue_tokens(user)
    assert browser.get("/admin/").status_code == 200
    setattr(membership, column, value)

    services.save_record(membership, actor=actor)

    assert browser.get("/admin/").status_code == 302
    with pytest.raises(accounts.TokenError):
        accounts.open_token(token.access)


def test_other_changes_put_nobody_out(membership, actor):
    user = membership.user
    browser, token = signed_in(user), accounts.issue_tokens(user)
    membership.is_default = True

    services.save_record(membership, actor=actor)

    assert browser.get("/admin/").status_code == 200
    assert accounts.open_token(token.access)


def test_a_new_membership_puts_nobody_out(membership, rival, actor):
    user = membership.user
    token = accounts.issue_tokens(user)

    MembershipFactory(user=user, business=rival)

    assert accounts.open_token(token.access)


def test_a_refused_change_puts_nobody_out(membership, rival):
    user = membership.user
    token = accounts.issue_tokens(user)
    stranger = UserFactory()
    MembershipFactory(user=stranger, business=rival)
    membership.role = Role.SUPPORT

    with pytest.raises(Exception, match="not yours"):
        services.save_record(membership, actor=actor_of(stranger))

    assert accounts.open_token(token.access)
