from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection

from audit import accounts
from audit.accounts import totp
from audit.models import Authenticator, Event, RecoveryCode, User
from audit.tenancy.actors import Actor
from customers.choices import Role
from tests.conftest import in_parallel
from tests.factories import (
    AuthenticatorFactory,
    MembershipFactory,
    PinCredentialFactory,
    UserFactory,
)


def code_now(row: Authenticator, steps: int = 0) -> str:
    return totp.code_of(row.seed, totp.step_at(time.time()) + steps)  # type: ignore[attr-defined]


def enrolled(user) -> tuple[bytes, list[str]]:
    """Set up an authenticator through the services; return seed and recovery codes."""
    enrolment = accounts.begin_enrolment(user)
    seed = seed_of(enrolment.seed)
    code = totp.code_of(seed, totp.step_at(time.time()))
    actor = Actor.system("test")
    return seed, accounts.enrol(user, enrolment.ticket, code, actor=actor)


def seed_of(text: str) -> bytes:
    return base64.b32decode(text.replace(" ", ""))


@pytest.fixture
def user(db):
    return UserFactory()


def is_correct(user, code) -> bool:
    return accounts.check_code(user, code, takes_recovery=False).is_correct


def test_a_code_works_once(user):
    row = AuthenticatorFactory(user=user)
    code = code_now(row)

    assert is_correct(user, f"{code[:3]} {code[3:]}")
    assert not is_correct(user, code)


def test_an_older_code_does_not_work_after_a_newer_one(user):
    row = AuthenticatorFactory(user=user)

    assert is_correct(user, code_now(row, 1))
    assert not is_correct(user, code_now(row))


def test_a_code_of_somebody_else_and_of_nobody_is_wrong(user):
    other = AuthenticatorFactory(user=UserFactory())

    assert not accounts.has_totp(user)
    assert not is_correct(user, code_now(other))
    AuthenticatorFactory(user=user)
    assert accounts.has_totp(user)
    assert not is_correct(user, code_now(other))


def test_a_seed_copied_from_another_row_opens_nothing(user):
    other = AuthenticatorFactory(user=UserFactory())
    row = AuthenticatorFactory(user=user)
    Authenticator.objects.filter(pk=row.pk).update(sealed_seed=other.sealed_seed)

    assert not is_correct(user, code_now(other))


def test_five_wrong_codes_lock_even_the_right_one(user):
    row = AuthenticatorFactory(user=user)
    wrong = "000000" if code_now(row) != "000000" else "111111"
    for _ in range(5):
        assert not is_correct(user, wrong)

    assert not is_correct(user, code_now(row))
    checked = accounts.check_code(user, code_now(row), takes_recovery=True)
    assert 840 < checked.retry_after <= 900


def test_a_right_code_forgets_the_wrong_ones(user):
    row = AuthenticatorFactory(user=user)
    for steps in (-1, 0, 1):
        for _ in range(4):
            is_correct(user, "wrong")
        assert is_correct(user, code_now(row, steps))


def test_enrolment_stores_nothing_before_the_first_code(user):
    enrolment = accounts.begin_enrolment(user)

    with pytest.raises(ValidationError, match="time of your phone"):
        accounts.enrol(user, enrolment.ticket, "abc", actor=Actor.system("test"))
    assert not accounts.has_totp(user)


def test_the_person_is_told_of_an_authenticator_that_comes_or_goes(
    user, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        enrolled(user)
    assert "authenticator was set up" in mail.outbox[-1].subject

    with django_capture_on_commit_callbacks(execute=True):
        accounts.remove_totp(user, actor=Actor.system("t"))
    assert "authenticator was removed" in mail.outbox[-1].subject


def test_enrolment_gives_ten_codes_and_ends_other_sessions(user):
    stamp = user.security_stamp

    seed, codes = enrolled(user)

    assert len(set(codes)) == 10
    assert user.security_stamp != stamp
    assert accounts.has_totp(user)
    # The code of the enrolment is used up.
    now = totp.step_at(time.time())
    assert not is_correct(user, totp.code_of(seed, now))
    row = Authenticator.objects.get()
    assert seed.hex() not in row.sealed_seed
    stored = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert not stored & {*codes, *(c.replace("-", "") for c in codes)}
    done = set(Event.objects.values_list("action", flat=True))
    assert {"second_factor.enrolled", "second_factor.codes_made"} <= done


def test_a_ticket_is_somebodys_and_ends(clock, user):
    ticket = accounts.begin_enrolment(user).ticket
    with pytest.raises(ValidationError, match="too old"):
        accounts.resume_enrolment(UserFactory(), ticket)
    with pytest.raises(ValidationError, match="too old"):
        accounts.resume_enrolment(user, "AAAA")
    clock(seconds=901)
    with pytest.raises(ValidationError, match="too old"):
        accounts.resume_enrolment(user, ticket)


def test_a_ticket_ends_with_a_release(user):
    """Neither before nor after it is there a second secret."""
    ticket = accounts.begin_enrolment(user).ticket
    PinCredentialFactory(user=user)
    accounts.release_pin(user, actor=Actor.system("test"))

    with pytest.raises(ValidationError, match="too old"):
        accounts.resume_enrolment(user, ticket)


def test_a_ticket_ends_with_the_sessions(user):
    ticket = accounts.begin_enrolment(user, replaces=True).ticket
    accounts.end_sessions(user, actor=Actor.system("test"), reason_code="test")

    with pytest.raises(ValidationError, match="too old"):
        accounts.resume_enrolment(user, ticket)


def test_whoever_got_a_pin_meanwhile_gets_no_authenticator(user, monkeypatch):
    real = totp.matching_step

    def slow(*args: Any) -> int | None:
        PinCredentialFactory(user=User.objects.get(pk=user.pk))
        return real(*args)

    monkeypatch.setattr(totp, "matching_step", slow)
    with pytest.raises(ValidationError) as refused:
        enrolled(user)

    assert refused.value.code == "changed"
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("act", [accounts.remove_totp, accounts.make_recovery_codes])
def test_whose_sessions_ended_meanwhile_does_nothing_to_the_own_secrets(user, act):
    """The code that allows it was looked at before."""
    enrolled(user)
    stale = User.objects.get(pk=user.pk)
    accounts.end_sessions(user, actor=Actor.system("test"), reason_code="test")
    codes = set(RecoveryCode.objects.values_list("pk", flat=True))

    with pytest.raises(ValidationError) as refused:
        act(stale, actor=Actor.system("test"))

    assert refused.value.code == "changed"
    assert accounts.has_totp(user)
    assert set(RecoveryCode.objects.values_list("pk", flat=True)) == codes


def test_there_are_no_codes_without_a_second_factor(user):
    """They would count as soon as there is a passkey."""
    with pytest.raises(ValidationError) as refused:
        accounts.make_recovery_codes(user, actor=Actor.system("test"))

    assert refused.value.code == "changed"


def test_a_second_authenticator_is_refused(user):
    early = accounts.begin_enrolment(user)
    enrolled(user)
    for begun, said in ((early, "too old"), (accounts.begin_enrolment(user), "alread")):
        code = totp.code_of(seed_of(begun.seed), totp.step_at(time.time()))
        with pytest.raises(ValidationError, match=said):
            accounts.enrol(user, begun.ticket, code, actor=Actor.system("test"))


def test_a_recovery_code_works_once_and_only_where_it_may(user):
    _, codes = enrolled(user)

    assert not is_correct(user, codes[0])
    assert accounts.check_code(user, codes[0].upper(), takes_recovery=True).is_recovery
    assert not accounts.check_code(user, codes[0], takes_recovery=True).is_correct
    assert accounts.count_recovery_codes(user) == 9


def test_new_recovery_codes_end_the_old_ones(user):
    _, old = enrolled(user)
    accounts.make_recovery_codes(user, actor=Actor.system("test"))

    assert not accounts.check_code(user, old[0], takes_recovery=True).is_correct
    assert accounts.count_recovery_codes(user) == 10


def test_removing_takes_the_codes_along_and_ends_sessions(user):
    _, codes = enrolled(user)
    stamp = user.security_stamp

    assert accounts.remove_totp(user, actor=Actor.system("t"))

    assert not accounts.has_totp(user)
    assert not accounts.check_code(user, codes[0], takes_recovery=True).is_correct
    assert user.security_stamp != stamp
    assert not accounts.remove_totp(user, actor=Actor.system("t"))


@pytest.mark.parametrize(
    ("needed", "role", "expected"),
    [
        ([], Role.ADMIN, False),
        (["superuser"], Role.ADMIN, False),
        (["admin", "support"], Role.SUPPORT, True),
        (["admin", "support"], Role.AUDITOR, False),
    ],
)
def test_the_role_decides_who_needs_one(user, settings, needed, role, expected):
    settings.SECOND_FACTOR_ROLES = needed
    MembershipFactory(user=user, role=role)

    assert accounts.needs_second_factor(user) is expected
    assert accounts.lacks_second_factor(user) is expected
    AuthenticatorFactory(user=user)
    assert not accounts.lacks_second_factor(user)


def test_the_owner_of_the_platform_may_have_to_have_one(db, settings):
    owner = UserFactory(is_superuser=True)
    assert not accounts.needs_second_factor(owner)

    settings.SECOND_FACTOR_ROLES = ["superuser"]
    assert accounts.needs_second_factor(owner)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time."
)
def test_of_two_requests_with_one_code_one_passes():
    user = UserFactory()
    code = code_now(AuthenticatorFactory(user=user))

    assert sum(in_parallel(lambda: is_correct(user, code), 4)) == 1
