"""Whoever changes an account with SQL gets nothing by it, and is found out."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import NotSupportedError, connection
from django.test import Client

from audit import accounts, clock
from audit.accounts.users import factors_of, note_factors, note_release, release_of
from audit.checks import check_accounts
from audit.database.signed import AccountAltered
from audit.models import Authenticator, Event, Operation, PinCredential, User
from audit.tenancy.actors import Actor, OperationContext
from customers.models import Membership
from tests.conftest import signed_in, staff
from tests.factories import AuthenticatorFactory, PinCredentialFactory, UserFactory
from tests.factories.audit import PASSWORD, person

LOGIN = "/admin/login/"
PAGE = "/admin/password_change/"
STOLEN = "a password of my own"


def sql(statement: str, *values: Any) -> None:
    """Write as somebody does who has found a way to run SQL."""
    if connection.vendor == "sqlite":
        values = tuple(getattr(value, "hex", value) for value in values)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount == 1


def forge(user: User, column: str, value: Any) -> None:
    sql(f"UPDATE audit_user SET {column} = %s WHERE id = %s", value, user.pk)


def signs_in(username: str, password: str) -> bool:
    client = Client()
    client.post(LOGIN, {"username": username, "password": password})
    return client.get(PAGE).status_code == 200


def named() -> list[str]:
    return [message.msg for message in check_accounts(databases=["default"])]


@pytest.fixture
def ann(bakery) -> User:
    return staff(bakery, username="ann")


FORGERIES = {
    "password": lambda: make_password(STOLEN),
    "is_superuser": lambda: True,
    "is_active": lambda: False,
    "is_staff": lambda: False,
    "username": lambda: "anna",
    "factors": lambda: "pin",
    "mac": lambda: "",
}


@pytest.mark.parametrize("column", FORGERIES)
def test_a_changed_account_counts_for_nothing(ann, column):
    browser, tokens = signed_in(ann), accounts.issue_tokens(ann)
    assert named() == []
    forge(ann, column, FORGERIES[column]())

    name = "anna" if column == "username" else "ann"
    assert not signs_in(name, PASSWORD)
    assert not signs_in(name, STOLEN)
    assert browser.get(PAGE).status_code == 302
    with pytest.raises(accounts.TokenError):
        accounts.open_token(tokens.access)
    assert [str(ann.pk) in said for said in named()] == [True]


@pytest.mark.parametrize("mac", ["'é'", "x'00ff'"])
def test_what_is_no_mac_is_a_wrong_one(ann, mac):
    if mac[0] == "x" and connection.vendor != "sqlite":
        pytest.skip("Only SQLite stores bytes where a text belongs.")
    sql(f"UPDATE audit_user SET mac = {mac} WHERE id = %s", ann.pk)

    assert not signs_in("ann", PASSWORD)
    assert [str(ann.pk) in said for said in named()] == [True]


def test_nobody_releases_a_pin_with_sql(ann):
    PinCredentialFactory(user=ann)
    actor = Actor.from_user(ann, OperationContext(via="api", route="test"))
    forge(ann, "factors", "pin released:2020-01-01T00:00:00+00:00")

    with pytest.raises(AccountAltered):
        accounts.enrol_pin(
            ann, password=PASSWORD, pin="905318", actor=actor, binding="x"
        )


def test_a_token_is_worth_nothing_under_somebody_elses_name(ann, bakery):
    """Not with what a session of theirs carries either, which readers see."""
    tokens = accounts.issue_tokens(staff(bakery))
    family = accounts.open_token(tokens.access)
    sql(
        "UPDATE audit_tokenfamily SET user_id = %s, session_hash = %s WHERE id = %s",
        ann.pk,
        ann.get_session_auth_hash(),
        family.pk,
    )

    with pytest.raises(accounts.TokenError):
        accounts.open_token(tokens.access)
    operation = OperationContext(via="api", route="test")
    with pytest.raises(accounts.TokenError):
        accounts.refresh_tokens(tokens.refresh, operation=operation)


def test_the_refusal_is_in_the_trail(ann):
    forge(ann, "password", make_password(STOLEN))
    signs_in("ann", STOLEN)

    assert Event.objects.filter(action="auth.failed", code="altered").count() == 1


def test_an_account_that_was_inserted_is_nobody(db):
    row = User(username="evil", email="evil@example.org", is_superuser=True)
    row.set_password(STOLEN)
    row.is_staff, row.mac = True, "0" * 64
    User._base_manager.bulk_create([row])

    assert not signs_in("evil", STOLEN)
    assert len(named()) == 1


def test_what_was_forged_is_not_made_good_by_the_next_change(ann):
    forge(ann, "is_superuser", True)
    row = User.objects.get(pk=ann.pk)
    row.first_name = "Ann"

    with pytest.raises(AccountAltered):
        row.save()
    with pytest.raises(AccountAltered):
        row.save(update_fields=["is_staff"])
    with pytest.raises(AccountAltered):
        accounts.save_user(row, actor=Actor.system("test"))
    # What nothing is decided by may be written.
    row.save(update_fields=["first_name"])


@pytest.mark.parametrize("options", [{}, {"update_fields": ["password"]}])
def test_a_stale_account_writes_no_old_columns(ann, options):
    """Somebody gives a password while somebody else closes the account."""
    stale, row = User.objects.get(pk=ann.pk), User.objects.get(pk=ann.pk)
    row.is_active, row.email = False, "new@example.org"
    accounts.save_user(row, actor=Actor.system("test"))
    PinCredentialFactory(user=row)
    stale.set_password(STOLEN)
    stale.save(**options)

    stored = User.objects.get(pk=ann.pk)
    assert (stored.is_active, stored.is_genuine) == (False, True)
    assert (stored.email, stored.email_key) == ("new@example.org",) * 2
    assert stored.security_stamp == row.security_stamp
    assert factors_of(stored) == {"pin"}
    assert stored.check_password(STOLEN)


def test_what_an_account_was_given_is_written_each_time(ann):
    for is_active in (False, True, False):
        ann.is_active = is_active
        ann.save()

        assert User.objects.get(pk=ann.pk).is_active is is_active


def test_a_stale_account_ends_what_others_have_ended(ann):
    """Ended here first, then elsewhere: the older stamp does not come back."""
    accounts.end_sessions(ann, actor=Actor.system("test"), reason_code="test")
    for name in ("Ann", "Anna"):
        other = User.objects.get(pk=ann.pk)
        accounts.end_sessions(other, actor=Actor.system("test"), reason_code="test")
        ann.first_name = name
        ann.save()

        assert User.objects.get(pk=ann.pk).security_stamp == other.security_stamp


def test_a_part_of_an_account_can_be_loaded_and_saved(ann):
    part = User.objects.only("username", "first_name").get(pk=ann.pk)
    part.is_staff, part.first_name = False, "Ann"
    assert part.is_active
    part.save()

    stored = User.objects.get(pk=ann.pk)
    assert (stored.is_staff, stored.is_active) == (False, True)
    assert (stored.first_name, stored.is_genuine) == ("Ann", True)


def test_an_old_password_hashed_anew_does_not_come_back(ann, settings):
    settings.PASSWORD_HASHERS = [
        *settings.PASSWORD_HASHERS,
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    ann.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    ann.save()
    stale, row = User.objects.get(pk=ann.pk), User.objects.get(pk=ann.pk)
    accounts.change_password(row, STOLEN, actor=Actor.system("test"))

    assert stale.check_password(PASSWORD)
    assert User.objects.get(pk=ann.pk).check_password(STOLEN)


def test_a_stale_role_does_not_come_back(ann):
    actor = Actor.system("test")
    stale, row = (Membership.objects.get(user=ann) for _ in range(2))
    row.role, row.ended_at = "support", row.created_at
    row.as_actor(actor).save()
    stale.is_default = True
    stale.as_actor(actor).save()

    stored = Membership.objects.get(user=ann)
    assert (stored.role, stored.ended_at) == ("support", row.created_at)
    assert (stored.is_default, stored.is_genuine) == (True, True)


def test_a_role_is_accepted_as_it_stands_now(ann):
    """Not as it was when it was looked at, before somebody ended it."""
    stale, row = (Membership.objects.get(user=ann) for _ in range(2))
    row.ended_at = row.created_at
    row.as_actor(Actor.system("test")).save()
    stale.accept()
    stale.as_actor(Actor.system("test")).save()

    stored = Membership.objects.get(user=ann)
    assert (stored.ended_at is not None, stored.is_genuine) == (True, True)


def test_an_account_closed_while_its_password_is_typed_stays_closed(ann, monkeypatch):
    def close() -> None:
        row = User.objects.get(pk=ann.pk)
        row.is_active = False
        accounts.save_user(row, actor=Actor.system("test"))
        PinCredentialFactory(user=row)

    typed = iter([STOLEN, STOLEN])

    def type_in(**_: Any) -> str:
        word = next(typed)
        if User.objects.get(pk=ann.pk).is_active:
            close()
        return word

    monkeypatch.setattr("getpass.getpass", type_in)
    call_command("changepassword", "ann", stdout=io.StringIO())

    stored = User.objects.get(pk=ann.pk)
    assert (stored.is_active, factors_of(stored)) == (False, {"pin"})
    assert stored.check_password(STOLEN)
    assert named() == []


def test_only_save_writes_what_decides(ann):
    with pytest.raises(NotSupportedError, match="is_superuser"):
        User.objects.filter(pk=ann.pk).update(is_superuser=True)


@pytest.mark.parametrize("change", ["role", "ended_at", "user_id"])
def test_a_changed_role_gives_no_right(ann, bakery, change):
    row = Membership.objects.get(user=ann)
    bob = UserFactory()
    services_actor = Actor.system("test")
    if change == "ended_at":
        row.ended_at = row.created_at
        row.as_actor(services_actor).save()
        sql("UPDATE customers_membership SET ended_at = NULL WHERE id = %s", row.pk)
        who = ann
    elif change == "role":
        row.role = "support"
        row.as_actor(services_actor).save()
        sql("UPDATE customers_membership SET role = 'admin' WHERE id = %s", row.pk)
        who = ann
    else:
        sql(
            "UPDATE customers_membership SET user_id = %s WHERE id = %s", bob.pk, row.pk
        )
        who = bob

    operation = OperationContext(via="command", route="test")
    assert Actor.from_user(who, operation).permissions == {}
    assert [str(row.pk) in said for said in named()] == [True]
    with pytest.raises(AccountAltered):
        Membership.objects.get(pk=row.pk).as_actor(services_actor).save()


@pytest.mark.parametrize(
    ("factory", "statement"),
    [
        (AuthenticatorFactory, "DELETE FROM audit_authenticator"),
        (PinCredentialFactory, "DELETE FROM audit_pincredential"),
        (PinCredentialFactory, "UPDATE audit_pincredential SET hash = ''"),
    ],
)
def test_whoever_takes_a_second_secret_away_takes_no_lock_away(
    bakery, factory, statement
):
    user = staff(bakery, username="ann", password=PASSWORD)
    factory(user=user)
    sql(statement)

    assert not signs_in("ann", PASSWORD)
    with pytest.raises(AccountAltered):
        accounts.step_up_methods(user, "export")
    with pytest.raises(AccountAltered):
        accounts.has_totp(user)
    assert len(named()) == 1


def test_a_second_secret_that_was_put_there_is_none(ann, bakery):
    other = AuthenticatorFactory(user=staff(bakery))
    Authenticator.objects.bulk_create(
        [Authenticator(user=ann, sealed_seed=other.sealed_seed)]
    )

    with pytest.raises(AccountAltered):
        accounts.has_totp(ann)


def test_secrets_come_and_go_through_the_hub(ann):
    AuthenticatorFactory(user=ann)
    PinCredentialFactory(user=ann)
    assert factors_of(ann) == {"pin", "totp"}

    actor = Actor.system("test")
    accounts.remove_totp(ann, actor=actor)
    accounts.release_pin(ann, actor=actor)

    assert factors_of(ann) == set()
    assert not PinCredential.objects.exclude(hash="").exists()
    assert named() == []


def told(route: str) -> list[tuple[str, str]]:
    """Return action and code of the events that a command has left."""
    operations = Operation.objects.filter(route=route).values("id")
    rows = Event.objects.filter(operation_id__in=operations).order_by("id")
    return list(rows.values_list("action", "code"))


def test_djangos_own_commands_sign_and_are_events(db, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command(
        "createsuperuser", interactive=False, username="root", email="r@example.org"
    )
    assert told("createsuperuser") == [("user.created", "")]
    assert signs_in("root", PASSWORD)

    root = User.objects.get()
    tokens = accounts.issue_tokens(root)
    passwords = iter([STOLEN, STOLEN])
    monkeypatch.setattr("getpass.getpass", lambda **_: next(passwords))
    call_command("changepassword", "root", stdout=io.StringIO())
    assert told("changepassword") == [
        ("user.changed", ""),
        ("auth.sessions_ended", "password_changed"),
        ("auth.tokens_revoked", "password_changed"),
    ]
    with pytest.raises(accounts.TokenError):
        accounts.open_token(tokens.access)
    assert signs_in("root", STOLEN)
    assert named() == []


def test_an_address_that_is_taken_is_a_sentence(ann):
    with pytest.raises(CommandError, match="Another account has this e-mail address"):
        call_command(
            "createsuperuser", interactive=False, username="b", email=ann.email.upper()
        )

    assert told("createsuperuser") == []


def test_an_owner_is_made_by_answering(db, monkeypatch):
    answers, passwords = iter(["root", "r@example.org"]), iter([PASSWORD, PASSWORD])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    monkeypatch.setattr("getpass.getpass", lambda *_: next(passwords))
    terminal = mock.Mock(isatty=lambda: True)
    call_command("createsuperuser", stdin=terminal, stdout=io.StringIO())

    assert told("createsuperuser") == [("user.created", "")]
    assert signs_in("root", PASSWORD)


def test_a_password_that_is_refused_changes_nothing(ann, monkeypatch):
    monkeypatch.setattr("getpass.getpass", lambda **_: "12345678")
    err = io.StringIO()
    with pytest.raises(CommandError, match="after 3 attempts"):
        call_command("changepassword", "ann", stdout=io.StringIO(), stderr=err)
    with pytest.raises(CommandError, match="'nobody' does not exist"):
        call_command("changepassword", "nobody")

    assert "entirely numeric" in err.getvalue()
    assert signs_in("ann", PASSWORD)


def test_nobody_gives_an_altered_account_a_password(ann, monkeypatch):
    forge(ann, "is_superuser", True)
    monkeypatch.setattr("getpass.getpass", lambda **_: STOLEN)
    with pytest.raises(CommandError, match="changed past the hub"):
        call_command("changepassword", "ann", stdout=io.StringIO())

    assert told("changepassword") == []


def test_a_password_hashed_with_old_settings_is_hashed_anew_and_signed(ann, settings):
    settings.PASSWORD_HASHERS = [
        *settings.PASSWORD_HASHERS,
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
    old = make_password(PASSWORD, hasher="pbkdf2_sha256")
    ann.password = old
    ann.save()

    assert signs_in("ann", PASSWORD)
    ann.refresh_from_db()
    assert ann.password != old
    assert ann.is_genuine
    assert named() == []


def test_whoever_runs_the_hub_accepts_an_account_as_it_stands(ann):
    forge(ann, "is_superuser", True)
    row = Membership.objects.get(user=ann)
    sql("UPDATE customers_membership SET role = 'support' WHERE id = %s", row.pk)
    out = io.StringIO()
    call_command("accept_account", "ann", stdout=out)
    assert "superuser True" in out.getvalue()
    assert "role support" in out.getvalue()
    assert "changed past the hub" in out.getvalue()
    assert not signs_in("ann", PASSWORD)

    call_command("accept_account", "ann", yes=True, stdout=out)

    assert signs_in("ann", PASSWORD)
    assert named() == []
    assert Event.objects.filter(action="user.accepted").count() == 1
    with pytest.raises(CommandError, match="No account is called"):
        call_command("accept_account", "nobody")


def accept(user: User) -> str:
    """Accept an account as it stands; return what was shown of it before."""
    out = io.StringIO()
    call_command("accept_account", user.username, stdout=out)
    accounts.accept_account(user, actor=Actor.system("test"))
    return out.getvalue()


def pin_is_refused(user: User) -> str:
    """Return why the password alone sets no PIN."""
    with pytest.raises(ValidationError) as caught:
        accounts.enrol_pin(
            user, password=PASSWORD, pin="905318", actor=person(user), binding="x"
        )
    return caught.value.code


@pytest.fixture
def waiting(ann) -> User:
    """Somebody whose only second secret, the PIN, the owner has released."""
    PinCredentialFactory(user=ann)
    PinCredential.objects.update(hash="", pepper_version="")
    note_factors(ann, remove="pin")
    note_release(ann, clock.now() + timedelta(hours=3))
    return ann


def test_accepting_keeps_the_wait_of_a_released_pin(waiting):
    due = release_of(waiting)
    sql("UPDATE customers_membership SET role = 'support'")

    assert f"with the password alone from {due:%Y-%m-%d %H:%M} UTC" in accept(waiting)

    assert release_of(waiting) == due
    assert pin_is_refused(waiting) == "not_released_yet"


@pytest.mark.parametrize("words", ["", "released:2020-01-01T00:00:00+00:00"])
def test_a_release_that_was_forged_waits_a_new_day(waiting, words):
    forge(waiting, "factors", words)

    assert "after this a new wait of a day" in accept(waiting)

    assert release_of(waiting) > clock.now() + timedelta(hours=23)
    assert pin_is_refused(waiting) == "not_released_yet"
    assert named() == []


def test_whoever_still_has_a_second_secret_gets_no_release_by_accepting(ann):
    AuthenticatorFactory(user=ann)
    forge(ann, "factors", "totp released:2020-01-01T00:00:00+00:00")
    accept(ann)

    assert release_of(ann) is None
    assert pin_is_refused(ann) == "code_needed"


def test_whose_secrets_were_taken_away_waits_as_after_a_release(
    ann, django_capture_on_commit_callbacks
):
    PinCredentialFactory(user=ann)
    sql("DELETE FROM audit_pincredential")
    with django_capture_on_commit_callbacks(execute=True):
        accept(ann)

    assert [sent.to for sent in mail.outbox] == [[ann.email]]
    assert pin_is_refused(ann) == "not_released_yet"


def test_whoever_never_had_a_second_secret_waits_for_nothing(ann):
    forge(ann, "is_superuser", True)

    assert "wait" not in accept(ann)

    assert release_of(ann) is None
