"""Answers that are given again: the `Idempotency-Key` of the staff API, admin forms.

Follows draft-ietf-httpapi-idempotency-key-header. The key is claimed, the act done and
its answer stored in one transaction, so none of the three is ever there without the
others; a repeat that comes meanwhile waits for it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from audit import clock
from audit.ids import uuid7
from audit.keyed import keyed_hash, lock_up, unlock
from audit.models import StoredAnswer

_KEPT = timedelta(hours=24)
_PURPOSE = "answer"


class KeyReused(Exception):  # noqa: N818 - what happened, not a fault
    """The key belongs to a request that said something else."""


def claim_answer(name: str, fingerprint: str) -> dict[str, Any] | None:
    """Claim a key for the act that this transaction does; return its answer if done.

    `name` says who asks, where, and with which key. Call inside of a transaction that
    ends with `keep_answer`: the row's unique name lets a second request wait. Raises
    TransactionManagementError outside of one, and KeyReused when `fingerprint` differs
    from that of the first request.
    """
    if not transaction.get_connection().in_atomic_block:
        msg = "A key is claimed in the transaction that does the act."
        raise transaction.TransactionManagementError(msg)
    now = clock.Now()
    StoredAnswer.objects.filter(name=name, expires_at__lt=now).delete()
    row = StoredAnswer(name=name, fingerprint=fingerprint, expires_at=now + _KEPT)
    stored = _claimed(row) or _claimed(row)
    if stored is None:
        msg = "The key is claimed and given free by others all the time."
        raise IntegrityError(msg)
    if stored.pk == row.pk:
        return None
    answer = _opened(stored)
    if stored.fingerprint != fingerprint or answer is None:
        raise KeyReused
    return answer


def find_answer(name: str) -> dict[str, Any] | None:
    """Return what the act of a key was answered, if it is done; claims nothing."""
    rows = StoredAnswer.objects.filter(name=name, expires_at__gte=clock.Now())
    stored = rows.exclude(answer="").first()
    return None if stored is None else _opened(stored)


def _opened(stored: StoredAnswer) -> dict[str, Any] | None:
    """Return an answer; None for one that was given to somebody else.

    A name says who asked. An answer may show what is shown once, such as a new key, so
    it opens under its own name alone, whoever moves rows in the database.
    """
    try:
        text = unlock(stored.answer, purpose=_PURPOSE, owner=stored.name.encode())
    except (InvalidTag, ValueError):
        return None
    answer: dict[str, Any] = json.loads(text)
    return answer


def _claimed(row: StoredAnswer) -> StoredAnswer | None:
    """Write the row unless its name is taken, and return the one that is there.

    None when the other one was just given free.
    """
    StoredAnswer.objects.bulk_create([row], ignore_conflicts=True)
    return StoredAnswer.objects.filter(name=row.name).first()


def keep_answer(name: str, answer: dict[str, Any]) -> None:
    """Store what the act of this transaction was answered."""
    row = StoredAnswer.objects.get(name=name)
    text = json.dumps(answer).encode()
    row.answer = lock_up(text, purpose=_PURPOSE, owner=name.encode())
    row.save(update_fields=["answer"])


def forget_answer(name: str) -> None:
    """Give a key free again, when what had to follow its commit has failed."""
    StoredAnswer.objects.filter(name=name).delete()


def use_once(*parts: str) -> bool:
    """Tell whether something is used for the first time within a day, and mark it."""
    name = keyed_hash("once", *parts)
    row = StoredAnswer(
        id=uuid7(), name=name, fingerprint="", expires_at=clock.Now() + _KEPT
    )
    StoredAnswer.objects.bulk_create([row], ignore_conflicts=True)
    return StoredAnswer.objects.get(name=name).pk == row.pk


def old_stored_answers() -> QuerySet[StoredAnswer]:
    """Return stored answers whose time is over."""
    return StoredAnswer.objects.filter(expires_at__lt=clock.now())


def clamp_stored_answers() -> None:
    """Keep no answer for longer than a day from now, whatever clock has stored it."""
    clock.clamp(StoredAnswer.objects.all(), "expires_at", _KEPT)
