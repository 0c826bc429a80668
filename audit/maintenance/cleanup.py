"""What `maintain` removes: rows whose time is over; apps above add their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Model, QuerySet

from audit import clock
from audit.accounts.ceremonies import old_ceremonies
from audit.accounts.login_attempts import old_counters
from audit.accounts.tokens import clamp_families, old_families
from audit.database.batches import delete_in_batches
from audit.jobs.services import old_job_batches, old_jobs
from audit.log.refusals import close_windows
from audit.maintenance.heartbeats import MAINTAINED, beat
from audit.rest.idempotency import clamp_answers, old_answers, old_leases
from audit.rest.rate_limits import mend_buckets, old_buckets
from audit.tenancy.actors import Actor


class Cleanup(Protocol):
    """Removes rows of one app, or only counts them; returns how many of each kind."""

    def __call__(self, *, only_count: bool) -> dict[str, int]: ...


_cleanups: list[Cleanup] = []


def register_cleanup(cleanup: Cleanup) -> None:
    """Add the clean-up of an app above; in AppConfig.ready()."""
    _cleanups.append(cleanup)


def remove_old(
    kinds: dict[str, QuerySet[Model]], *, only_count: bool
) -> dict[str, int]:
    """Remove the rows of each kind, a few hundred at a time; return how many."""
    count: Callable[[QuerySet[Model]], int] = QuerySet.count
    act = count if only_count else delete_in_batches
    return {name: act(queryset) for name, queryset in kinds.items()}


def run_cleanups(*, only_count: bool) -> dict[str, int]:
    """Remove bookkeeping whose time is over; return how many rows of each kind.

    Each statement is a transaction of its own. What a clock that was ahead has stored
    for too long is first kept only as long as from now, unless rows are only counted.
    """
    if not only_count:
        mend_buckets()
        clamp_answers()
        clamp_families()
        age = timedelta(seconds=settings.SESSION_COOKIE_AGE)
        clock.clamp(Session.objects.all(), "expire_date", age)
    kinds: dict[str, QuerySet[Model]] = {
        "stored answers": old_leases(),
        "answers to staff": old_answers(),
        "rate buckets": old_buckets(),
        "counters of tries": old_counters(),
        "questions to passkeys": old_ceremonies(),
        "rows of ended jobs": old_job_batches(),
        "ended jobs": old_jobs(),
        "sign-ins by token": old_families(),
        "sessions": Session.objects.filter(expire_date__lt=clock.now()),
    }
    counts = remove_old(kinds, only_count=only_count)
    # Told before they are removed.
    counts["windows of refusals"] = close_windows(
        actor=Actor.system("maintain"), only_count=only_count
    )
    for cleanup in _cleanups:
        counts |= cleanup(only_count=only_count)
    if not only_count:
        # Where /readyz looks whether it still runs.
        beat(MAINTAINED)
    return counts
