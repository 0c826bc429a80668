from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from audit import accounts
from tests.factories import AuthenticatorFactory, PinCredentialFactory, UserFactory
from tests.factories.audit import person

BODY = {"username": "ann", "password": "correct horse 1"}


@pytest.fixture
def locked(db):
    user = UserFactory(**BODY)
    AuthenticatorFactory(user=user)
    for _ in range(10):
        Client().post("/admin/login/", {**BODY, "password": "no"})
    return user


def recover(*args: str) -> str:

    out = StringIO()
    call_command("recover_account", *args, stdout=out)
    return out.getvalue()


def test_without_yes_it_only_shows(locked):
    assert "would clear its locks and remove" in recover("ann", "--second-factor")

    assert Client().post("/admin/login/", BODY).status_code == 429
    assert accounts.has_totp(locked)


def test_it_clears_locks(locked):
    recover("ann", "--yes")

    assert Client().post("/admin/login/", BODY).status_code == 302
    assert accounts.has_totp(locked)


def test_it_removes_the_second_factor(locked):
    assert "removed" in recover("ann", "--second-factor", "--yes")
    assert "has no second factor" in recover("ann", "--second-factor", "--yes")

    assert not accounts.has_totp(locked)


def test_a_pin_that_it_takes_away_is_set_anew_at_once(db):
    user = PinCredentialFactory(user=UserFactory(**BODY)).user
    assert "took its PIN away" in recover("ann", "--pin", "--yes")
    assert "has no PIN" in recover("ann", "--pin", "--yes")

    facts = {"password": BODY["password"], "pin": "905318", "binding": "a session"}
    accounts.enrol_pin(user, actor=person(user), **facts)


def test_a_disabled_account_is_named(db):
    UserFactory(**BODY, is_active=False)

    assert "ticks Active under Users" in recover("ann", "--yes")


def test_an_unknown_name_is_said(db):
    with pytest.raises(CommandError, match="No account is called 'nobody'"):
        recover("nobody", "--yes")
