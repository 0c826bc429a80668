"""PINs: setting one, and releasing a person who has forgotten it to set another.

A try of a code is counted in a transaction of its own, so `enrol_pin` refuses to run
inside another one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from audit import clock
from audit.accounts.grants import StepUpRequired, end_grants, require_grant
from audit.accounts.mails import notify
from audit.accounts.own_secrets import hold_account, mark_of_secrets
from audit.accounts.pin_hashes import hash_pin
from audit.accounts.pins import check_pin
from audit.accounts.step_up import RESET, lock_tries, try_code
from audit.accounts.users import (
    RELEASE_WAIT,
    check_current_password,
    factors_of,
    note_factors,
    note_release,
    release_of,
)
from audit.datetimes import day_and_time, day_and_time_lazy
from audit.log.recording import record
from audit.models import PinCredential, Scope, StepUpMethod, User
from audit.tenancy.actors import Actor

_RELEASED = _(
    "Your PIN for confirming acts is gone. From {moment} UTC you can set a new one "
    "with your password."
)


@sensitive_variables("password", "pin", "code", "hashed", "fresh")
def enrol_pin(
    user: User, *, password: str, pin: str, actor: Actor, binding: str, code: str = ""
) -> None:
    """Set the person's own PIN after the whole password.

    A person who has a second secret proves one, too: `code` is the present PIN, or
    what the authenticator shows, and without it there is a grant for the scope
    `account`. The code counts as a try like any other, so a lock holds here as well.
    Who has nothing any more waits for `release_pin`.

    Raises PermissionDenied for anybody else, and StepUpRequired for a person with only
    passkeys; ValidationError for a wrong password, a PIN that is easy to guess, with
    `code_needed` and `not_released_yet`, for the code what `verify_step_up` raises, and
    `changed` where meanwhile the account was. Runs in transactions of its own.
    """
    if actor.user_id != user.pk:
        msg = "Nobody sets the PIN of somebody else."
        raise PermissionDenied(msg)
    check_current_password(user, password, actor=actor)
    personal = (user.username, str(user.email), user.first_name, user.last_name)
    check_pin(pin, personal=personal)
    mark = mark_of_secrets(user)
    fresh = _prove(user, code, actor, binding)
    hashed, version = hash_pin(user.pk, pin)
    fresh |= {
        "hash": hashed,
        "pepper_version": version,
        "changed_at": clock.now(),
    }
    with transaction.atomic(durable=True):
        lock_tries(user)
        hold_account(user, mark)
        PinCredential.objects.filter(user=user).update(**fresh)
        note_factors(user, add="pin")
        note_release(user, None)
        end_grants(user, actor=actor)
        record("step_up.enrolled", user, actor=actor)
        notify(
            user,
            _("Your PIN was set"),
            _("Your PIN for confirming acts was set."),
            actor=actor,
        )


def needs_code_for_pin(user: User) -> bool:
    """Tell whether a new PIN needs the present one, or a code of the authenticator."""
    return bool(_codes_of(user)) and needs_proof_for_pin(user)


def needs_proof_for_pin(user: User) -> bool:
    """Tell whether a new PIN needs more than the password."""
    due = release_of(user)
    return bool(factors_of(user)) and (due is None or due > clock.now())


def needs_proof_for_secrets(user: User) -> bool:
    """Tell whether adding or removing second secrets needs more than the password.

    So it does while a release waits, or whoever cannot wait would add another secret.
    """
    return bool(factors_of(user)) or waiting_release(user) is not None


def waiting_release(user: User) -> datetime | None:
    """Return from when on the password alone sets a PIN; None unless it is to come."""
    due = release_of(user)
    return due if due is not None and due > clock.now() else None


@sensitive_variables("code")
def _prove(user: User, code: str, actor: Actor, binding: str) -> dict[str, object]:
    """Check that the person may set a new PIN; return the columns to reset.

    A release, whose time has come, ends locks as well; a right code does so by itself.
    """
    due = release_of(user)
    if due is not None and due <= clock.now():
        return {**RESET, "lock_count": 0, "last_locked_at": None}
    methods = _codes_of(user)
    if methods and code:
        try_code(user, code, methods, scope="enrol", actor=actor)
        return dict(RESET)
    if not factors_of(user) and due is None:
        return {}
    try:
        require_grant(actor=actor, scope=Scope.ACCOUNT, binding=binding)
    except StepUpRequired:
        _refuse_without_code(due, methods)
        raise
    return {}


def _refuse_without_code(due: datetime | None, methods: list[str]) -> None:
    if due is not None:
        msg = gettext(
            "Your PIN was released. You can set a new one from %(moment)s UTC."
        ) % {"moment": day_and_time(due)}
        wait = int((due - clock.now()).total_seconds()) + 1
        params = {"retry_after": wait}
        raise ValidationError(msg, code="not_released_yet", params=params)
    if methods:
        msg = gettext(
            "Give your present PIN or a code of your authenticator, too. Without both, "
            "ask the owner of the hub to release your PIN."
        )
        raise ValidationError(msg, code="code_needed")


def _codes_of(user: User) -> list[str]:
    return sorted(factors_of(user) & {StepUpMethod.PIN, StepUpMethod.TOTP})


def release_pin(user: User, *, actor: Actor, at_once: bool = False) -> bool:
    """Remove a person's PIN and let them set another; tell whether anything changed.

    For the platform's owner, who can neither read nor choose one, and for commands. A
    new one can be set with the password alone after a day, of which the person is told
    by mail. `at_once` is for operators at the host who know the person, and ends
    the wait of an earlier release, too. Raises PermissionDenied for anybody else.
    """
    if not actor.owns_platform or (at_once and actor.kind != "system"):
        msg = "Only the platform's owner releases a PIN, and at once only the host."
        raise PermissionDenied(msg)
    wait = timedelta() if at_once else RELEASE_WAIT
    with transaction.atomic():
        now = clock.now()
        credentials = PinCredential.objects.filter(user=user)
        # Wrong codes of an authenticator count there, too, and can switch it off.
        credentials = credentials.exclude(hash="", disabled_at=None)
        fresh = {"hash": "", "pepper_version": "", "changed_at": now}
        is_over = at_once and waiting_release(user) is not None
        if not credentials.update(**fresh) and not is_over:
            return False
        note_factors(user, remove="pin")
        note_release(user, now + wait)
        end_grants(user, actor=actor)
        record("step_up.released", user, actor=actor)
        notify(
            user,
            _("Your PIN was released"),
            format_lazy(_RELEASED, moment=day_and_time_lazy(now + wait)),
            actor=actor,
        )
    return True
