"""Passkeys of staff: adding, taking away, and looking at what one has signed.

An authenticator asks for a finger, a face or a PIN of its own before it signs, and that
is checked, so a passkey is both factors in one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import clock
from audit.accounts import webauthn
from audit.accounts.ceremonies import Question, begin, consume_ceremony
from audit.accounts.grants import end_grants
from audit.accounts.mails import notify
from audit.accounts.own_secrets import hold_account, mark_of_secrets
from audit.accounts.second_factor import (
    count_recovery_codes,
    keep_a_factor,
    make_recovery_codes,
)
from audit.accounts.users import end_sessions, factors_of, note_factors
from audit.json_text import JsonObject
from audit.log.recording import record
from audit.log.refusals import record_refusal
from audit.models import Passkey, Purpose, User
from audit.tenancy.actors import Actor

# Their words have to fit into the account.
_MOST = 10
_LONGEST_NAME = 60
# In characters. With unsolicited attestation an answer has some thousands.
LONGEST_ANSWER = 20_000
# What a browser needs, and which ceremony it is; ready for JSON.
PasskeyRequest = JsonObject
_COPIED = _(
    "Your passkey “{name}” was used with a counter that went back, as a copy of it "
    "would. It was refused. Remove that passkey."
)


class PasskeyRefused(ValidationError):  # noqa: N818 - an answer, not a fault
    """A passkey's answer that proves nothing.

    `code` is wrong_passkey, passkey_forged or passkey_cloned; people read one sentence
    for all of them. `user` is whose key it says it is, if there is such a key.
    """

    def __init__(self, code: str, user: User | None = None) -> None:
        msg = gettext(
            "This passkey was not accepted. Try again, or use another one or another "
            "way."
        )
        super().__init__(msg, code=code)
        self.user = user


def are_passkeys_on() -> bool:
    """Tell whether this site has a name, for which alone browsers keep passkeys."""
    return bool(settings.PASSKEY_DOMAIN)


def list_passkeys(user: User) -> QuerySet[Passkey]:
    """Return a user's passkeys, the oldest first."""
    return Passkey.objects.filter(user=user)


# --- adding and taking away -----------------------------------------------------


def begin_passkey(user: User, *, binding: str, actor: Actor) -> PasskeyRequest:
    """Return what a browser needs to make a passkey for a user.

    The caller has checked the password, and another second secret if there is one.
    Raises ValidationError: too_many, no_domain.
    """
    exclude = [bytes(passkey.credential_id) for passkey in list_passkeys(user)]
    if len(exclude) >= _MOST:
        msg = gettext("You have %(number)s passkeys. Remove one to add another.") % {
            "number": _MOST
        }
        raise ValidationError(msg, code="too_many")
    pk, challenge = _begin(_enrolment(user, binding), actor)
    options = webauthn.creation_options(
        challenge, user_id=user.pk.bytes, name=user.get_username(), exclude=exclude
    )
    return {"ceremony": str(pk), "options": options}


def enrol_passkey(
    user: User, answer: Mapping[str, object], *, name: str, binding: str, actor: Actor
) -> list[str]:
    """Store a passkey that was made; return new recovery codes for who has none.

    Sessions elsewhere end: the edge keeps the one at hand. Raises ValidationError for
    what was not asked here and now, for a key that is known, and for an account that
    was changed meanwhile.
    """
    question = _enrolment(user, binding)
    challenge = take_question(answer, question, actor=actor)
    try:
        made = webauthn.check_new_key(_credential(answer), challenge)
    except webauthn.NotProven as error:
        raise PasskeyRefused("wrong_passkey", user) from error
    passkey = Passkey(
        user=user,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        is_backed_up=made.is_backed_up,
        name=name.strip()[:_LONGEST_NAME] or "Passkey",
    )
    try:
        return _store(passkey, user, question.digest, actor)
    except IntegrityError as error:
        msg = gettext("This passkey is in use already. Make another one.")
        raise ValidationError(msg, code="exists") from error


@transaction.atomic
def remove_passkey(user: User, pk: UUID, *, actor: Actor) -> bool:
    """Take one passkey away; sessions end. Returns false when there is none.

    Raises ValidationError `last_factor` for the last one of a person who needs one, and
    `changed` where meanwhile the sessions have ended.
    """
    hold_account(user)
    passkey = list_passkeys(user).filter(pk=pk).first()
    if passkey is None:
        return False
    keep_a_factor(user, without=passkey.factor)
    note_factors(user, remove=passkey.factor)
    passkey.delete()
    details = {"passkey": str(pk)}
    record("second_factor.passkey_removed", user, actor=actor, data=details)
    end_grants(user, actor=actor)
    end_sessions(user, actor=actor, reason_code="second_factor_removed")
    notify(
        user,
        _("A passkey was removed"),
        _("One passkey of your account was removed."),
        actor=actor,
    )
    return True


@transaction.atomic
def _store(passkey: Passkey, user: User, mark: str, actor: Actor) -> list[str]:
    hold_account(user, mark)
    passkey.save(force_insert=True)
    note_factors(user, add=passkey.factor)
    details = {"passkey": str(passkey.pk), "synced": passkey.is_backed_up}
    record("second_factor.passkey_added", user, actor=actor, data=details)
    end_sessions(user, actor=actor, reason_code="second_factor_enrolled")
    notify(
        user,
        _("A passkey was added"),
        _("A passkey was added to your account."),
        actor=actor,
    )
    if count_recovery_codes(user):
        return []
    return make_recovery_codes(user, actor=actor)


def _enrolment(user: User, binding: str) -> Question:
    mark = mark_of_secrets(user)
    return Question(Purpose.ENROL, binding, user.pk, digest=mark)


# --- asking and looking ---------------------------------------------------------


def ask_passkey(
    question: Question, *, actor: Actor, device: str | None = None
) -> PasskeyRequest:
    """Return what a browser needs to ask for a passkey.

    For any of this site, or with a user for one of theirs. A known browser's questions
    are counted apart, by the hash that `device` is. Raises ValidationError:
    too_many, no_passkey, no_domain.
    """
    passkeys = Passkey.objects.none()
    if question.user_id is not None:
        passkeys = Passkey.objects.filter(user_id=question.user_id)
        if not passkeys:
            msg = gettext("You have no passkey. Confirm another way.")
            raise ValidationError(msg, code="no_passkey")
    pk, challenge = _begin(question, actor, device)
    allowed = [bytes(passkey.credential_id) for passkey in passkeys]
    options = webauthn.request_options(challenge, allowed=allowed)
    return {"ceremony": str(pk), "options": options}


def take_question(
    answer: Mapping[str, object],
    question: Question,
    *,
    actor: Actor,
    device: str | None = None,
) -> bytes:
    """Consume the ceremony that an answer names; return its challenge.

    The caller counts a try, and then calls `check_answer`. Raises ValidationError
    `late`.
    """
    pk = answer.get("ceremony")
    return consume_ceremony(pk, question, ip=actor.operation.ip, device=device)


def check_answer(
    answer: Mapping[str, object], challenge: bytes, *, actor: Actor, user: User | None
) -> Passkey:
    """Return the passkey that has signed this challenge; its counter is moved.

    `user` is whose it must be, None for anybody's. Raises PasskeyRefused, which is an
    event where a stored key was altered, and AccountAltered.
    """
    credential = _credential(answer)
    try:
        credential_id, handle = webauthn.read_answer(credential)
    except webauthn.NotProven as error:
        raise PasskeyRefused("wrong_passkey") from error
    stored = Passkey.objects.select_related("user").filter(credential_id=credential_id)
    passkey = stored.first()
    if passkey is None or (user is not None and passkey.user_id != user.pk):
        raise PasskeyRefused("wrong_passkey")
    if not passkey.is_genuine or passkey.factor not in factors_of(passkey.user):
        raise _record_altered(passkey, "passkey_forged", actor)
    # An authenticator that was asked for certain keys may leave the user out.
    if handle != passkey.user.pk.bytes and (handle is not None or user is None):
        raise PasskeyRefused("wrong_passkey", passkey.user)
    try:
        assertion = webauthn.check_answer(
            credential,
            challenge,
            credential_id=bytes(passkey.credential_id),
            public_key=bytes(passkey.public_key),
        )
    except webauthn.NotProven as error:
        raise PasskeyRefused("wrong_passkey", passkey.user) from error
    if not _move_counter(passkey, assertion):
        raise _record_altered(passkey, "passkey_cloned", actor)
    return passkey


def parse_passkey_answer(text: str) -> JsonObject:
    """Return an answer as a form brings it; empty for what is none."""
    if len(text) > LONGEST_ANSWER:
        return {}
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _move_counter(passkey: Passkey, assertion: webauthn.AssertionState) -> bool:
    """Store the counter of an answer; false for one that did not grow.

    One UPDATE: of two answers with the same counter one is a copy's. A synced key
    always says 0, which is believed while none has said more.
    """
    grows = Q(sign_count__lt=assertion.sign_count) | Q(sign_count=0)
    outdated = Passkey.objects.filter(grows, pk=passkey.pk)
    return bool(
        outdated.update(
            sign_count=assertion.sign_count,
            is_backed_up=assertion.is_backed_up,
            last_used_at=clock.now(),
        )
    )


def _record_altered(passkey: Passkey, code: str, actor: Actor) -> PasskeyRefused:
    """Record that a stored passkey was altered or copied; return the refusal."""
    details = {"passkey": str(passkey.pk)}
    with transaction.atomic():
        event = record_refusal(
            "second_factor.refused", passkey.user, actor=actor, code=code, data=details
        )
        if event is not None and code == "passkey_cloned":
            subject = _("A passkey may have been copied")
            text = format_lazy(_COPIED, name=passkey.name)
            notify(passkey.user, subject, text, actor=actor)
    return PasskeyRefused(code, passkey.user)


def _begin(
    question: Question, actor: Actor, device: str | None = None
) -> tuple[UUID, bytes]:
    if not are_passkeys_on():
        msg = gettext("This site has no name, and passkeys need one.")
        raise ValidationError(msg, code="no_domain")
    return begin(question, ip=actor.operation.ip, device=device)


def _credential(answer: Mapping[str, object]) -> JsonObject:
    credential = answer.get("credential")
    return credential if isinstance(credential, dict) else {}
