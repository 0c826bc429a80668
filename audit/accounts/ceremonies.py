"""Ceremonies: one question to a passkey, for one purpose, answered once.

What is asked for goes into the challenge itself, which the passkey signs: an answer
that was meant for another session, person, act or purpose proves nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import clock
from audit.accounts.login_attempts import give_back, reserve, wait_text
from audit.crypto import hmac_hex, network_hash
from audit.ids import parse_uuid
from audit.models import Ceremony

LIFETIME = timedelta(minutes=2)
# Open ceremonies of one network: each is a row.
_OPEN = 200
_WINDOW = timedelta(minutes=15)
_LATE = _(
    "This took too long, or was answered already. Begin again; nothing was done by it."
)


@dataclass(frozen=True)
class Question:
    """What a passkey is asked for: `binding` is that of a grant (session or token)."""

    purpose: str
    binding: str
    user_id: UUID | None = None
    scope: str = ""
    digest: str = ""


def begin(
    question: Question, *, ip: str | None, device: str | None = None
) -> tuple[UUID, bytes]:
    """Return the id of a new ceremony, and its challenge.

    Raises ValidationError `too_many` for a network with too many open ones, or a known
    browser. Call it outside of any transaction.
    """
    attempt = reserve(_counter(ip, device), _OPEN, _WINDOW)
    if not attempt.is_allowed:
        msg = gettext("Too many tries from here. Wait %(wait)s.") % {
            "wait": wait_text(attempt.retry_after)
        }
        params = {"retry_after": attempt.retry_after}
        raise ValidationError(msg, code="too_many", params=params)
    ceremony = Ceremony.objects.create(
        purpose=question.purpose,
        binding=question.binding,
        user_id=question.user_id,
        scope=question.scope,
        digest=question.digest,
        expires_at=clock.now() + LIFETIME,
    )
    return ceremony.pk, _challenge(ceremony.pk, question, ceremony.expires_at)


def consume_ceremony(
    pk: object, question: Question, *, ip: str | None, device: str | None = None
) -> bytes:
    """Consume a ceremony; return the challenge that its answer has to sign.

    It is deleted before the answer is checked, so only one of two answers counts.
    Raises ValidationError `late` for one that is over, was answered, or asked for
    something else, and RuntimeError inside a transaction, whose rollback would bring
    the row back.
    """
    matching = Ceremony.objects.filter(pk=parse_uuid(str(pk)) or UUID(int=0))
    with transaction.atomic(durable=True):
        stored = matching.first()
        is_mine = bool(matching.delete()[0])
    if stored is None or not is_mine:
        raise ValidationError(_LATE, code="late")
    give_back(_counter(ip, device))
    stored_question = Question(
        stored.purpose, stored.binding, stored.user_id, stored.scope, stored.digest
    )
    if stored_question != question or not clock.lasts(stored.expires_at, LIFETIME):
        raise ValidationError(_LATE, code="late")
    return _challenge(stored.pk, question, stored.expires_at)


def old_ceremonies() -> QuerySet[Ceremony]:
    """Return the expired ceremonies."""
    return Ceremony.objects.filter(expires_at__lt=clock.now())


def _challenge(pk: UUID, question: Question, expires_at: datetime) -> bytes:
    text = hmac_hex(
        "passkey challenge",
        pk.hex,
        str(question.purpose),
        question.binding,
        str(question.user_id or ""),
        question.scope,
        question.digest,
        expires_at.isoformat(),
    )
    return bytes.fromhex(text)


def _counter(ip: str | None, device: str | None) -> str:
    return f"passkey:{device or network_hash(ip)}"
