"""Step-up: a person who is signed in confirms a dangerous act with a code of their own.

A try is counted and committed before its code is looked at, in a transaction of its
own, so that neither parallel tries nor a request that fails can undo the count. These
functions therefore refuse to run inside a transaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import NoReturn

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from audit import clock
from audit.accounts.ceremonies import Question
from audit.accounts.grants import (
    LONGEST_LOCK,
    SINGLE_USE,
    check_scope,
    make_grant,
    pin_locked_until,
)
from audit.accounts.login_attempts import count_attempt, give_back
from audit.accounts.mails import notify
from audit.accounts.own_secrets import hold_account
from audit.accounts.passkeys import (
    PasskeyRefused,
    PasskeyRequest,
    ask_passkey,
    check_answer,
    take_question,
)
from audit.accounts.pin_hashes import hash_pin, is_outdated, pin_matches
from audit.accounts.second_factor import use_recovery, use_step
from audit.accounts.users import factors_of
from audit.crypto import network_hash
from audit.datetimes import time_lazy
from audit.log.recording import record
from audit.log.refusals import record_refusal
from audit.models import (
    PASSKEY,
    Grant,
    PinCredential,
    Purpose,
    Scope,
    StepUpMethod,
    User,
)
from audit.tenancy.actors import Actor

TRIES = 5
TRIES_IN_ALL = 10
_FIRST_LOCK = timedelta(minutes=15)
# Within it the next lock is longer than the one before.
_FORGIVEN = timedelta(days=1)
_DOUBLINGS = 2
_WINDOW = timedelta(minutes=15)
_STRICT_LEVEL = 2
_STRICT = frozenset({Scope.ERASE, Scope.MANAGE_KEYS})
_FORMATS = {
    StepUpMethod.PIN: re.compile(r"[0-9]{6,12}"),
    StepUpMethod.TOTP: re.compile(r"[0-9]{6}"),
    StepUpMethod.RECOVERY: re.compile(r"[a-z0-9]{5}[ -]?[a-z0-9]{5}", re.ASCII | re.I),
}
_CLOSED = {
    "locked": _("Confirming acts is locked"),
    "disabled": _("Confirming acts is disabled"),
}
_LOCKED = _(
    "Too many wrong codes: confirming is locked until {time} UTC. Your sign-in is not. "
    "If these tries were not yours, tell an administrator."
)
_durable = partial(transaction.atomic, durable=True)


def step_up_methods(user: User, scope: str) -> list[str]:
    """Return what the person can confirm a scope with: of the values of `StepUpMethod`.

    A recovery code counts for the scope `account`: a person who lost the phone has
    nothing else. There a PIN is too little, at a level where it is for anything, unless
    it is all there is.
    """
    factors = factors_of(user)
    has_totp = "totp" in factors
    has_key = any(factor.startswith(PASSKEY) for factor in factors)
    is_account = scope == Scope.ACCOUNT and (has_totp or has_key)
    is_pin_enough = not (is_account and _is_strict()) and not needs_authenticator(scope)
    has = {
        StepUpMethod.PIN: "pin" in factors and is_pin_enough,
        StepUpMethod.TOTP: has_totp,
        StepUpMethod.PASSKEY: has_key,
        StepUpMethod.RECOVERY: is_account,
    }
    return [method for method, is_there in has.items() if is_there]


def needs_authenticator(scope: str) -> bool:
    """Tell whether a PIN is too little for a scope at this assurance level."""
    return _is_strict() and scope in _STRICT


def _is_strict() -> bool:
    return bool(settings.ASSURANCE_LEVEL >= _STRICT_LEVEL)


# --- confirming -----------------------------------------------------------------


@sensitive_variables("code")
def verify_step_up(
    user: User,
    code: str,
    *,
    scope: str,
    binding: str,
    actor: Actor,
    digest: str | None = None,
    method: str | None = None,
) -> Grant:
    """Return a grant for the scope if the code is the person's PIN or authenticator's.

    Or a recovery code, where one counts. `method` is one of `StepUpMethod`, or None for
    any. Raises ValidationError: not_enrolled, totp_needed, no_totp, invalid_code,
    too_many, locked, disabled, wrong_code and changed; RuntimeError inside a
    transaction.
    """
    scope = check_scope(scope, digest)
    methods = _usable(user, scope, method)
    tries, used = try_code(user, code, methods, scope=scope, actor=actor)
    pin = code if used == StepUpMethod.PIN else None
    return _grant(
        user, tries, scope, used, binding=binding, digest=digest, actor=actor, pin=pin
    )


def ask_for_passkey(
    user: User, *, scope: str, binding: str, actor: Actor, digest: str | None = None
) -> PasskeyRequest:
    """Return what a browser needs to let one of the person's passkeys confirm an act.

    Raises ValidationError: no_passkey, too_many, no_domain.
    """
    question = _question(user, check_scope(scope, digest), binding, digest)
    return ask_passkey(question, actor=actor)


def verify_passkey_step_up(
    user: User,
    answer: Mapping[str, object],
    *,
    scope: str,
    binding: str,
    actor: Actor,
    digest: str | None = None,
) -> Grant:
    """Return a grant for the scope if one of the person's passkeys has signed for it.

    A wrong answer counts as a wrong code does. Raises ValidationError: late, too_many,
    locked, disabled, wrong_passkey and changed; RuntimeError inside a transaction.
    """
    scope = check_scope(scope, digest)
    question = _question(user, scope, binding, digest)
    challenge = take_question(answer, question, actor=actor)
    tries, method = _reserve(user, actor), StepUpMethod.PASSKEY
    try:
        check_answer(answer, challenge, actor=actor, user=user)
    except PasskeyRefused as refused:
        _fail(user, actor, scope, tries, refused)
    return _grant(
        user, tries, scope, method, binding=binding, digest=digest, actor=actor
    )


def _question(user: User, scope: Scope, binding: str, digest: str | None) -> Question:
    act = (digest or "") if scope in SINGLE_USE else ""
    return Question(Purpose.STEP_UP, binding, user.pk, str(scope), act)


@sensitive_variables("pin")
def _grant(
    user: User,
    credential: PinCredential,
    scope: Scope,
    method: str,
    *,
    binding: str,
    digest: str | None,
    actor: Actor,
    pin: str | None = None,
) -> Grant:
    """Forget the wrong tries and write the grant."""
    with _durable():
        _forget_failures(user, credential, pin)
        hold_account(user)
        grant = make_grant(
            user, scope=scope, method=method, binding=binding, digest=digest
        )
        for name, _ in _limits(actor):
            give_back(name)
        record(
            "step_up.confirmed",
            grant,
            actor=actor,
            grant_id=grant.pk,
            data={"scope": str(scope), "method": method},
        )
    return grant


@sensitive_variables("code")
def try_code(
    user: User, code: str, methods: list[str], *, scope: str, actor: Actor
) -> tuple[PinCredential, str]:
    """Count a try and look at a code; return the row of the tries, and what it was.

    `methods` are the ways to look at it. Raises as `verify_step_up` does for a code.
    """
    fitting = [m for m in methods if _FORMATS[StepUpMethod(m)].fullmatch(code)]
    if not fitting:
        msg = gettext("A code has 6 digits, a PIN 6 to 12, and nothing else.")
        if StepUpMethod.RECOVERY in methods:
            recovery = gettext("A recovery code has ten letters and digits.")
            msg = f"{msg} {recovery}"
        raise ValidationError(msg, code="invalid_code")
    credential = _reserve(user, actor)
    used = _evaluate(user, code, credential, fitting)
    if used is None:
        _fail(user, actor, scope, credential)
    return credential, used


def _usable(user: User, scope: Scope, method: str | None) -> list[str]:
    """Return the ways to look at a code; refuse what needs no try to be refused."""
    methods = step_up_methods(user, scope)
    if not methods and needs_authenticator(scope):
        msg = gettext("This act needs a code of your authenticator. Set one up first.")
        raise ValidationError(msg, code="totp_needed")
    if not methods:
        msg = gettext("You have no PIN yet. Set one first.")
        raise ValidationError(msg, code="not_enrolled")
    codes = [m for m in methods if m != StepUpMethod.PASSKEY]
    usable = [m for m in codes if method in (None, m)]
    if not usable:
        msg = gettext("This act is not confirmed this way. Use the other one.")
        raise ValidationError(msg, code="totp_needed" if method == "pin" else "no_totp")
    return usable


# What a right code forgets.
RESET: dict[str, object] = {
    "failed": 0,
    "failed_total": 0,
    "locked_until": None,
    "disabled_at": None,
}


def _reserve(user: User, actor: Actor) -> PinCredential:
    """Count one try as wrong until it proves right, and return the row as of it.

    The fifth try locks and the tenth disables with the same UPDATE that counts them,
    so that a process that dies afterwards leaves nothing open. The row is locked before
    it is read, so of several tries at once each finds the last one's count.
    """
    with _durable():
        credential = lock_tries(user)
        is_taken = _count(credential)
        # After the person's own count: a locked person uses up no shared tries.
        may_try = not is_taken or all(
            count_attempt(n, limit, _WINDOW).is_allowed for n, limit in _limits(actor)
        )
        transaction.set_rollback(not may_try)
    if not may_try:
        msg = gettext("Too many tries from here. Wait a quarter of an hour.")
        raise ValidationError(msg, code="too_many", params=_wait(_WINDOW))
    if not is_taken:
        raise _closed(credential)
    return credential


def lock_tries(user: User) -> PinCredential:
    """Return the person's row; others wait for it until this transaction ends.

    Callers that lock the account as well do that afterwards, to avoid a deadlock.
    """
    credentials = PinCredential.objects.select_for_update().filter(user=user)
    credential = credentials.first()
    if credential is None:
        empty = [PinCredential(user=user)]
        PinCredential.objects.bulk_create(empty, ignore_conflicts=True)
        credential = credentials.get()
    return credential


def _count(credential: PinCredential) -> bool:
    """Count one try in a locked row; tell whether the person may try at all."""
    was_locked = credential.locked_until is not None
    if (
        credential.disabled_at is not None
        or credential.failed_total >= TRIES_IN_ALL
        or pin_locked_until(credential) is not None
        or (not was_locked and credential.failed >= TRIES)
    ):
        return False
    now = clock.now()
    credential.failed = 1 if was_locked else credential.failed + 1
    credential.failed_total += 1
    credential.locked_until = None
    if credential.failed >= TRIES:
        earlier_locks = credential.lock_count if _was_locked_today(credential) else 0
        credential.locked_until = now + _length_of_lock(earlier_locks)
        credential.last_locked_at, credential.last_locked_mark = now, clock.mark()
        credential.lock_count = earlier_locks + 1
    if credential.failed_total >= TRIES_IN_ALL:
        credential.disabled_at = now
    credential.save(
        update_fields=[
            "failed", "failed_total", "locked_until", "last_locked_at",
            "last_locked_mark", "lock_count", "disabled_at",
        ]
    )  # fmt: skip
    return True


def _was_locked_today(credential: PinCredential) -> bool:
    """Tell whether the last lock began within a day, so that the next is longer."""
    if credential.last_locked_at is None:
        return False
    begun = clock.begun(credential.last_locked_at, credential.last_locked_mark)
    # One of a clock that was ahead began who knows when.
    return begun is None or begun > clock.now() - _FORGIVEN


def _length_of_lock(earlier_locks: int) -> timedelta:
    return min(_FIRST_LOCK * 2 ** min(earlier_locks, _DOUBLINGS), LONGEST_LOCK)


@sensitive_variables("code")
def _evaluate(
    user: User, code: str, credential: PinCredential, methods: list[str]
) -> str | None:
    if StepUpMethod.PIN in methods and pin_matches(
        user.pk, code, hashed=credential.hash, version=credential.pepper_version
    ):
        return StepUpMethod.PIN
    if StepUpMethod.TOTP in methods and use_step(user, code):
        return StepUpMethod.TOTP
    if StepUpMethod.RECOVERY in methods and use_recovery(user, code):
        return StepUpMethod.RECOVERY
    return None


@sensitive_variables("code", "fresh")
def _forget_failures(user: User, credential: PinCredential, code: str | None) -> None:
    """Reset the counters, and hash anew what was hashed with old parameters.

    Raises ValidationError when the PIN was changed or revoked meanwhile.
    """
    fresh = dict(RESET)
    if code is not None and is_outdated(credential.hash, credential.pepper_version):
        fresh["hash"], fresh["pepper_version"] = hash_pin(user.pk, code)
    unchanged = PinCredential.objects.filter(pk=credential.pk, hash=credential.hash)
    if not unchanged.update(**fresh):
        msg = gettext("Your PIN was changed meanwhile. Try again.")
        raise ValidationError(msg, code="changed")


def _fail(
    user: User,
    actor: Actor,
    scope: str,
    credential: PinCredential,
    passkey: PasskeyRefused | None = None,
) -> NoReturn:
    left = tries_left(credential)
    code, message = "wrong_code", gettext("Wrong code.")
    if passkey is not None:
        code, message = "wrong_passkey", " ".join(passkey.messages)
    _refuse(actor, user, code, {"scope": str(scope), "tries_left": left})
    if left:
        tries = ngettext("You have one try left.", "You have %(n)s tries left.", left)
        msg = f"{message} {tries % {'n': left}}"
        raise ValidationError(msg, code=code, params={"tries_left": left})
    error = _closed(credential)
    with _durable():
        kind = "disabled" if credential.disabled_at else "locked"
        record(f"step_up.{kind}", user, actor=actor)
        notify(user, _CLOSED[kind], error.message, actor=actor)
    raise error


def tries_left(credential: PinCredential) -> int:
    """Return how many more wrong codes are taken before a lock."""
    left = min(TRIES - credential.failed, TRIES_IN_ALL - credential.failed_total)
    return max(0, left)


def _closed(credential: PinCredential) -> ValidationError:
    """Return the error for a person whose codes are not checked now.

    Its message is lazy: a mail says the same, in a language of its own.
    """
    if credential.disabled_at is not None:
        switched_off = _(
            "Too many wrong codes: confirming is switched off for you. Ask the owner "
            "of the hub to release your PIN. If these tries were not yours, say so."
        )
        return ValidationError(switched_off, code="disabled", params={"tries_left": 0})
    now = clock.now()
    until = pin_locked_until(credential) or now
    msg = format_lazy(_LOCKED, time=time_lazy(until))
    wait = _wait(max(until - now, timedelta(seconds=1)))
    return ValidationError(msg, code="locked", params={"tries_left": 0, **wait})


def _refuse(actor: Actor, user: User, code: str, data: dict[str, object]) -> None:
    with _durable():
        record_refusal("step_up.failed", user, actor=actor, code=code, data=data)


def _limits(actor: Actor) -> list[tuple[str, int]]:
    """Return what else counts tries: the address and everybody, with their limits."""
    limits: dict[str, int] = settings.STEP_UP_LIMITS
    address = f"step-up:{network_hash(actor.operation.ip)}"
    return [(address, limits["address"]), ("step-up", limits["overall"])]


def _wait(time: timedelta) -> dict[str, int]:
    return {"retry_after": int(time.total_seconds()) + 1}
