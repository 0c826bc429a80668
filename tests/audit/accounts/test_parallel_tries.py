"""Eight at once: no more codes are looked at than one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from audit import accounts
from audit.accounts import step_up
from audit.models import AttemptCounter, Grant, PinCredential
from tests.audit.accounts.test_step_up import WRONG, count_evaluations
from tests.factories import AuthenticatorFactory, GrantFactory, PinCredentialFactory
from tests.factories.audit import PIN, person

pytestmark = pytest.mark.django_db(transaction=True)
HERE = accounts.session_binding("a session")


def attempt(user, code=WRONG, ip="192.0.2.9") -> Any:
    actor = person(user)
    actor.operation.ip = ip
    return accounts.verify_step_up(
        user, code, scope="manage_keys", binding=HERE, actor=actor
    )


def codes(results: list[Any]) -> list[str]:
    unexpected = [r for r in results if not isinstance(r, ValidationError)]
    assert unexpected == []
    return sorted(error.code for error in results)


def test_eight_guesses_at_once_are_five(at_once, monkeypatch):
    user = PinCredentialFactory().user
    looked = count_evaluations(monkeypatch)

    results = at_once(lambda: attempt(user))

    assert len(looked) == 5
    assert codes(results) == ["locked"] * 4 + ["wrong_code"] * 4
    row, shared = at_once(read, times=1)[0]
    assert (row.failed, row.failed_total, row.lock_count) == (5, 5, 1)
    assert shared.failed == 5


def read() -> tuple[PinCredential, AttemptCounter]:
    return PinCredential.objects.get(), AttemptCounter.objects.get(name="step-up")


def test_the_first_tries_of_somebody_without_a_row_are_counted(at_once, monkeypatch):
    user, looked = AuthenticatorFactory().user, []
    real = step_up.use_step
    monkeypatch.setattr(
        step_up, "use_step", lambda *given: looked.append(1) or real(*given)
    )

    results = at_once(lambda: attempt(user))

    assert len(looked) == 5
    assert codes(results) == ["locked"] * 4 + ["wrong_code"] * 4


def test_a_limit_is_shared_by_all_at_once(at_once, monkeypatch, settings):
    settings.STEP_UP_LIMITS = {"address": 3, "overall": 100}
    user = PinCredentialFactory().user
    looked = count_evaluations(monkeypatch)

    results = at_once(lambda: attempt(user))

    assert len(looked) == 3
    assert codes(results).count("too_many") == 5


def test_one_act_is_done_once_at_once(at_once):
    user = PinCredentialFactory().user
    digest = "d" * 64
    GrantFactory(user=user, scope="export", digest=digest)

    def act() -> Grant:
        return accounts.require_grant(
            actor=person(user), scope="export", binding=HERE, digest=digest
        )

    results = at_once(act)

    assert sum(isinstance(result, Grant) for result in results) == 1
    refused = [r for r in results if isinstance(r, accounts.StepUpRequired)]
    assert len(refused) == 7


def test_right_codes_at_once_all_confirm(at_once):
    user = PinCredentialFactory().user

    results = at_once(lambda: attempt(user, PIN), times=4)

    assert all(isinstance(result, Grant) for result in results), results
