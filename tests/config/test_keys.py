"""Each key of docs/keys.md can be replaced, and all goes on without the former one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from audit import accounts, checks, maintenance
from audit.accounts import totp
from audit.accounts.tokens import TokenError
from audit.crypto import encrypt, signatures
from audit.maintenance import renewal
from audit.models import (
    Authenticator,
    Event,
    IdempotentResponse,
    PinCredential,
    RecoveryCode,
    User,
)
from audit.rest import idempotency
from audit.tenancy.actors import Actor, OperationContext
from capture import services as capture
from capture.models import ApiKey, WebhookEndpoint
from customers import services as customers
from customers.models import ImportFile, Membership, permissions_in_businesses
from customers.readers import SheetError
from tests.authenticator import Device
from tests.conftest import actor_of, signed_in, staff
from tests.factories import (
    AuthenticatorFactory,
    PinCredentialFactory,
    SourceFactory,
    UserFactory,
    WebhookEndpointFactory,
)
from tests.factories.audit import PASSWORD, PIN, enrolled, person

ROOT = Path(__file__).resolve().parents[2]
FIRST, SECOND = "the first key, as long as it has to be", "the second key, just as long"
SECRET = "whsec_of_the_provider"
PAGE = "/admin/password_change/"
_REFUSALS = (InvalidTag, PermissionDenied, SheetError, TokenError, ValidationError)


@dataclass
class Office:
    """A person with everything that a key makes, and the secrets to try it with."""

    user: User
    browser: Client
    seed: bytes
    device: Device
    codes: list[str]
    refresh: str
    key: str
    endpoint: WebhookEndpoint
    upload: ImportFile

    def failing(self) -> set[str]:
        """Try all of it, and return what does not work."""
        tries = {
            "password": self.password,
            "role": self.role,
            "session": self.session,
            "authenticator": self.authenticator,
            "passkey": self.passkey,
            "recovery code": self.recovery,
            "PIN": self.pin,
            "token": self.token,
            "capture key": lambda: capture.find_key(self.key),
            "webhook": self.webhook,
            "file": self.file,
            "answer": lambda: idempotency.find_answer("a name") == {"said": 1},
        }
        failing = set()
        for name, attempt in tries.items():
            try:
                works = attempt()
            except (
                InvalidTag,
                PermissionDenied,
                SheetError,
                TokenError,
                ValidationError,
            ):
                works = False
            failing |= set() if works else {name}
        return failing

    def password(self) -> bool:
        answer = Client().post(
            "/admin/login/", {"username": self.user.username, "password": PASSWORD}
        )
        return answer.status_code == 302

    def role(self) -> bool:
        return bool(permissions_in_businesses(self.user))

    def session(self) -> bool:
        return self.browser.get(PAGE).status_code == 200

    def authenticator(self) -> bool:
        Authenticator.objects.update(last_step=0)
        step = int(timezone.now().timestamp()) // totp.STEP_SECONDS
        code = totp.code_of(self.seed, step)
        return accounts.check_code(self.user, code, takes_recovery=False).is_correct

    def passkey(self) -> bool:
        binding, actor = "a session", person(self.user)
        asked = accounts.ask_for_passkey(
            self.user, scope="manage_keys", digest=None, binding=binding, actor=actor
        )
        accounts.verify_passkey_step_up(
            self.user,
            self.device.get(asked),
            scope="manage_keys",
            digest=None,
            binding=binding,
            actor=actor,
        )
        return True

    def recovery(self) -> bool:
        code = self.codes.pop()
        return accounts.check_code(self.user, code, takes_recovery=True).is_correct

    def pin(self) -> bool:
        binding, actor = "another session", person(self.user)
        grant = accounts.verify_step_up(
            self.user, PIN, scope="reveal", digest=None, binding=binding, actor=actor
        )
        return grant in accounts.step_up_state(self.user, binding=binding).grants

    def token(self) -> bool:
        operation = OperationContext(via="api", route="/test")
        tokens = accounts.refresh_tokens(self.refresh, operation=operation)
        self.refresh = tokens.refresh
        return accounts.open_token(tokens.access).user == self.user

    def webhook(self) -> bool:
        self.endpoint.refresh_from_db()
        return capture.secrets_of(self.endpoint) == [SECRET]

    def file(self) -> bool:
        self.upload.refresh_from_db()
        return customers.is_long(self.upload) is False


@pytest.fixture
def office(bakery, actor, settings) -> Office:
    settings.HASH_KEY = settings.LOOKUP_KEY = FIRST
    settings.HASH_KEYS_OLD = []
    maintenance.keep_catalogue(actor=actor, faults_before=["made with another key"])
    user = staff(bakery, username="ann")
    seed = AuthenticatorFactory(user=user).seed
    device = enrolled(user)
    PinCredentialFactory(user=user)
    user.refresh_from_db()
    codes = accounts.make_recovery_codes(user, actor=person(user))
    source = SourceFactory(business=bakery)
    _, key = capture.create_key(source, actor=actor, kind="secret")
    endpoint = WebhookEndpointFactory(source=source)
    capture.add_secret(endpoint, SECRET, actor=actor)
    upload = customers.keep_upload(
        b"name,email\nAna,ana@example.org\n",
        name="people.csv",
        kind="csv",
        table=customers.IMPORT_TABLES["customer"],
        business=bakery,
        actor=actor_of(user),
    )
    tomorrow = timezone.now() + timedelta(days=1)
    answer = IdempotentResponse(name="a name", fingerprint="", expires_at=tomorrow)
    place = {"purpose": "answer", "owner": b"a name"}
    answer.response = encrypt(b'{"said": 1}', **place)
    answer.save()
    refresh = accounts.issue_tokens(user).refresh
    return Office(
        user, signed_in(user), seed, device, codes, refresh, key, endpoint, upload
    )


def rotate(settings) -> None:
    settings.HASH_KEY, settings.HASH_KEYS_OLD = SECOND, [FIRST]


def renew(**options: Any) -> str:
    out = StringIO()
    call_command("renew_hash_key", stdout=out, **options)
    return out.getvalue()


def warned() -> set[str]:
    found = checks.check_former_keys(databases=["default"])
    assert {message.id for message in found} <= {"audit.W005"}
    return {re.sub(r"\d+ of (.*) still .*", r"\1", message.msg) for message in found}


# --- HOLDFAST_HASH_KEY ----------------------------------------------------------


def test_everything_works_with_a_new_hash_key_beside_the_former_one(office, settings):
    assert office.failing() == set()
    rotate(settings)

    assert office.failing() == set()
    assert accounts.list_altered_records() == []
    assert maintenance.catalogue_faults() == []


def test_without_the_former_key_nothing_that_it_made_works(office, settings):
    settings.HASH_KEY = SECOND

    # Rows are found by LOOKUP_KEY and tokens signed with SECRET_KEY, but of nobody.
    assert office.failing() == {
        "password", "role", "session", "authenticator", "passkey", "recovery code",
        "PIN", "token", "capture key", "webhook", "file", "answer",
    }  # fmt: skip


def test_after_the_command_the_former_key_can_go(office, settings):
    rotate(settings)
    assert warned() == {
        "users", "memberships", "passkeys", "authenticators", "webhook endpoints",
        "stored answers", "import contents", "kept catalogues", "recovery codes",
        "PINs", "keys",
    }  # fmt: skip

    said = renew(yes=True)
    assert "users: 1 of 1" in said
    # The catalogue is for `migrate`, the others follow when they are used.
    assert warned() == {"kept catalogues", "recovery codes", "PINs", "keys"}
    maintenance.keep_catalogue(actor=person(office.user), faults_before=[])
    assert office.pin()
    assert capture.find_key(office.key)
    accounts.make_recovery_codes(office.user, actor=person(office.user))
    assert warned() == set()
    assert renew() == "nothing needs HOLDFAST_HASH_KEY_OLD\n"

    settings.HASH_KEYS_OLD = []
    assert office.failing() == {"recovery code"}
    assert accounts.list_altered_records() == []
    assert maintenance.catalogue_faults() == []
    assert not Event.objects.filter(action="schema.changed").exclude(
        data__unexplained=1
    )


def test_the_command_only_counts_and_goes_on_where_it_was_stopped(office, settings):
    for _ in range(25):
        UserFactory()
    rotate(settings)

    said = renew()
    assert "users: 26 still of a former key" in said
    assert "add --yes" in said

    steps = maintenance.renew_outdated(actor=person(office.user))
    assert next(step for step in steps if step[0] == "users") == ("users", 10, 26)
    steps.close()
    assert maintenance.count_outdated()["users"] == 16
    assert renewed("keys.renewed")["users"] == [10]
    assert "users: 16 of 16" in renew(yes=True)
    assert "users" not in warned()
    assert "users" not in renew(yes=True)
    assert renewed("keys.renewed")["users"] == [10, 10, 6]


def renewed(action: str) -> dict[str, list[int]]:
    """Return what the trail says was done: by name the rows of each event."""
    found: dict[str, list[int]] = {}
    for data in Event.objects.filter(action=action).values_list("data", flat=True):
        found.setdefault(data["of"], []).append(data["rows"])
    return {name: sorted(rows, reverse=True) for name, rows in found.items()}


def test_what_was_ended_before_it_was_stopped_is_in_the_trail(office, settings):
    for _ in range(11):
        PinCredentialFactory()
    rotate(settings)

    steps = maintenance.end_outdated(actor=Actor.system("test"))
    assert next(step for step in steps if step[0] == "PINs") == ("PINs", 10, 12)
    steps.close()

    assert renewed("keys.ended")["PINs"] == [10]
    assert PinCredential.objects.filter(hash="").count() == 10


def test_a_row_that_stays_as_it_is_is_passed(office, settings, monkeypatch):
    monkeypatch.setattr(renewal, "_READ", 5)
    forged = [UserFactory() for _ in range(12)]
    rows = User.objects.filter(pk__in=[user.pk for user in forged])
    rows.update(mac="forged")
    rotate(settings)

    said = renew(yes=True)

    assert "users: 1 of 13" in said
    assert renewed("keys.renewed")["users"] == [1]


def test_what_cannot_follow_is_ended_and_its_person_told(
    office, settings, django_capture_on_commit_callbacks
):
    rotate(settings)
    with django_capture_on_commit_callbacks(execute=True):
        renew(yes=True, end_rest=True)

    assert warned() == {"kept catalogues"}
    assert not RecoveryCode.objects.exists()
    assert not PinCredential.objects.exclude(hash="").exists()
    assert ApiKey.objects.get().revoked_at is not None
    assert sorted(m.subject for m in mail.outbox if "ended" in m.subject) == [
        "Holdfast: Your recovery codes have ended"
    ]
    settings.HASH_KEYS_OLD = []
    assert office.failing() == {"recovery code", "PIN", "capture key"}


def test_a_pin_that_was_ended_is_set_anew_a_day_later(office, settings, clock):
    """Whoever has the leaked key may have the password, too."""
    rotate(settings)
    renew(yes=True, end_rest=True)
    facts = {"password": PASSWORD, "pin": "905318", "binding": "a session"}
    actor = person(office.user)

    with pytest.raises(ValidationError) as refused:
        accounts.enrol_pin(office.user, actor=actor, **facts)

    assert refused.value.code == "not_released_yet"
    clock(hours=24)
    accounts.enrol_pin(office.user, actor=actor, **facts)


def test_a_row_that_was_changed_past_the_hub_is_not_made_good(office, settings):
    User.objects.filter(pk=office.user.pk).update(first_name="Ann")
    with_sql = "UPDATE audit_user SET is_superuser = %s"
    with connection.cursor() as cursor:
        cursor.execute(with_sql, [True])
    rotate(settings)

    renew(yes=True)

    assert accounts.list_altered_records() == [office.user]
    assert "users" in warned()


def test_an_old_row_still_stands_without_the_id_of_its_key(office, settings):
    """Rows of before there were ids are taken, renewed and counted as the others."""
    role = Membership.objects.get()
    bare = signatures(*role._signed_parts())[1]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE customers_membership SET mac = %s", [bare])
    assert office.role()
    rotate(settings)
    assert office.role()

    renew(yes=True)

    settings.HASH_KEYS_OLD = []
    assert office.role()


def test_a_key_that_is_used_leaves_its_history_once(office, settings):
    rotate(settings)

    assert capture.find_key(office.key) == capture.find_key(office.key)
    reasons = ApiKey.history.values_list("history_change_reason", flat=True)
    assert list(reasons).count("hashed with a new key") == 1


# --- the other keys -------------------------------------------------------------


def test_a_new_lookup_key_ends_sessions_and_tokens_alone(office, settings):
    settings.LOOKUP_KEY = SECOND

    assert office.failing() == {"session", "token"}


def test_a_new_secret_key_ends_nothing_while_the_former_one_is_named(office, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = SECOND
    assert office.failing() == set()

    # Both have followed.
    settings.SECRET_KEY_FALLBACKS = []
    assert office.failing() == set()


def test_a_new_secret_key_alone_ends_sessions_and_tokens(office, settings):
    settings.SECRET_KEY = SECOND

    assert office.failing() == {"session", "token"}


def test_a_new_pepper_takes_over_pins_when_they_are_used(office, settings):
    settings.PIN_PEPPERS = [FIRST]
    assert office.pin()
    settings.PIN_PEPPERS = [SECOND, FIRST]
    assert office.pin()
    settings.PIN_PEPPERS = [SECOND]

    assert office.failing() == set()


def test_a_new_webhook_secret_and_capture_key_stand_beside_the_former(office, actor):
    capture.add_secret(office.endpoint, "whsec_new", actor=actor)
    assert capture.secrets_of(office.endpoint) == ["whsec_new", SECRET]
    capture.retire_old_secrets(office.endpoint, actor=actor)
    assert capture.secrets_of(office.endpoint) == ["whsec_new"]

    _, text = capture.rotate_key(ApiKey.objects.get(), actor=actor)
    assert capture.find_key(text)
    assert capture.find_key(office.key)


# --- the page -------------------------------------------------------------------


def test_each_secret_of_the_configuration_is_in_the_inventory():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    secrets = re.findall(
        r"^(HOLDFAST_\w*(?:KEY|PEPPER)(?:_OLD)?)=", example, re.MULTILINE
    )

    assert len(secrets) >= 6
    assert [name for name in secrets if f"`{name}`" not in page] == []
