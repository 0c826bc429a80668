"""The second factor: an authenticator app, and recovery codes for when it is lost.

The other kind, passkeys, has a module of its own; either kind counts.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import clock
from audit.accounts import totp
from audit.accounts.login_attempts import clear, reserve
from audit.accounts.mails import notify
from audit.accounts.own_secrets import hold_account, mark_of_secrets
from audit.accounts.users import end_sessions, factors_of, note_factors
from audit.crypto import decrypt, encrypt, hmac_hex, signatures
from audit.json_text import JsonObject
from audit.log.recording import record
from audit.models import PASSKEY, Authenticator, Passkey, RecoveryCode, User
from audit.tenancy.actors import Actor
from audit.tenancy.scope import tenant_scope

logger = logging.getLogger(__name__)

ISSUER = "Holdfast"
_PURPOSE = "authenticator seed"
_ENROLMENT = "authenticator enrolment"
_ENROLMENT_SECONDS = 900
_TRIES = 5
_WINDOW = timedelta(minutes=15)
_RECOVERY_CODES = 10
# Without letters and digits that look alike.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_HALF = 5
# The newest step that a code may have is two after the oldest.
_STEPS_AHEAD = 2
_DIGITS = re.compile(r"[0-9]{6}", re.ASCII)


@dataclass(frozen=True)
class Checked:
    """What became of a code; without tries left, in how many seconds to come back."""

    is_correct: bool
    retry_after: int = 0
    is_recovery: bool = False
    # It was the last one: from now on even right codes have to wait.
    has_locked: bool = False


@dataclass(frozen=True)
class Enrolment:
    """What an app needs to be set up; `ticket` comes back with the first code."""

    ticket: str
    seed: str
    uri: str


def has_totp(user: User) -> bool:
    """Tell whether a user has an authenticator. Raises AccountAltered."""
    return "totp" in factors_of(user)


def has_second_factor(user: User) -> bool:
    """Tell whether a user has one of either kind. Raises AccountAltered."""
    return bool(_second_factors(factors_of(user)))


def check_code(user: User, code: str, *, takes_recovery: bool) -> Checked:
    """Check a code of the app, or where that is allowed one of the recovery codes.

    A code that was right is used up. Call it outside of any transaction.
    """
    name = counter_of(user)
    attempt = reserve(name, _TRIES, _WINDOW, is_doubling=True)
    if not attempt.is_allowed:
        return Checked(is_correct=False, retry_after=attempt.retry_after)
    if use_step(user, code):
        clear(name)
        return Checked(is_correct=True)
    if takes_recovery and use_recovery(user, code):
        clear(name)
        return Checked(is_correct=True, is_recovery=True)
    return Checked(is_correct=False, has_locked=attempt.is_last)


def counter_of(user: User) -> str:
    """Return the name of the counter of a user's codes."""
    return f"second-factor:{hmac_hex('user', user.pk.hex)}"


# --- who needs one --------------------------------------------------------------


def _no_roles(_user: object) -> Iterable[str]:
    return ()


_roles_of: Callable[[User], Iterable[str]] = _no_roles


def register_role_source(source: Callable[[User], Iterable[str]]) -> None:
    """Let the app that knows memberships say which roles a user has now."""
    global _roles_of  # noqa: PLW0603 - set once, in AppConfig.ready()
    _roles_of = source


def needs_second_factor(user: User) -> bool:
    """Tell whether one of the user's roles has to have a second factor."""
    needed = set(settings.SECOND_FACTOR_ROLES)
    if not needed:
        return False
    roles = {"superuser"} if user.is_superuser else set()
    # Roles are asked before any business is known.
    with tenant_scope(None):
        return bool(needed & roles) or bool(needed & set(_roles_of(user)))


def lacks_second_factor(user: User) -> bool:
    """Tell whether a user has to set up a second factor before anything else."""
    return needs_second_factor(user) and not has_second_factor(user)


def keep_a_factor(user: User, *, without: str) -> None:
    """Make sure that a user may lose one second factor; take the codes with the last.

    In the transaction of the caller that has locked the account and removes the factor.
    Raises ValidationError `last_factor` for a person whose role needs one.
    """
    if _second_factors(factors_of(user)) - {without}:
        return
    if needs_second_factor(user):
        msg = gettext(
            "Your role needs a second factor. Add another one, then remove this one."
        )
        raise ValidationError(msg, code="last_factor")
    RecoveryCode.objects.filter(user=user).delete()


def _second_factors(factors: set[str]) -> set[str]:
    """Return those that a sign-in asks for; a PIN only confirms."""
    return {name for name in factors if name == "totp" or name.startswith(PASSKEY)}


# --- setting up and taking away -------------------------------------------------


def begin_enrolment(user: User, *, replaces: bool = False) -> Enrolment:
    """Return a new seed. Nothing is stored until `enrol` has seen a code of it.

    The caller has checked the password, and another second secret if there is one. With
    `replaces` it then takes the place of the user's authenticator: the caller has seen
    a code of that one.
    """
    seed = totp.new_seed()
    until = int(_seconds()) + _ENROLMENT_SECONDS
    mark = mark_of_secrets(user)
    payload = {"seed": seed.hex(), "until": until, "replaces": replaces, "had": mark}
    return _enrolment(user, seed, _seal_ticket(payload, user))


def resume_enrolment(user: User, ticket: str) -> Enrolment:
    """Return the enrolment of a ticket. Raises ValidationError when it is too old."""
    return _enrolment(user, _seed_of(_open_ticket(ticket, user)), ticket)


def enrol(user: User, ticket: str, code: str, *, actor: Actor) -> list[str]:
    """Store the authenticator whose code this is; return the recovery codes.

    They can be read only now. Sessions without a second factor end: the edge keeps
    the one at hand. Raises ValidationError for a wrong code, for an old ticket, and for
    an account that was changed meanwhile.
    """
    payload = _open_ticket(ticket, user)
    step = totp.matching_step(_seed_of(payload), _clean_code(code), _seconds())
    if step is None:
        msg = gettext(
            "This is not the code that the app shows. Wait for the next one; if it "
            "fails again, set the time of your phone to automatic."
        )
        raise ValidationError(msg, code="wrong")
    try:
        return _store(user, payload, step, actor)
    except IntegrityError as error:
        msg = gettext("You have an authenticator already. Remove it to set up another.")
        raise ValidationError(msg, code="exists") from error


@transaction.atomic
def make_recovery_codes(user: User, *, actor: Actor) -> list[str]:
    """Return ten new recovery codes; those of before open nothing more.

    Locks the account: of two at once only the later ones open anything. Raises
    ValidationError `changed` where meanwhile sessions or the second factor have ended.
    """
    hold_account(user)
    if not has_second_factor(user):
        msg = gettext("You have no second factor any more. Set one up first.")
        raise ValidationError(msg, code="changed")
    RecoveryCode.objects.filter(user=user).delete()
    codes = [_new_code() for _ in range(_RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_hash=_hashes(user, code)[0]) for code in codes
    )
    record("second_factor.codes_made", user, actor=actor)
    return codes


def count_recovery_codes(user: User) -> int:
    """Return how many recovery codes are left."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


@transaction.atomic
def remove_totp(user: User, *, actor: Actor) -> bool:
    """Take away a user's authenticator; sessions end. False when there was none.

    The recovery codes go with the last second factor. Raises ValidationError
    `last_factor` where the user's role needs it, and `changed` where meanwhile the
    sessions have ended.
    """
    hold_account(user)
    authenticators = Authenticator.objects.filter(user=user)
    if not authenticators.exists():
        return False
    keep_a_factor(user, without="totp")
    authenticators.delete()
    note_factors(user, remove="totp")
    clear(counter_of(user))
    record("second_factor.removed", user, actor=actor)
    notify(
        user,
        _("Your authenticator was removed"),
        _("Your account has no authenticator now."),
        actor=actor,
    )
    end_sessions(user, actor=actor, reason_code="second_factor_removed")
    return True


@transaction.atomic
def reset_second_factor(user: User, *, actor: Actor) -> bool:
    """Remove all second factors and recovery codes of a user; sessions end.

    Returns false when there was none.
    """
    User.objects.select_for_update().get(pk=user.pk)
    keys = list(Passkey.objects.filter(user=user))
    removed = Authenticator.objects.filter(user=user).delete()[0]
    if not removed and not keys:
        return False
    Passkey.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    for factor in ("totp", *(key.factor for key in keys)):
        note_factors(user, remove=factor)
    clear(counter_of(user))
    record("second_factor.reset", user, actor=actor, data={"passkeys": len(keys)})
    end_sessions(user, actor=actor, reason_code="second_factor_reset")
    notify(
        user,
        _("Your second factor was reset"),
        _("Set up a new one when you sign in."),
        actor=actor,
    )
    return True


@transaction.atomic
def _store(user: User, payload: JsonObject, step: int, actor: Actor) -> list[str]:
    hold_account(user, payload["had"])
    if payload.get("replaces"):
        Authenticator.objects.filter(user=user).delete()
    sealed = encrypt(_seed_of(payload), purpose=_PURPOSE, owner=user.pk.bytes)
    authenticator = Authenticator(user=user, last_step=step, sealed_seed=sealed)
    authenticator.save(force_insert=True)
    note_factors(user, add="totp")
    record("second_factor.enrolled", user, actor=actor)
    notify(
        user,
        _("An authenticator was set up"),
        _("Your account has a new authenticator app."),
        actor=actor,
    )
    end_sessions(user, actor=actor, reason_code="second_factor_enrolled")
    return make_recovery_codes(user, actor=actor)


def _enrolment(user: User, seed: bytes, ticket: str) -> Enrolment:
    uri = totp.enrolment_uri(seed, user.get_username(), ISSUER)
    return Enrolment(ticket=ticket, seed=totp.seed_text(seed), uri=uri)


def _seal_ticket(payload: dict[str, object], user: User) -> str:
    data = json.dumps(payload).encode()
    return encrypt(data, purpose=_ENROLMENT, owner=user.pk.bytes)


def _open_ticket(ticket: str, user: User) -> JsonObject:
    """Return what a ticket says. Raises ValidationError for one that is over."""
    msg = gettext("This page is too old. Begin again.")
    try:
        payload: JsonObject = json.loads(
            decrypt(ticket, purpose=_ENROLMENT, owner=user.pk.bytes)
        )
    except (InvalidTag, ValueError) as error:
        raise ValidationError(msg, code="expired") from error
    is_in_time = clock.lasts(payload["until"], timedelta(seconds=_ENROLMENT_SECONDS))
    if not is_in_time or payload["had"] != mark_of_secrets(user):
        raise ValidationError(msg, code="expired")
    return payload


def _seed_of(payload: JsonObject) -> bytes:
    return bytes.fromhex(payload["seed"])


def use_step(user: User, code: str) -> bool:
    """Tell whether this is the code of now, and use it up; the caller counts tries."""
    code = _clean_code(code)
    authenticator = Authenticator.objects.filter(user=user).first()
    if authenticator is None or not _DIGITS.fullmatch(code):
        return False
    try:
        seed = decrypt(authenticator.sealed_seed, purpose=_PURPOSE, owner=user.pk.bytes)
    except (InvalidTag, ValueError):
        logger.exception("%s cannot be opened; was HASH_KEY changed?", authenticator)
        return False
    step = totp.matching_step(seed, code, _seconds())
    if step is None:
        return False
    # Of two requests with the same code one finds the step used.
    # A step of later than now and its neighbour was used under a clock that was ahead.
    is_unused = Q(last_step__lt=step) | Q(last_step__gt=step + _STEPS_AHEAD)
    unused = Authenticator.objects.filter(is_unused, pk=authenticator.pk)
    return bool(unused.update(last_step=step))


def use_recovery(user: User, code: str) -> bool:
    """Tell whether this is a recovery code, and use it up; the caller counts tries."""
    hashes = _hashes(user, _clean_code(code))
    codes = RecoveryCode.objects.filter(user=user, code_hash__in=hashes, used_at=None)
    return bool(codes.update(used_at=timezone.now()))


def _seconds() -> float:
    return clock.now().timestamp()


def _hashes(user: User, code: str) -> list[str]:
    return signatures("recovery code", user.pk.hex, code.replace("-", ""))


def _new_code() -> str:
    text = "".join(secrets.choice(_LETTERS) for _ in range(2 * _HALF))
    return f"{text[:_HALF]}-{text[_HALF:]}"


def _clean_code(code: str) -> str:
    """Return a code without the blanks and hyphens that people type."""
    return re.sub(r"[\s-]", "", code).lower()
