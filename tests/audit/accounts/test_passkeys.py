"""Passkeys: what is added, what opens and confirms, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from audit import accounts
from audit.accounts import ceremonies, step_up, webauthn
from audit.accounts.ceremonies import old_ceremonies
from audit.accounts.passkeys import are_passkeys_on
from audit.accounts.users import factors_of
from audit.database.signed import AccountAltered
from audit.models import (
    Ceremony,
    Event,
    Grant,
    Passkey,
    PinCredential,
    RecoveryCode,
    User,
)
from audit.tenancy.actors import OperationContext
from tests.authenticator import Device
from tests.factories import (
    AuthenticatorFactory,
    PinCredentialFactory,
    UserFactory,
)
from tests.factories.audit import enrolled, person

HERE = accounts.session_binding("here")
ELSEWHERE = accounts.session_binding("elsewhere")
DIGEST = "d" * 64


@pytest.fixture
def ann(db) -> User:
    return UserFactory(username="ann")


@pytest.fixture
def device(ann) -> Device:
    return enrolled(ann)


def operation(ip: str = "192.0.2.9") -> OperationContext:
    return OperationContext(via="admin", route="/test", ip=ip)


def ask_in(binding: str = HERE) -> dict[str, Any]:
    return accounts.ask_for_sign_in(binding=binding, operation=operation())


def sign_in(answer: Any, binding: str = HERE) -> User:
    return accounts.sign_in_with_passkey(
        answer,
        binding=binding,
        operation=operation(),
        needs_staff=True,
        method="session",
    )


def not_in(answer: Any, binding: str = HERE) -> str:
    with pytest.raises(accounts.SignInRefused) as caught:
        sign_in(answer, binding)
    return caught.value.code


def ask(user: User, **facts: Any) -> dict[str, Any]:
    facts = {"scope": "erase", "digest": DIGEST, "binding": HERE} | facts
    return accounts.ask_for_passkey(user, actor=person(user), **facts)


def confirm(user: User, answer: Any, **facts: Any) -> Grant:
    facts = {"scope": "erase", "digest": DIGEST, "binding": HERE} | facts
    return accounts.verify_passkey_step_up(user, answer, actor=person(user), **facts)


def refusal(user: User, answer: Any, **facts: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        confirm(user, answer, **facts)
    return str(caught.value.code)


def begin(user: User, binding: str = HERE) -> dict[str, Any]:
    return accounts.begin_passkey(user, binding=binding, actor=person(user))


def add(user: User, answer: Any, binding: str = HERE) -> list[str]:
    return accounts.enrol_passkey(
        user, answer, name="My phone", binding=binding, actor=person(user)
    )


def refused_key(user: User, answer: Any, **facts: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        add(user, answer, **facts)
    return str(caught.value.code)


def told(action: str) -> list[str]:
    rows = Event.objects.filter(action=action).order_by("id")
    return list(rows.values_list("code", flat=True))


# --- adding ---------------------------------------------------------------------


def test_a_passkey_is_added_and_told(ann, django_capture_on_commit_callbacks):
    stamp, device = ann.security_stamp, Device()
    with django_capture_on_commit_callbacks(execute=True):
        codes = add(ann, device.create(begin(ann)))

    row = Passkey.objects.get()
    assert (row.user, row.name, bytes(row.credential_id)) == (
        ann,
        "My phone",
        device.id,
    )
    assert factors_of(ann) == {row.factor}
    assert accounts.has_second_factor(ann)
    assert not accounts.has_totp(ann)
    # Who has lost the key gets in with one of these.
    assert len(codes) == RecoveryCode.objects.count() == 10
    assert ann.security_stamp != stamp
    assert Event.objects.get(action="second_factor.passkey_added").data == {
        "passkey": str(row.pk),
        "synced": False,
    }
    assert [m.subject for m in mail.outbox] == ["Holdfast: A passkey was added"]


def test_whoever_got_a_pin_meanwhile_gets_no_passkey(ann, monkeypatch):
    real, answer = webauthn.check_new_key, Device().create(begin(ann))

    def slow(*args: Any) -> Any:
        PinCredentialFactory(user=User.objects.get(pk=ann.pk))
        return real(*args)

    monkeypatch.setattr(webauthn, "check_new_key", slow)

    assert refused_key(ann, answer) == "changed"
    assert not Passkey.objects.exists()


def test_a_passkey_removed_meanwhile_confirms_nothing(ann, device, monkeypatch):
    real, answer = step_up.check_answer, device.get(ask(ann))

    def slow(*args: Any, **facts: Any) -> Passkey:
        row = real(*args, **facts)
        accounts.remove_passkey(row.user, row.pk, actor=person(row.user))
        return row

    monkeypatch.setattr(step_up, "check_answer", slow)

    assert refusal(ann, answer) == "changed"
    assert not Grant.objects.exists()


def test_whose_sessions_ended_meanwhile_removes_no_passkey(ann, device):
    stale = User.objects.get(pk=ann.pk)
    accounts.end_sessions(ann, actor=person(ann), reason_code="test")
    with pytest.raises(ValidationError) as refused:
        accounts.remove_passkey(stale, Passkey.objects.get().pk, actor=person(ann))

    assert refused.value.code == "changed"
    assert Passkey.objects.exists()


def test_the_browser_is_asked_for_a_key_that_names_nobody(ann, device):
    options = begin(ann)["options"]

    assert options["rp"]["id"] == "localhost"
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-8, -7, -257]
    assert len(options["excludeCredentials"]) == 1
    asked = ask_in()["options"]
    assert asked["userVerification"] == "required"
    assert "allowCredentials" not in asked
    assert len(ask(ann)["options"]["allowCredentials"]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"is_verifying": False},
        {"origin": "http://localhost:9000"},
        {"origin": "https://evil.localhost"},
        {"domain": "example.com"},
    ],
)
def test_a_key_made_elsewhere_or_unverified_is_not_added(ann, fault):
    assert refused_key(ann, Device(**fault).create(begin(ann))) == "wrong_passkey"
    assert not Passkey.objects.exists()


def test_a_key_is_added_where_it_was_asked_for_and_once(ann):
    answer = Device().create(begin(ann))
    assert refused_key(ann, answer, binding=ELSEWHERE) == "late"
    assert refused_key(ann, answer) == "late"

    assert refused_key(UserFactory(), Device().create(begin(ann))) == "late"
    assert refused_key(ann, Device().create(question_of_a_sign_in(ann))) == "late"
    assert not Passkey.objects.exists()


def question_of_a_sign_in(user: User) -> dict[str, Any]:
    """In the form of one for a new key."""
    return {"ceremony": ask_in()["ceremony"], "options": begin(user)["options"]}


def test_a_question_of_before_another_secret_is_over_after_it(ann):
    device = Device()
    asked = begin(ann)
    PinCredentialFactory(user=ann)

    assert refused_key(ann, device.create(asked)) == "late"
    assert factors_of(ann) == {"pin"}


def test_a_known_key_is_nobody_elses(ann, device):
    bob = UserFactory()
    asked = begin(bob)

    assert refused_key(bob, device.create(asked)) == "exists"
    assert factors_of(bob) == set()


def test_an_account_has_ten_at_most(ann):
    for _ in range(10):
        enrolled(ann)
    with pytest.raises(ValidationError, match="You have 10"):
        begin(ann)


# --- taking away ----------------------------------------------------------------


def test_the_last_one_goes_with_the_codes(ann, device):
    row = Passkey.objects.get()
    assert not accounts.remove_passkey(UserFactory(), row.pk, actor=person(ann))
    assert accounts.remove_passkey(ann, row.pk, actor=person(ann))

    assert factors_of(ann) == set()
    assert not RecoveryCode.objects.exists()
    assert told("second_factor.passkey_removed") == [""]


def test_whoever_needs_one_keeps_one_of_either_kind(ann, device, settings):
    settings.SECOND_FACTOR_ROLES = ["superuser"]
    ann.is_superuser = True
    ann.save()
    row = Passkey.objects.get()
    assert not accounts.lacks_second_factor(ann)

    with pytest.raises(ValidationError) as caught:
        accounts.remove_passkey(ann, row.pk, actor=person(ann))
    assert caught.value.code == "last_factor"
    AuthenticatorFactory(user=ann)
    assert accounts.remove_passkey(ann, row.pk, actor=person(ann))
    with pytest.raises(ValidationError) as caught:
        accounts.remove_totp(ann, actor=person(ann))
    assert caught.value.code == "last_factor"
    assert accounts.has_totp(ann)


def test_a_reset_takes_all_kinds(ann, device):
    AuthenticatorFactory(user=ann)
    assert accounts.reset_second_factor(ann, actor=person(UserFactory()))

    assert factors_of(ann) == set()
    assert not Passkey.objects.exists()
    assert not RecoveryCode.objects.exists()


# --- signing in -----------------------------------------------------------------


def test_a_passkey_signs_its_person_in(ann, device):
    assert sign_in(device.get(ask_in())) == ann
    assert sign_in(device.get(ask_in())) == ann

    row = Passkey.objects.get()
    assert row.sign_count == 2
    assert row.last_used_at is not None
    events = Event.objects.filter(action="auth.signed_in")
    assert events[0].data == {"method": "session", "factor": "passkey"}
    assert not Ceremony.objects.exists()


def test_an_answer_works_once(ann, device):
    answer = device.get(ask_in())
    sign_in(answer)

    assert not_in(answer) == "late"


def test_an_answer_works_where_it_was_asked_for(ann, device):
    assert not_in(device.get(ask_in()), ELSEWHERE) == "late"


def test_an_answer_comes_within_two_minutes(ann, device, clock):
    answer = device.get(ask_in())
    clock(seconds=121)
    assert old_ceremonies().count() == 1

    assert not_in(answer) == "late"


@pytest.mark.parametrize(
    "fault",
    [
        {"is_verifying": False},
        {"origin": "http://localhost:9000"},
        {"domain": "example.com"},
        {"user_handle": None},
        {"user_handle": b"somebody else..."},
        {"id": b"unknown"},
        {"key": Device().key},
    ],
)
def test_what_proves_nothing_is_refused(ann, device, fault):
    vars(device).update(fault)

    assert not_in(device.get(ask_in())) == "wrong"
    assert told("auth.failed") == ["wrong_passkey"]
    assert told("auth.signed_in") == []


@pytest.mark.parametrize(
    "answer", [{}, {"ceremony": 7}, {"ceremony": "x", "credential": []}]
)
def test_what_is_no_answer_is_late(db, answer):
    assert not_in(answer) == "late"


@pytest.mark.parametrize("credential", [None, {}, {"rawId": "x"}, {"response": 1}])
def test_what_is_no_credential_is_wrong(db, credential):
    asked = ask_in()

    answer = {"ceremony": asked["ceremony"], "credential": credential}
    assert not_in(answer) == "wrong"


def test_a_counter_that_went_back_is_a_copy(
    ann, device, django_capture_on_commit_callbacks
):
    device.counter = 5
    sign_in(device.get(ask_in()))
    device.counter = 2

    with django_capture_on_commit_callbacks(execute=True):
        assert not_in(device.get(ask_in())) == "wrong"
    assert told("second_factor.refused") == ["passkey_cloned"]
    assert told("auth.failed") == ["passkey_cloned"]
    assert "copied" in mail.outbox[-1].subject
    # A key with a counter is not believed to have none.
    device.counter = None
    assert not_in(device.get(ask_in())) == "wrong"


def test_a_synced_key_never_counts(ann):
    device = enrolled(ann, counter=None)
    for _ in range(3):
        assert sign_in(device.get(ask_in())) == ann
    assert Passkey.objects.get().is_backed_up


def test_a_wrong_answer_locks_the_network_and_no_account(ann, device, settings):
    settings.SIGN_IN_NETWORK_TRIES = 2
    other = Device(user_handle=ann.pk.bytes, id=device.id)
    assert [not_in(other.get(ask_in())) for _ in range(3)] == [
        "wrong",
        "wrong",
        "locked",
    ]

    assert not_in(device.get(ask_in())) == "locked"
    answer = device.get(ask_in())
    user = accounts.sign_in_with_passkey(
        answer,
        binding=HERE,
        operation=operation("198.51.100.1"),
        needs_staff=True,
        method="session",
    )
    assert user == ann


def test_who_may_not_come_in_does_not(ann, device):
    ann.is_staff = False
    ann.save()
    assert not_in(device.get(ask_in())) == "wrong"
    ann.is_staff, ann.is_active = True, False
    ann.save()
    assert not_in(device.get(ask_in())) == "wrong"

    assert told("auth.failed") == ["not_staff", "disabled"]


def test_questions_that_nobody_answers_are_limited(db, monkeypatch):
    monkeypatch.setattr(ceremonies, "_OPEN", 3)
    for _ in range(3):
        ask_in()
    with pytest.raises(ValidationError) as caught:
        ask_in()
    assert caught.value.code == "too_many"


def test_an_answer_gives_its_question_back(ann, device, monkeypatch):
    monkeypatch.setattr(ceremonies, "_OPEN", 3)
    for _ in range(5):
        assert sign_in(device.get(ask_in())) == ann


def test_without_a_name_there_are_no_passkeys(ann, settings):
    settings.PASSKEY_DOMAIN = ""

    assert not are_passkeys_on()
    with pytest.raises(ValidationError, match="no name"):
        ask_in()


# --- rows that somebody has changed ---------------------------------------------


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount == 1


def test_a_swapped_key_opens_nothing(ann, device):
    mallory = Device(user_handle=ann.pk.bytes, id=device.id)
    twin = enrolled(UserFactory(), key=mallory.key)
    key = bytes(Passkey.objects.get(credential_id=twin.id).public_key)
    sql(
        "UPDATE audit_passkey SET public_key = %s WHERE credential_id = %s",
        key,
        device.id,
    )

    assert not_in(mallory.get(ask_in())) == "wrong"
    assert told("second_factor.refused") == ["passkey_forged"]
    assert Passkey.objects.get(user=ann) in accounts.list_altered_records()


def test_a_key_given_to_somebody_else_opens_nothing(ann, device):
    bob = UserFactory()
    Passkey._base_manager.filter(user=ann).update(user=bob)
    device.user_handle = bob.pk.bytes

    assert not_in(device.get(ask_in())) == "wrong"
    with pytest.raises(AccountAltered):
        accounts.has_second_factor(ann)


def test_a_key_that_was_put_in_or_taken_away_closes_the_account(ann, device):
    row, copy = Passkey.objects.get(), Passkey.objects.get()
    row.delete()
    with pytest.raises(AccountAltered):
        accounts.has_second_factor(ann)
    copy.save(force_insert=True)
    assert accounts.has_second_factor(ann)
    # Even with a right MAC, as of a copy of a former row.
    accounts.remove_passkey(ann, copy.pk, actor=person(ann))
    copy.save(force_insert=True)

    assert not_in(device.get(ask_in())) == "wrong"
    assert told("auth.failed") == ["altered"]


def test_what_was_changed_can_be_accepted(ann, device):
    Passkey._base_manager.update(mac="0" * 64)
    assert not_in(device.get(ask_in())) == "wrong"
    accounts.accept_account(ann, actor=person(UserFactory()))

    assert sign_in(device.get(ask_in())) == ann


def test_a_changed_question_is_another(ann, device):
    PinCredentialFactory(user=ann)
    asked = ask(ann)
    Ceremony.objects.update(digest="e" * 64)

    assert refusal(ann, device.get(asked), digest="e" * 64) == "wrong_passkey"


# --- confirming -----------------------------------------------------------------


def test_a_passkey_confirms_one_act(ann, device, settings):
    settings.ASSURANCE_LEVEL = 2
    assert accounts.step_up_methods(ann, "erase") == ["passkey"]
    grant = confirm(ann, device.get(ask(ann)))

    assert (grant.method, grant.scope, grant.digest) == ("passkey", "erase", DIGEST)
    event = Event.objects.get(action="step_up.confirmed")
    assert event.data == {"scope": "erase", "method": "passkey"}
    assert accounts.require_grant(
        actor=person(ann), scope="erase", binding=HERE, digest=DIGEST
    )


@pytest.mark.parametrize(
    "other",
    [
        {"digest": "e" * 64},
        {"scope": "export"},
        {"scope": "manage_keys", "digest": None},
        {"binding": ELSEWHERE},
    ],
)
def test_what_was_signed_for_one_act_confirms_no_other(ann, device, other):
    answer = device.get(ask(ann))

    assert refusal(ann, answer, **other) == "late"
    # And it is used up.
    assert refusal(ann, answer) == "late"
    assert not Grant.objects.exists()


def test_what_was_signed_for_a_sign_in_confirms_nothing(ann, device):
    assert refusal(ann, device.get(ask_in())) == "late"
    assert not_in(device.get(ask(ann))) == "late"


def test_nobody_elses_passkey_confirms(ann, device):
    bob = UserFactory()
    other = enrolled(bob)

    assert refusal(ann, other.get(ask(ann))) == "wrong_passkey"
    assert refusal(ann, other.get(ask(bob))) == "late"


def test_without_one_nobody_is_asked(ann):
    with pytest.raises(ValidationError, match="no passkey"):
        ask(ann)


def test_an_authenticator_may_leave_the_person_out_when_asked_for_a_key(ann, device):
    device.user_handle = None

    assert confirm(ann, device.get(ask(ann)))


def test_the_fifth_wrong_answer_locks_every_way(ann, device):
    PinCredentialFactory(user=ann)
    device.is_verifying = False
    found = [refusal(ann, device.get(ask(ann))) for _ in range(6)]
    device.is_verifying = True

    assert found == ["wrong_passkey"] * 4 + ["locked"] * 2
    assert refusal(ann, device.get(ask(ann))) == "locked"
    with pytest.raises(ValidationError) as caught:
        accounts.verify_step_up(
            ann, "407182", scope="manage_keys", binding=HERE, actor=person(ann)
        )
    assert caught.value.code == "locked"
    assert PinCredential.objects.get(user=ann).failed == 5


def test_a_late_answer_costs_no_try(ann, device):
    answer = device.get(ask(ann))
    confirm(ann, answer)
    for _ in range(7):
        assert refusal(ann, answer) == "late"

    assert confirm(ann, device.get(ask(ann)))


def test_a_right_answer_forgets_the_wrong_ones(ann, device):
    device.is_verifying = False
    refusal(ann, device.get(ask(ann)))
    device.is_verifying = True
    confirm(ann, device.get(ask(ann)))

    assert PinCredential.objects.get(user=ann).failed == 0


def test_no_answer_is_looked_at_inside_a_transaction(ann, device):
    answer = device.get(ask(ann))
    with transaction.atomic(), pytest.raises(RuntimeError):
        confirm(ann, answer)


# --- several at once ------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_answers_to_one_question_one_counts(at_once):
    ann = UserFactory()
    device = enrolled(ann)
    answer = device.get(ask(ann))

    results = at_once(lambda: confirm(ann, answer), times=6)

    assert sum(isinstance(r, Grant) for r in results) == 1
    codes = [r.code for r in results if isinstance(r, ValidationError)]
    assert codes == ["late"] * 5


@pytest.mark.django_db(transaction=True)
def test_of_answers_with_one_counter_one_counts(at_once):
    """As of a key and its copy, each of which answers a question of its own."""
    ann = UserFactory()
    device = enrolled(ann)
    answers = []
    for _ in range(4):
        device.counter = 6
        answers.append(device.get(ask_in()))

    results = at_once(lambda: sign_in(answers.pop()), times=4)

    assert sum(isinstance(r, User) for r in results) == 1
    assert sum(isinstance(r, accounts.SignInRefused) for r in results) == 3


@pytest.mark.django_db(transaction=True)
def test_eight_guesses_at_once_are_five(at_once, looked):
    ann = UserFactory()
    device = enrolled(ann)
    device.is_verifying = False
    answers = [device.get(ask(ann)) for _ in range(8)]

    results = at_once(lambda: confirm(ann, answers.pop()))

    assert len(looked) == 5
    codes = sorted(r.code for r in results)
    assert codes == ["locked"] * 4 + ["wrong_passkey"] * 4


@pytest.mark.django_db(transaction=True)
def test_eight_guesses_at_a_sign_in_are_as_many_as_the_network_has(
    at_once, looked, settings
):
    settings.SIGN_IN_NETWORK_TRIES = 3
    device = enrolled(UserFactory())
    device.is_verifying = False
    answers = [device.get(ask_in()) for _ in range(8)]

    results = at_once(lambda: sign_in(answers.pop()))

    assert len(looked) == 3
    assert sorted(r.code for r in results) == ["locked"] * 5 + ["wrong"] * 3


@pytest.fixture
def looked(monkeypatch) -> list[int]:
    """Counts how often a signature is looked at; it still is."""
    seen: list[int] = []
    real = webauthn.check_answer

    def look(*args: Any, **kwargs: Any) -> Any:
        seen.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(webauthn, "check_answer", look)
    return seen
