"""Enrolling, confirming, guessing: what is counted, locked, told and never kept."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from audit import accounts
from audit.accounts import pin_enrolment, pin_hashes, step_up
from audit.accounts.totp import code_of, step_at
from audit.accounts.users import factors_of
from audit.crypto import decrypt
from audit.models import (
    AttemptCounter,
    Authenticator,
    Event,
    Grant,
    PinCredential,
    User,
)
from audit.tenancy.actors import Actor, OperationContext
from tests.factories import (
    AuthenticatorFactory,
    GrantFactory,
    PinCredentialFactory,
    UserFactory,
)
from tests.factories.audit import PASSWORD, PIN, person

HERE = accounts.session_binding("here")
WRONG = "518364"


@pytest.fixture
def ana(db):
    return PinCredentialFactory(user__username="ana").user


def confirm(user, code=PIN, **facts: Any) -> Grant:
    facts = {"scope": "manage_keys", "binding": HERE, "actor": person(user)} | facts
    return accounts.verify_step_up(user, code, **facts)


def refusal(user, code=WRONG, **facts: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        confirm(user, code, **facts)
    return caught.value


def guess(user, times: int) -> None:
    for _ in range(times):
        refusal(user)


def later(user, minutes: int) -> None:
    """Move a lock into the past, as time does."""
    row = PinCredential.objects.get(user=user)
    step = timedelta(minutes=minutes)
    rows = PinCredential.objects.filter(pk=row.pk)
    rows.update(
        locked_until=row.locked_until - step, last_locked_at=row.last_locked_at - step
    )


def state(user) -> PinCredential:
    return PinCredential.objects.get(user=user)


# --- enrolling ------------------------------------------------------------------


def test_a_pin_is_set_with_the_password_and_kept_as_a_hash(db, real_pins):
    user = UserFactory()
    enrol(user, PIN)

    row = state(user)
    assert row.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert PIN not in row.hash
    event = Event.objects.get(action="step_up.enrolled")
    assert (event.actor_id, event.object_id) == (user.pk, str(user.pk))
    assert event.data == {}


def test_the_same_pin_of_two_people_has_nothing_in_common(ana):
    other = PinCredentialFactory().user

    assert not pin_hashes.pin_matches(
        other.pk, PIN, hashed=state(ana).hash, version=state(ana).pepper_version
    )


def test_a_wrong_password_sets_nothing_and_is_counted(db):
    user = UserFactory()
    for _ in range(10):
        with pytest.raises(ValidationError, match="not your password"):
            enrol(user, PIN, password="no")
    with pytest.raises(ValidationError) as caught:
        enrol(user, PIN)

    assert caught.value.code == "too_many"
    assert not PinCredential.objects.exists()
    assert Event.objects.filter(code="wrong_password", outcome="refused").count() == 10


def test_a_weak_pin_is_refused_after_the_password(db):
    user = UserFactory(username="ana407182")
    with pytest.raises(ValidationError) as caught:
        enrol(user, PIN)

    assert caught.value.code == "own_pin"
    assert not PinCredential.objects.exists()


def test_nobody_sets_the_pin_of_somebody_else(ana):
    for actor in (person(UserFactory()), Actor.system("test")):
        with pytest.raises(PermissionDenied):
            enrol(ana, "905318", actor=actor)

    assert confirm(ana)


def enrol(user, pin: str, **facts: Any) -> None:
    facts = {"password": PASSWORD, "actor": person(user), "binding": HERE} | facts
    accounts.enrol_pin(user, pin=pin, **facts)


def enrolment_refused(user, **facts: Any) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        enrol(user, "905318", **facts)
    return caught.value


def test_a_password_alone_makes_no_new_pin(ana):
    assert enrolment_refused(ana).code == "code_needed"
    assert enrolment_refused(ana, code="1").code == "invalid_code"
    assert enrolment_refused(ana, code=WRONG).code == "wrong_code"

    assert confirm(ana)


def test_the_code_of_an_authenticator_makes_a_new_pin(ana):
    row = AuthenticatorFactory(user=ana)
    enrol(ana, "905318", code=shown_by(row.user))

    assert confirm(ana, "905318")


def test_whoever_has_an_authenticator_needs_it_for_the_first_pin(db):
    row = AuthenticatorFactory()
    assert enrolment_refused(row.user).code == "code_needed"
    enrol(row.user, "905318", code=shown_by(row.user))

    assert confirm(row.user, "905318")


def test_a_lock_survives_setting_a_new_pin(ana):
    guess(ana, 5)

    assert enrolment_refused(ana, code=PIN).code == "locked"
    assert enrolment_refused(ana).code == "code_needed"
    assert refusal(ana, PIN).code == "locked"


def test_wrong_codes_for_a_new_pin_count_like_all_others(ana):
    for _ in range(4):
        assert enrolment_refused(ana, code=WRONG).code == "wrong_code"

    assert enrolment_refused(ana, code=WRONG).code == "locked"
    assert refusal(ana, PIN).code == "locked"


def test_a_released_pin_is_set_anew_a_day_later(
    ana, clock, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        assert accounts.release_pin(ana, actor=owner())
    assert "PIN was released" in mail.outbox[-1].subject

    refused = enrolment_refused(ana)
    assert refused.code == "not_released_yet"
    assert refused.params["retry_after"] == 24 * 3600 + 1
    clock(hours=23, minutes=59)
    assert enrolment_refused(ana).code == "not_released_yet"
    clock(minutes=1)
    enrol(ana, "905318")
    assert confirm(ana, "905318")
    # Once.
    assert enrolment_refused(ana).code == "code_needed"


def test_a_command_releases_for_a_day_later_as_the_owner_does(ana):
    assert accounts.release_pin(ana, actor=Actor.system("test"))

    assert enrolment_refused(ana).code == "not_released_yet"


def test_at_once_is_for_a_command_on_the_host(ana):
    guess(ana, 5)
    with pytest.raises(PermissionDenied):
        accounts.release_pin(ana, actor=owner(), at_once=True)
    assert release(ana)
    enrol(ana, "905318")

    assert confirm(ana, "905318")


def test_whoever_waits_for_a_release_is_let_in_on_the_host(ana):
    accounts.release_pin(ana, actor=owner())
    assert enrolment_refused(ana).code == "not_released_yet"

    assert release(ana)
    assert not release(ana)
    enrol(ana, "905318")


def release(user) -> bool:
    actor = Actor.system("recover_account")
    return accounts.release_pin(user, actor=actor, at_once=True)


def get_authenticator(user: User) -> None:
    AuthenticatorFactory(user=user)


def lose_the_pin(user: User) -> None:
    accounts.release_pin(user, actor=owner())


def get_another_password(user: User) -> None:
    accounts.change_password(user, "four other words here", actor=person(user))


@pytest.mark.parametrize(
    ("has_pin", "happens"),
    [
        (False, get_authenticator),
        (False, get_another_password),
        (True, lose_the_pin),
    ],
)
def test_no_pin_is_set_for_an_account_that_changed_meanwhile(
    monkeypatch, db, has_pin, happens
):
    """Hashing takes long: what was proven before it need not stand after it."""
    user = UserFactory()
    if has_pin:
        PinCredentialFactory(user=user)
    code = PIN if has_pin else ""
    real = pin_enrolment.hash_pin

    def slow(*args: Any) -> tuple[str, str]:
        happens(User.objects.get(pk=user.pk))
        return real(*args)

    monkeypatch.setattr(pin_enrolment, "hash_pin", slow)

    assert enrolment_refused(user, code=code).code == "changed"
    assert not PinCredential.objects.exclude(hash="").exists()
    assert "pin" not in factors_of(user)


def test_the_person_is_told_of_a_new_pin(ana, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        enrol(ana, "905318", code=PIN)

    assert "PIN was set" in mail.outbox[-1].subject


def test_a_new_pin_ends_what_the_old_one_confirmed(ana):
    grant = confirm(ana)
    enrol(ana, "905318", code=PIN)

    grant.refresh_from_db()
    assert grant.ended_at is not None
    assert refusal(ana, PIN).code == "wrong_code"
    assert confirm(ana, "905318")


def test_the_owner_releases_and_neither_reads_nor_chooses(ana):
    grant = confirm(ana)
    for actor in (person(UserFactory()), person(ana)):
        with pytest.raises(PermissionDenied):
            accounts.release_pin(ana, actor=actor)

    assert accounts.release_pin(ana, actor=owner())
    assert not accounts.release_pin(ana, actor=owner())

    grant.refresh_from_db()
    assert grant.ended_at is not None
    assert refusal(ana, PIN).code == "not_enrolled"
    assert Event.objects.filter(action="step_up.released").count() == 1


def owner() -> Actor:
    operation = OperationContext(via="admin", route="/test", ip="192.0.2.9")
    return Actor.from_user(UserFactory(is_superuser=True), operation)


def test_releasing_forgives_no_wrong_code(ana):
    guess(ana, 3)
    accounts.release_pin(ana, actor=owner())

    assert state(ana).failed_total == 3


# --- confirming -----------------------------------------------------------------


def test_the_right_pin_makes_a_grant_and_an_event_that_names_it(ana):
    grant = confirm(ana)

    assert (grant.user, grant.scope, grant.method) == (ana, "manage_keys", "pin")
    event = Event.objects.get(action="step_up.confirmed")
    assert event.grant_id == grant.pk
    assert event.data == {"scope": "manage_keys", "method": "pin"}


def test_nobody_without_a_pin_confirms(db):
    assert refusal(UserFactory()).code == "not_enrolled"
    assert not AttemptCounter.objects.exists()


@pytest.mark.parametrize("code", ["", "12", "40718x", "4" * 13, "407182\n", "٤٠٧١٨٢"])
def test_what_is_no_code_costs_no_try(ana, code):
    assert refusal(ana, code).code == "invalid_code"
    assert state(ana).failed == 0


def test_scopes_for_one_act_need_its_digest(ana):
    for scope in ("export", "erase", "refund_over_limit"):
        with pytest.raises(ValueError, match="give its digest"):
            confirm(ana, scope=scope)
    with pytest.raises(ValueError, match="not a valid Scope"):
        confirm(ana, scope="everything")


# --- guessing -------------------------------------------------------------------


def test_each_wrong_code_says_how_many_are_left(ana):
    said = [refusal(ana).params["tries_left"] for _ in range(4)]

    assert said == [4, 3, 2, 1]
    assert confirm(ana)
    assert (state(ana).failed, state(ana).failed_total) == (0, 0)


def test_the_fifth_wrong_code_locks_for_a_quarter_of_an_hour(ana):
    guess(ana, 4)
    locked = refusal(ana)
    right = refusal(ana, PIN)

    assert locked.code == right.code == "locked"
    assert 840 < locked.params["retry_after"] <= 901
    later(ana, 16)
    assert confirm(ana)


def test_a_second_lock_within_a_day_is_twice_as_long_up_to_an_hour(ana):
    for minutes in (15, 30, 60, 60):
        guess(ana, 4)
        wait = refusal(ana).params["retry_after"] / 60
        assert minutes - 1 < wait < minutes + 1
        later(ana, minutes + 1)
        assert confirm(ana)

    PinCredential.objects.update(last_locked_at=timezone.now() - timedelta(days=2))
    guess(ana, 4)
    assert refusal(ana).params["retry_after"] <= 901


def test_ten_wrong_codes_without_a_right_one_need_a_new_pin(ana):
    guess(ana, 5)
    later(ana, 16)
    guess(ana, 4)
    assert refusal(ana).code == "disabled"
    later(ana, 600)

    assert refusal(ana, PIN).code == "disabled"
    assert enrolment_refused(ana, code=PIN).code == "disabled"
    release(ana)
    enrol(ana, PIN)
    assert confirm(ana)


def test_locked_tries_are_not_looked_at(ana, monkeypatch):
    guess(ana, 5)
    looked = count_evaluations(monkeypatch)

    guess(ana, 3)

    assert looked == []


def count_evaluations(monkeypatch) -> list[str]:
    """Count how often the real hash function runs; it still does."""
    seen: list[str] = []
    real = pin_hashes._HASHER.verify

    class Counting(type(pin_hashes._HASHER)):  # type: ignore[misc]  # a computed base
        def verify(self, *args: Any) -> bool:
            seen.append("once")
            return real(*args)

    monkeypatch.setattr(
        pin_hashes, "_HASHER", Counting(time_cost=2, memory_cost=19_456, parallelism=1)
    )
    return seen


def test_the_person_is_told(ana, django_capture_on_commit_callbacks):
    ana.email = "ana@example.org"
    with django_capture_on_commit_callbacks(execute=True):
        guess(ana, 5)
    with django_capture_on_commit_callbacks(execute=True):
        later(ana, 16)
        guess(ana, 5)

    subjects = [message.subject for message in mail.outbox]
    assert subjects == [
        "Holdfast: Confirming acts is locked",
        "Holdfast: Confirming acts is disabled",
    ]
    assert all(m.to == ["ana@example.org"] for m in mail.outbox)
    actions = list(Event.objects.order_by("id").values_list("action", flat=True))
    assert actions.count("step_up.failed") == 10
    assert actions.count("step_up.locked") == actions.count("step_up.disabled") == 1


def test_a_lock_does_not_touch_signing_in(ana, client):
    guess(ana, 5)

    assert client.login(username="ana", password=PASSWORD)


def test_tries_are_limited_for_each_address(ana, settings):
    settings.STEP_UP_LIMITS = {"address": 3, "overall": 100}
    other = PinCredentialFactory().user
    guess(ana, 3)

    stopped = refusal(other, PIN)

    assert stopped.code == "too_many"
    assert state(other).failed == 0
    elsewhere = person(other)
    elsewhere.operation.ip = "198.51.100.4"
    assert confirm(other, actor=elsewhere)


def test_right_codes_use_up_no_limit(ana, settings):
    settings.STEP_UP_LIMITS = {"address": 2, "overall": 2}

    assert all(confirm(ana) for _ in range(4))


def test_tries_are_limited_in_all_and_open_again(ana, settings):
    settings.STEP_UP_LIMITS = {"address": 100, "overall": 3}
    for n in range(3):
        actor = person(ana)
        actor.operation.ip = f"2001:db8:0:{n}::1"
        refusal(ana, actor=actor)

    assert refusal(ana, PIN).code == "too_many"
    AttemptCounter.objects.update(ends_at=timezone.now())
    assert confirm(ana)


def test_an_ipv6_network_is_one_address(ana, settings):
    settings.STEP_UP_LIMITS = {"address": 2, "overall": 100}
    for n in range(3):
        actor = person(ana)
        actor.operation.ip = f"2001:db8::{n}"
        found = refusal(ana, actor=actor)

    assert found.code == "too_many"


def test_somebody_locked_uses_up_nobody_elses_tries(ana, settings):
    settings.STEP_UP_LIMITS = {"address": 7, "overall": 7}
    other = PinCredentialFactory().user
    guess(ana, 20)

    assert confirm(other)


# --- peppers --------------------------------------------------------------------


def test_a_pepper_is_changed_without_a_new_pin(ana, settings):
    before = state(ana)
    settings.PIN_PEPPERS = ["a pepper of thirty-two characters!"]

    assert confirm(ana)
    after = state(ana)
    assert after.pepper_version != before.pepper_version

    settings.PIN_PEPPERS = ["the next of thirty-two characters!"]
    assert refusal(ana, PIN).code == "wrong_code"
    settings.PIN_PEPPERS = [*settings.PIN_PEPPERS, "a pepper of thirty-two characters!"]
    assert confirm(ana)


def test_a_hash_of_old_parameters_is_made_anew(ana, monkeypatch):
    old = state(ana).hash
    stronger = type(pin_hashes._HASHER)(time_cost=3, memory_cost=19_456, parallelism=1)
    monkeypatch.setattr(pin_hashes, "_HASHER", stronger)

    confirm(ana)

    assert state(ana).hash != old
    assert "t=3" in state(ana).hash


# --- authenticators -------------------------------------------------------------


@pytest.fixture
def ben(db):
    """Somebody with an authenticator and no PIN."""
    return AuthenticatorFactory().user


def shown_by(user: User) -> str:
    """Return what the app of a user shows now."""
    row = Authenticator.objects.get(user=user)
    seed = decrypt(row.sealed_seed, purpose="authenticator seed", owner=user.pk.bytes)
    return code_of(seed, step_at(time.time()))


def test_an_authenticator_confirms_instead_of_a_pin(ben):
    code = shown_by(ben)

    assert confirm(ben, code).method == "totp"
    assert refusal(ben, code).code == "wrong_code"
    assert state(ben).failed == 1


def test_wrong_authenticator_codes_lock_too_and_never_the_sign_in(ben):
    guess(ben, 4)

    assert refusal(ben).code == "locked"
    assert accounts.check_code(ben, shown_by(ben), takes_recovery=False).is_correct


def test_both_are_taken_where_both_are_set(ana):
    AuthenticatorFactory(user=ana)

    assert confirm(ana).method == "pin"
    assert confirm(ana, shown_by(ana)).method == "totp"


@pytest.mark.parametrize("scope", ["erase", "manage_keys"])
def test_from_level_two_a_pin_alone_is_too_little(ana, settings, scope):
    settings.ASSURANCE_LEVEL = 2

    assert refusal(ana, PIN, scope=scope, digest="d" * 64).code == "totp_needed"
    assert confirm(ana, scope="manage_roles")


def test_from_level_two_an_authenticator_is_enough(ana, settings):
    AuthenticatorFactory(user=ana)
    settings.ASSURANCE_LEVEL = 2

    assert refusal(ana, PIN).code == "wrong_code"
    assert refusal(ana, PIN, method="pin").code == "totp_needed"
    assert confirm(ana, shown_by(ana)).method == "totp"


# --- never kept -----------------------------------------------------------------


def test_no_code_reaches_logs_or_rows(ana, caplog):
    with caplog.at_level(logging.DEBUG):
        refusal(ana)
        confirm(ana)
        enrol(ana, "905318", code=PIN)

    stored = [str(row) for m in (Event, Grant, PinCredential, AttemptCounter)
              for row in m.objects.values()]  # fmt: skip
    text = caplog.text + "".join(stored)
    for code in (WRONG, PIN, "905318", PASSWORD):
        assert code not in text


# --- the count stands whatever happens to the request ----------------------------


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_nothing_is_tried():
    user = PinCredentialFactory().user

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        confirm(user)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        enrol(user, PIN)

    assert not Grant.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_try_is_committed_before_its_code_is_looked_at(monkeypatch):
    user = PinCredentialFactory().user

    def die(*_: Any, **__: Any) -> bool:
        raise SystemExit

    monkeypatch.setattr(step_up, "pin_matches", die)
    for _ in range(5):
        with pytest.raises(SystemExit):
            confirm(user)
    monkeypatch.undo()

    assert refusal(user, PIN).code == "locked"


def test_a_pin_changed_meanwhile_confirms_nothing(ana, monkeypatch):
    real = step_up.pin_matches

    def slow(*args: Any, **facts: Any) -> bool:
        accounts.release_pin(ana, actor=Actor.system("test"))
        return real(*args, **facts)

    monkeypatch.setattr(step_up, "pin_matches", slow)

    assert refusal(ana, PIN).code == "changed"
    assert not Grant.objects.exists()


def test_an_authenticator_removed_meanwhile_confirms_nothing(db, monkeypatch):
    row = AuthenticatorFactory()
    real = step_up.use_step

    def slow(user: User, code: str) -> bool:
        other = User.objects.get(pk=user.pk)
        is_correct = real(user, code)
        accounts.reset_second_factor(other, actor=owner())
        return is_correct

    monkeypatch.setattr(step_up, "use_step", slow)

    assert refusal(row.user, shown_by(row.user)).code == "changed"
    assert not Grant.objects.exists()


def test_the_factory_confirms_for_real(db):
    assert GrantFactory().user.pin_credential.failed == 0
