"""Jobs as people see them: which there are, and cancelling one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit import clock
from audit.accounts.turns import take_turn
from audit.log.recording import record
from audit.models import OPEN_STATUSES, Job, JobBatch, JobStatus
from audit.models.job import JobQuerySet
from audit.tenancy.actors import Actor

VIEW, CANCEL = "audit.view_job", "audit.cancel_job"
# Jobs of one person that wait or run: the others' turn comes, too.
MOST_OPEN = 50
_RETENTION = timedelta(days=30)


def list_jobs(*, actor: Actor) -> JobQuerySet:
    """Return the jobs of the actor's businesses; for the platform's owner, all."""
    return Job.objects.visible_to(actor, VIEW)


def find_job(key: str, *, actor: Actor) -> Job | None:
    """Return the newest job of a key that the actor has asked for, if there is one."""
    if actor.user_id is None:
        return None
    jobs = Job.objects.filter(key=key, user_id=actor.user_id)
    return jobs.order_by("-id").first()


@contextmanager
def room_for_jobs(actor: Actor, more: int = 1) -> Iterator[None]:
    """Let a person ask for so many more jobs in the block, which is a transaction.

    Raises ValidationError `too_many_jobs` while too many of theirs have not ended.
    """
    with transaction.atomic():
        if actor.user_id is not None:
            take_turn(actor.user_id)
            _check_room(actor.user_id, more)
        yield


def _check_room(user_id: UUID, more: int) -> None:
    waiting = Job.objects.open().filter(user_id=user_id).count()
    if waiting + more > MOST_OPEN:
        msg = _(
            "%(waiting)s of your jobs have not ended, and %(most)s may be open at "
            "once. Wait for some of them, or cancel them."
        ) % {"waiting": waiting, "most": MOST_OPEN}
        raise ValidationError(msg, code="too_many_jobs")


def was_begun(key: str) -> bool:
    """Tell whether a job of this key goes on or is done: not if it ended half way."""
    ended_well = [*OPEN_STATUSES, JobStatus.SUCCESSFUL]
    return Job.objects.filter(key=key, status__in=ended_well).exists()


@transaction.atomic
def cancel_job(job: Job, *, actor: Actor) -> Job:
    """Cancel a job that waits, or ask the one that runs to end after its piece.

    What is written stays written. Does nothing to a job that has ended. Raises
    PermissionDenied without the permission.
    """
    if not actor.has_perm(CANCEL, job.business_id):
        msg = "You may not cancel this job."
        raise PermissionDenied(msg)
    jobs = Job.objects.filter(pk=job.pk)
    waiting = jobs.filter(status=JobStatus.READY)
    is_cancelled = waiting.update(
        status=JobStatus.CANCELLED, finished_at=clock.now(), cancel_requested=True
    )
    running = jobs.filter(status=JobStatus.RUNNING, cancel_requested=False)
    if is_cancelled or running.update(cancel_requested=True):
        record("job.cancelled", job, actor=actor, business_id=job.business_id)
    job.refresh_from_db()
    return job


def newest_jobs(task: str, business_id: UUID, *, actor: Actor) -> JobQuerySet:
    """Return the jobs of a task in a business, by its path, the newest first."""
    jobs = list_jobs(actor=actor).filter(task=task, business_id=business_id)
    return jobs.order_by("-id")


def lines_of(job: Job, page: int | None = None) -> Iterator[list[str]]:
    """Yield the lines that a job named: those of a page from 0 on, or all."""
    batches = JobBatch.objects.filter(job=job).order_by("number")
    if page is not None:
        batches = batches.filter(number=page)
    for batch in batches.iterator(chunk_size=10):
        yield from batch.ids


def old_jobs() -> JobQuerySet:
    """Return jobs that ended long ago; the trail keeps what they did."""
    return Job.objects.filter(finished_at__lt=clock.now() - _RETENTION)


def old_job_batches() -> QuerySet[JobBatch]:
    """Return what old jobs were asked for; remove it before them."""
    return JobBatch.objects.filter(job__in=old_jobs())
