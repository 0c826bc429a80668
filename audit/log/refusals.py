"""Refusals in the trail: the first ones are entries, the others a number.

Entries can never be deleted. Without this a caller who repeats a refused request would
fill the trail, and bury in it what matters. Nothing vanishes: once the quarter of an
hour is over, one entry says how many more there were.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Q, QuerySet

from audit import clock
from audit.crypto import hmac_hex, network_hash
from audit.json_text import JsonObject
from audit.log.recording import new_event, record_together
from audit.models import Event, Outcome, RefusalWindow
from audit.tenancy.actors import Actor
from audit.tenancy.scope import tenant_scope

# So many refusals of one person and kind are details one by one in each window.
MOST_EVENTS = 10
WINDOW = timedelta(minutes=15)
SUMMARY = "refusals.counted"


class RefusalDetails(TypedDict, total=False):
    """What a refusal may say besides who was refused what, and where."""

    data: JsonObject | None
    object_label: str
    object_id: str


def record_refusal(
    action: str,
    target: models.Model | None = None,
    *,
    actor: Actor,
    code: str,
    business_id: UUID | None = None,
    **details: Unpack[RefusalDetails],
) -> Event | None:
    """Write a refusal as an event, or only count it; return the event if there is one.

    Each person, key or address has ten events for an action, a code and a business in
    a quarter of an hour. What is counted beyond them only moves a number, and writes
    neither event nor operation. `code` is a fixed word, never a caller's text;
    `business_id` is the target's or the actor's only one unless it is given. Its own
    transaction, or part of the caller's, which then holds the counter's row until its
    end.
    """
    if business_id is None:
        business_id = getattr(target, "business_id", None) or actor.sole_business_id
    events = record_refusals(
        action, target, actor=actor, code=code, business_ids=[business_id], **details
    )
    return events[0] if events else None


@transaction.atomic
def record_refusals(
    action: str,
    target: models.Model | None = None,
    *,
    actor: Actor,
    code: str,
    business_ids: Iterable[UUID | None],
    **details: Unpack[RefusalDetails],
) -> list[Event]:
    """Write or count one refusal in each of these businesses; return its events.

    As `record_refusal`, with as many statements for two hundred businesses as for two:
    a refused request of a person with many would be costly otherwise.
    """
    now = clock.now()
    fresh = [_fresh(action, code, pk, actor, now) for pk in set(business_ids)]
    # Counters belong to no business: also those of a business that is not within reach.
    with tenant_scope(None):
        windows = _locked(fresh)
        stored = RefusalWindow.objects.filter(name__in=[each.name for each in windows])
        over = {window.name for window in windows if not _is_open(window, now)}
        if len(over) < len(windows):
            stored.exclude(name__in=over).update(number=F("number") + 1, last_at=now)
        if over:
            begun = {"number": 1, "started_at": now, "ends_at": now + WINDOW}
            stored.filter(name__in=over).update(last_at=now, **begun)
    summaries = [
        _summary(window, actor)
        for window in windows
        if window.name in over and window.number > MOST_EVENTS
    ]
    events = [
        new_event(
            action,
            target,
            actor=actor,
            business_id=window.business_id,
            outcome=Outcome.REFUSED,
            code=code,
            **details,
        )
        for window in windows
        if window.name in over or window.number < MOST_EVENTS
    ]
    record_together([*summaries, *events], actor=actor)
    return events


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
    window = RefusalWindow.objects.select_for_update().filter(name=name).first()
    # Meanwhile there may be another refusal, in a new window.
    if window is not None and not _is_open(window, now):
        if window.number > MOST_EVENTS:
            record_together([_summary(window, actor)], actor=actor)
        window.delete()


def _open(now: datetime) -> Q:
    # A clock that was put back must not keep a window open, or end one each time that
    # two servers differ by seconds.
    return Q(ends_at__gt=now, ends_at__lte=now + 2 * WINDOW)


def _is_open(window: RefusalWindow, now: datetime) -> bool:
    return now < window.ends_at <= now + 2 * WINDOW


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
        name=hmac_hex("refusal", *parts),
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


def _locked(fresh: list[RefusalWindow]) -> list[RefusalWindow]:
    """Return the stored rows, locked until the end of the transaction.

    In one order, so that parallel requests wait and never lock each other.
    """
    fresh = sorted(fresh, key=lambda window: window.name)
    names = [window.name for window in fresh]
    stored = RefusalWindow.objects.select_for_update().order_by("name")
    # A second look at those that maintenance has just removed.
    for _ in range(3):
        windows = list(stored.filter(name__in=names))
        if len(windows) == len(fresh):
            return windows
        existing = {window.name for window in windows}
        new = [window for window in fresh if window.name not in existing]
        RefusalWindow.objects.bulk_create(new, ignore_conflicts=True)
    msg = "The counter is made and removed by others all the time."
    raise RefusalWindow.DoesNotExist(msg)


def _summary(window: RefusalWindow, actor: Actor) -> Event:
    """Return how many more refusals than those details one by one a window has seen."""
    # The operation is the writer's; the entry is about who was refused.
    refused: Any = window.actor_kind
    who = replace(actor, kind=refused, id=window.actor_id, key_id=window.key_id)
    return new_event(
        SUMMARY,
        actor=who,
        business_id=window.business_id,
        outcome=Outcome.REFUSED,
        code=window.code,
        data={
            "action": window.action,
            "more": window.number - MOST_EVENTS,
            "from": window.started_at.isoformat(),
            "until": window.last_at.isoformat(),
        },
    )
