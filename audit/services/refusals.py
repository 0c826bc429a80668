"""Refusals in the trail: the first ones are entries, the others a number.

Entries can never be deleted. Without this somebody who repeats a refused request would
fill the trail, and bury in it what matters. Nothing vanishes: once the quarter of an
hour is over, one entry says how many more there were.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Q, QuerySet

from audit import clock
from audit.actors import Actor
from audit.keyed import keyed_hash, network_hash
from audit.models import Event, Operation, Outcome, RefusalWindow
from audit.services.record import record
from audit.tenancy import reach

# So many refusals of one person and kind are told one by one in each window.
TOLD = 10
WINDOW = timedelta(minutes=15)
SUMMARY = "refusals.counted"


@transaction.atomic
def record_refusal(
    action: str,
    target: models.Model | None = None,
    *,
    actor: Actor,
    code: str,
    business_id: UUID | None = None,
    data: dict[str, Any] | None = None,
    object_label: str = "",
    object_id: str = "",
) -> Event | None:
    """Write a refusal as an event, or only count it; return the event if there is one.

    Each person, key or address has ten events for an action, a code and a business in
    a quarter of an hour. What is counted beyond them is one UPDATE, and writes neither
    event nor operation. `code` is one of ours, never a caller's text; `business_id` is
    the target's or the actor's only one unless it is given. Its own transaction, or
    part of the caller's, which then holds the counter's row until its end.
    """
    if business_id is None:
        business_id = getattr(target, "business_id", None) or actor.only_business
    now = clock.now()
    fresh = _fresh(action, code, business_id, actor, now)
    # Counters are nobody's rows: also those of a business that is not within reach.
    with reach(None):
        if _count_full(fresh.name, now):
            return None
        row = _locked(fresh)
        if not _is_open(row, now):
            _tell(row, actor)
            row.number, row.started_at, row.ends_at = 0, now, now + WINDOW
        row.number += 1
        row.last_at = now
        row.save(update_fields=["number", "started_at", "last_at", "ends_at"])
    if row.number > TOLD:
        return None
    return record(
        action,
        target,
        actor=actor,
        business_id=business_id,
        outcome=Outcome.REFUSED,
        code=code,
        data=data,
        object_label=object_label,
        object_id=object_id,
    )


def close_windows(*, actor: Actor, only_count: bool = False) -> int:
    """Tell what was counted in windows that are over, and remove them; return how many.

    For maintenance. Each window has a short transaction of its own.
    """
    names = list(_over(clock.now()).values_list("name", flat=True))
    if not only_count:
        for name in names:
            _close(name, actor)
    return len(names)


@transaction.atomic
def _close(name: str, actor: Actor) -> None:
    now = clock.now()
    row = RefusalWindow.objects.select_for_update().filter(name=name).first()
    # Meanwhile somebody may have been refused again, in a new window.
    if row is not None and not _is_open(row, now):
        _tell(row, actor)
        row.delete()


def _open(now: datetime) -> Q:
    # A clock that was put back must not keep a window open, or end one each time that
    # two servers differ by seconds.
    return Q(ends_at__gt=now, ends_at__lte=now + 2 * WINDOW)


def _is_open(row: RefusalWindow, now: datetime) -> bool:
    return now < row.ends_at <= now + 2 * WINDOW


def _over(now: datetime) -> QuerySet[RefusalWindow]:
    return RefusalWindow.objects.exclude(_open(now)).order_by("name")


def _fresh(
    action: str, code: str, business_id: UUID | None, actor: Actor, now: datetime
) -> RefusalWindow:
    """Return the row of this refusal before it is counted."""
    who = str(actor.id or actor.key_id or "")
    if not who and actor.kind == "anonymous":
        who = network_hash(actor.operation.ip)
    elif not who:
        who = actor.operation.route
    parts = (actor.kind, who, str(business_id or ""), action, code)
    return RefusalWindow(
        name=keyed_hash("refusal", *parts),
        business_id=business_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        key_id=actor.key_id,
        action=action,
        code=code,
        started_at=now,
        last_at=now,
        ends_at=now + WINDOW,
    )


def _count_full(name: str, now: datetime) -> bool:
    """Count one more in a window that has told enough; false where there is none."""
    rows = RefusalWindow.objects.filter(_open(now), name=name, number__gte=TOLD)
    return bool(rows.update(number=F("number") + 1, last_at=now))


def _locked(fresh: RefusalWindow) -> RefusalWindow:
    """Return the stored row, locked until the end of the transaction."""
    rows = RefusalWindow.objects.select_for_update().filter(name=fresh.name)
    # A second look for the case that maintenance has just removed it.
    for _ in range(2):
        RefusalWindow.objects.bulk_create([fresh], ignore_conflicts=True)
        row = rows.first()
        if row is not None:
            return row
    msg = "The counter is made and removed by others all the time."
    raise RefusalWindow.DoesNotExist(msg)


def _tell(row: RefusalWindow, actor: Actor) -> None:
    """Write how many more refusals than those told one by one a window has seen."""
    if row.number <= TOLD:
        return
    # The operation is that of whoever tells it; the entry is about who was refused.
    Operation.objects.ensure(actor)
    refused: Any = row.actor_kind
    who = replace(actor, kind=refused, id=row.actor_id, key_id=row.key_id)
    record(
        SUMMARY,
        actor=who,
        business_id=row.business_id,
        outcome=Outcome.REFUSED,
        code=row.code,
        data={
            "action": row.action,
            "more": row.number - TOLD,
            "from": row.started_at.isoformat(),
            "until": row.last_at.isoformat(),
        },
    )
