"""Answers that are given again: the `Idempotency-Key` of the native routes.

Follows draft-ietf-httpapi-idempotency-key-header: the first request of a key is
processed, a repeat gets the stored answer, and one that differs is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db.models import Q, QuerySet

from audit import clock
from audit import services as audit
from audit.actors import Actor
from audit.batches import delete_in_batches
from audit.keyed import keyed_hash
from capture.models import IdempotencyRecord
from capture.services.caching import forget_cached
from capture.services.limits import mend_allowances, old_allowances
from capture.services.refusals import old_refusals
from customers import services as customers

LONGEST = 255
# Under this key of the cache stands when old rows were removed last.
MAINTAINED = "maintained"
_REMEMBERED_SECONDS = 400 * 86_400
_LOCKED = timedelta(seconds=60)
_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Claimed:
    """What a request that named a key has to do.

    `outcome` is `run`, `replay`, `in_progress` or `reused`.
    """

    outcome: str
    name: str = ""
    owner: UUID | None = None
    status: int = 0
    content_type: str = ""
    body: str = ""


def claim(key_id: UUID, path: str, text: str, fingerprint: str) -> Claimed:
    """Claim an idempotency key for this request.

    The database decides who is first, by its own clock. The lock has an owner and ends
    after a minute, so that a crashed first attempt frees the key.
    """
    name = keyed_hash("idempotency", str(key_id), path, text)
    owner, lock_ends = uuid4(), clock.Now() + _LOCKED
    rows = IdempotencyRecord.objects.filter(name=name)
    rows.filter(expires_at__lt=clock.Now()).delete()
    row = IdempotencyRecord(
        name=name,
        fingerprint=fingerprint,
        owner=owner,
        locked_until=lock_ends,
        expires_at=clock.Now() + _KEPT,
    )
    IdempotencyRecord.objects.bulk_create([row], ignore_conflicts=True)
    stored = rows.annotate(at=clock.Now()).get()
    if stored.owner == owner:
        return Claimed("run", name, owner)
    if stored.fingerprint != fingerprint:
        return Claimed("reused")
    if stored.status is not None:
        return Claimed(
            "replay",
            status=stored.status,
            content_type=stored.content_type or "application/json",
            body=stored.body or "",
        )
    unfinished = rows.filter(status=None, owner=stored.owner)
    if stored.locked_until > stored.at + _LOCKED + clock.SKEW:
        # Locked by a clock that was ahead. Whether the first attempt is still at work
        # is unknown, so it has a minute from now, and not as long as the clock erred.
        clock.tell_ahead(stored.locked_until - _LOCKED, stored.at)
        unfinished.update(locked_until=lock_ends)
        return Claimed("in_progress")
    late = unfinished.filter(locked_until__lt=clock.Now())
    if late.update(owner=owner, locked_until=lock_ends):
        return Claimed("run", name, owner)
    return Claimed("in_progress")


def finish(
    claimed: Claimed, *, status: int, content_type: str, body: str, keep: bool
) -> None:
    """Store the answer of the first request, or free the key for another try."""
    mine = Q(status=None, owner=claimed.owner)
    rows = IdempotencyRecord.objects.filter(mine, name=claimed.name)
    if keep:
        rows.update(status=status, content_type=content_type, body=body)
    else:
        rows.delete()


def old_answers() -> QuerySet[IdempotencyRecord]:
    """Return stored answers whose time is over."""
    return IdempotencyRecord.objects.filter(expires_at__lt=clock.now())


def forget_old(*, only_count: bool) -> dict[str, int]:
    """Remove bookkeeping whose time is over; return how many rows of each kind.

    A few hundred rows at a time, each statement a transaction of its own. What a clock
    that was ahead has stored for too long is first kept only as long as from now,
    unless rows are only counted.
    """
    if not only_count:
        mend_allowances()
        clock.clamp(IdempotencyRecord.objects.all(), "expires_at", _KEPT)
        audit.clamp_stored_answers()
        audit.clamp_families()
        age = timedelta(seconds=settings.SESSION_COOKIE_AGE)
        clock.clamp(Session.objects.all(), "expire_date", age)
    # Reported before they are removed.
    ended = customers.end_old_imports(
        actor=Actor.system("maintain"), only_count=only_count
    )
    kinds: dict[str, QuerySet[Any]] = {
        "stored answers": old_answers(),
        "answers to staff": audit.old_stored_answers(),
        "contents of files to import": customers.old_import_contents(),
        "files to import": customers.old_import_files(),
        "rate buckets": old_allowances(),
        "counts of refusals": old_refusals(),
        "counters of tries": audit.old_counters(),
        "questions to passkeys": audit.old_ceremonies(),
        "rows of ended jobs": audit.old_job_batches(),
        "ended jobs": audit.old_jobs(),
        "sign-ins by token": audit.old_families(),
        "sessions": Session.objects.filter(expire_date__lt=clock.now()),
    }
    counts = {
        name: rows.count() if only_count else delete_in_batches(rows)
        for name, rows in kinds.items()
    }
    counts["loads that nobody went on with"] = ended
    # Told before they are removed.
    counts["windows of refusals"] = audit.close_windows(
        actor=Actor.system("maintain"), only_count=only_count
    )
    counts |= {"cached values": forget_cached(only_count=only_count)}
    if not only_count:
        # Where /readyz looks whether it still runs.
        cache.set(MAINTAINED, clock.now(), timeout=_REMEMBERED_SECONDS)
    return counts
