from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from audit import accounts
from audit.models import Event, TokenFamily, User
from audit.tenancy.actors import Actor
from tests.conftest import signed_in
from tests.factories import TokenFamilyFactory, UserFactory

ACTOR = Actor.system("test")


@pytest.fixture
def user(db):
    return UserFactory(password="correct horse battery", is_superuser=True)


def is_in(client) -> bool:
    return client.get("/admin/").status_code == 200


def change(user: User, **values: object) -> None:
    for name, value in values.items():
        setattr(user, name, value)
    accounts.save_user(user, actor=ACTOR)


def test_ending_sessions_ends_sessions_and_tokens(user):
    browser, token = signed_in(user), accounts.issue_tokens(user)
    assert is_in(browser)

    assert accounts.end_sessions(user, actor=ACTOR, reason_code="test") == 1

    assert not is_in(browser)
    with pytest.raises(accounts.TokenError):
        accounts.open_token(token.access)
    events = Event.objects.filter(code="test").order_by("id")
    assert [(e.action, e.data) for e in events] == [
        ("auth.sessions_ended", {"families": 1}),
        ("auth.tokens_revoked", {"families": 1}),
    ]


def test_other_people_stay(user):
    other = UserFactory(is_superuser=True)
    browser, family = signed_in(other), TokenFamilyFactory(user=other)

    accounts.end_sessions(user, actor=ACTOR, reason_code="test")

    assert is_in(browser)
    family.refresh_from_db()
    assert family.revoked_at is None


def test_ending_sessions_writes_no_other_column(user):
    user.username = "not-saved"

    accounts.end_sessions(user, actor=ACTOR, reason_code="test")

    assert not User.objects.filter(username="not-saved").exists()


@pytest.mark.parametrize("flag", ["is_active", "is_staff", "is_superuser"])
def test_whoever_loses_a_right_is_out_at_once(user, flag):
    UserFactory(is_superuser=True)
    browser, token = signed_in(user), accounts.issue_tokens(user)

    change(user, **{flag: False})

    assert not is_in(browser)
    with pytest.raises(accounts.TokenError):
        accounts.open_token(token.access)
    # For good: getting the right back opens no old session.
    change(user, **{flag: True})
    assert not is_in(browser)


@pytest.mark.parametrize("flag", ["is_active", "is_staff", "is_superuser"])
def test_the_last_owner_stays_one(user, flag):
    UserFactory(is_superuser=True, is_active=False)
    UserFactory(is_superuser=True, is_staff=False)
    UserFactory()

    with pytest.raises(ValidationError, match="the last owner of the platform"):
        change(user, **{flag: False})

    user.refresh_from_db()
    assert getattr(user, flag)
    assert not Event.objects.filter(action="user.changed").exists()


@pytest.mark.django_db(transaction=True)
def test_two_owners_do_not_remove_each_other(at_once):
    owners = [UserFactory(is_superuser=True) for _ in range(2)]

    def leave() -> None:
        change(owners.pop(), is_superuser=False)

    found = at_once(leave, 2)

    assert sorted(type(one) for one in found if one is not None) == [ValidationError]


def test_disabling_past_the_service_counts_at_once_too(user):
    browser, token = signed_in(user), accounts.issue_tokens(user)

    stored = User.objects.get(pk=user.pk)
    stored.is_active = False
    stored.save()

    assert not is_in(browser)
    with pytest.raises(accounts.TokenError):
        accounts.open_token(token.access)


def test_other_changes_end_nothing(user):
    browser, token = signed_in(user), accounts.issue_tokens(user)

    change(user, first_name="Ann", time_zone="Europe/Oslo")

    assert is_in(browser)
    assert accounts.open_token(token.access).user == user


def test_gaining_a_right_ends_nothing(db):
    user = UserFactory()
    token = accounts.issue_tokens(user)

    change(user, is_superuser=True)

    assert accounts.open_token(token.access)


@pytest.mark.parametrize("by", ["service", "model"])
def test_a_new_password_ends_sessions_and_tokens(user, by):
    browser, token = signed_in(user), accounts.issue_tokens(user)

    if by == "service":
        accounts.change_password(user, "a much better 1", actor=ACTOR)
    else:  # as Django's own command does
        user.set_password("a much better 1")
        user.save()

    assert not is_in(browser)
    with pytest.raises(accounts.TokenError):
        accounts.open_token(token.access)


def test_a_family_is_revoked_once(user):
    family = TokenFamilyFactory(user=user)

    assert accounts.revoke_token_family(family, actor=ACTOR, code="test")
    assert not accounts.revoke_token_family(family, actor=ACTOR, code="other")

    assert TokenFamily.objects.get().revoke_code == "test"
    assert Event.objects.filter(action="auth.tokens_revoked").count() == 1


def test_stamps_are_drawn_for_each_account(db):
    stamps = {UserFactory().security_stamp for _ in range(3)}

    assert len(stamps) == 3


def test_a_form_opened_before_revives_nothing(db):
    ann = UserFactory(username="ann2")
    opened = User.objects.get(pk=ann.pk)
    accounts.end_sessions(ann, actor=Actor.system("test"), reason_code="x")
    accounts.change_password(ann, "a much better 1", actor=Actor.system("test"))

    accounts.save_user(opened, actor=Actor.system("test"))

    stored = User.objects.get(pk=ann.pk)
    assert stored.security_stamp == ann.security_stamp
    assert stored.check_password("a much better 1")
