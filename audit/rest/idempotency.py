"""Answers that are given again: the `Idempotency-Key` of APIs and admin forms.

Follows draft-ietf-httpapi-idempotency-key-header: the first request of a key is
processed, a repeat gets the stored answer, and one that differs is refused. There is
one table and two ways to claim a key:

`claim_answer` for an act that is one transaction. The key is claimed, the act done and
its answer stored in it, so none of the three is ever there without the others; a repeat
that comes meanwhile waits for it.

`claim_lease` for an act of several transactions, such as a batch of captures. The claim
is committed at once, so a repeat that comes meanwhile is told to come again. The lease
ends after a minute, so that a crashed first attempt frees the key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from audit import clock
from audit.crypto import decrypt, encrypt, hmac_hex
from audit.ids import uuid7
from audit.json_text import JsonObject
from audit.models import IdempotentResponse

LONGEST_KEY = 255
_LIFETIME = timedelta(hours=24)
_LEASED_LIFETIME = timedelta(days=7)
_LOCKED = timedelta(seconds=60)
_PURPOSE = "answer"


class KeyReused(Exception):  # noqa: N818 - what happened, not a fault
    """The key belongs to a request that said something else."""


def is_plain_key(text: str) -> bool:
    """Tell whether a text is one that callers may name a request by."""
    return 0 < len(text) <= LONGEST_KEY and text.isascii() and text.isprintable()


def claim_answer(name: str, fingerprint: str) -> JsonObject | None:
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
    IdempotentResponse.objects.filter(name=name, expires_at__lt=now).delete()
    record = IdempotentResponse(
        name=name, fingerprint=fingerprint, expires_at=now + _LIFETIME
    )
    stored = _claimed(record) or _claimed(record)
    if stored is None:
        msg = "The key is claimed and given free by others all the time."
        raise IntegrityError(msg)
    if stored.pk == record.pk:
        return None
    answer = _decrypt_answer(stored)
    if stored.fingerprint != fingerprint or answer is None:
        raise KeyReused
    return answer


def find_answer(name: str) -> JsonObject | None:
    """Return what the act of a key was answered, if it is done; claims nothing."""
    records = IdempotentResponse.objects.filter(name=name, expires_at__gte=clock.Now())
    stored = records.exclude(response="").first()
    return None if stored is None else _decrypt_answer(stored)


def _encrypt_answer(name: str, answer: dict[str, object]) -> str:
    text = json.dumps(answer).encode()
    return encrypt(text, purpose=_PURPOSE, owner=name.encode())


def _decrypt_answer(stored: IdempotentResponse) -> JsonObject | None:
    """Return an answer; None for one that was given to somebody else.

    A name says who asked. An answer may show what is shown once, such as a new key, so
    it opens under its own name alone, whoever moves rows in the database.
    """
    try:
        text = decrypt(stored.response, purpose=_PURPOSE, owner=stored.name.encode())
    except (InvalidTag, ValueError):
        return None
    answer: JsonObject = json.loads(text)
    return answer


def _claimed(record: IdempotentResponse) -> IdempotentResponse | None:
    """Write the row unless its name is taken, and return the one that is there.

    None when the other one was just given free.
    """
    IdempotentResponse.objects.bulk_create([record], ignore_conflicts=True)
    return IdempotentResponse.objects.filter(name=record.name).first()


def keep_answer(name: str, answer: dict[str, object]) -> None:
    """Store what the act of this transaction was answered."""
    record = IdempotentResponse.objects.get(name=name)
    record.response = _encrypt_answer(name, answer)
    record.save(update_fields=["response"])


def forget_answer(name: str) -> None:
    """Give a key free again, when what had to follow its commit has failed."""
    IdempotentResponse.objects.filter(name=name).delete()


def use_once(*parts: str) -> bool:
    """Tell whether something is used for the first time within a day, and mark it."""
    name = hmac_hex("once", *parts)
    record = IdempotentResponse(
        id=uuid7(), name=name, fingerprint="", expires_at=clock.Now() + _LIFETIME
    )
    IdempotentResponse.objects.bulk_create([record], ignore_conflicts=True)
    return IdempotentResponse.objects.get(name=name).pk == record.pk


@dataclass(frozen=True)
class Lease:
    """What a request that named a key has to do; `answer` is that of a replay."""

    outcome: Literal["run", "replay", "in_progress", "reused"]
    name: str = ""
    owner: UUID | None = None
    answer: JsonObject | None = None


def claim_lease(name: str, fingerprint: str) -> Lease:
    """Claim a key for an act of several transactions, which `finish_lease` ends.

    The database decides who is first, by its own clock.
    """
    owner, lock_ends = uuid4(), clock.Now() + _LOCKED
    records = IdempotentResponse.objects.filter(name=name)
    records.filter(expires_at__lt=clock.Now()).delete()
    record = IdempotentResponse(
        name=name,
        fingerprint=fingerprint,
        owner=owner,
        locked_until=lock_ends,
        expires_at=clock.Now() + _LEASED_LIFETIME,
    )
    IdempotentResponse.objects.bulk_create([record], ignore_conflicts=True)
    stored = records.annotate(at=clock.Now()).get()
    if stored.owner == owner:
        return Lease("run", name, owner)
    if stored.fingerprint != fingerprint:
        return Lease("reused")
    if stored.response:
        answer = _decrypt_answer(stored)
        return Lease("reused") if answer is None else Lease("replay", answer=answer)
    unfinished = records.filter(response="", owner=stored.owner)
    locked_until = stored.locked_until or stored.at
    if locked_until > stored.at + _LOCKED + clock.SKEW:
        # Locked by a clock that was ahead. Whether the first attempt is still at work
        # is unknown, so it has a minute from now, and not as long as the clock erred.
        clock.log_ahead(locked_until - _LOCKED, stored.at)
        unfinished.update(locked_until=lock_ends)
        return Lease("in_progress")
    late = unfinished.filter(locked_until__lt=clock.Now())
    if late.update(owner=owner, locked_until=lock_ends):
        return Lease("run", name, owner)
    return Lease("in_progress")


def finish_lease(lease: Lease, answer: dict[str, object] | None) -> None:
    """Store the answer of the first request, or free the key for another try."""
    records = IdempotentResponse.objects.filter(
        name=lease.name, owner=lease.owner, response=""
    )
    if answer is None:
        records.delete()
    else:
        records.update(response=_encrypt_answer(lease.name, answer))


def old_answers() -> QuerySet[IdempotentResponse]:
    """Return the answers of single transactions whose time is over."""
    return _single().filter(expires_at__lt=clock.now())


def old_leases() -> QuerySet[IdempotentResponse]:
    """Return the answers of leases whose time is over."""
    return _leased().filter(expires_at__lt=clock.now())


def clamp_answers() -> None:
    """Keep no answer for longer than from now, whatever clock has stored it."""
    clock.clamp(_single(), "expires_at", _LIFETIME)
    clock.clamp(_leased(), "expires_at", _LEASED_LIFETIME)


def _single() -> QuerySet[IdempotentResponse]:
    return IdempotentResponse.objects.filter(owner=None)


def _leased() -> QuerySet[IdempotentResponse]:
    return IdempotentResponse.objects.exclude(owner=None)
