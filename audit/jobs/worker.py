"""What runs jobs: claims one, calls its task, and never leaves it running for ever.

A job is claimed by one conditional UPDATE, the same on both engines and without a lock
while there is nothing to do. A worker that dies leaves a lease that runs out; the next
one goes on from the cursor. A worker that wakes up late finds that its attempt is no
longer the job's, and writes nothing.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Event
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, InterfaceError, connections, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.module_loading import import_string

from audit import clock
from audit.call_stack import with_stack_room
from audit.database.outages import gave_way, is_unavailable
from audit.jobs.tasks import JobCancelled, JobContext, JobEnded, WorkerStopping
from audit.log.recording import record
from audit.models import Job, JobStatus, Outcome, User
from audit.models.job import JobQuerySet
from audit.tenancy.actors import Actor, Kind, OperationContext
from audit.tenancy.scope import tenant_scope

logger = logging.getLogger(__name__)

# Claims in a row that bring the job no further: it kills its workers itself.
MAX_FAILURES = 3
# The same while the database could not be used: about an hour.
MAX_POSTPONED = 120
_POSTPONED = "postponed"
_LONGEST_WAIT = 30.0
# What the trail calls the ends of jobs; who cancelled one stands there already.
_ENDS = {
    JobStatus.SUCCESSFUL: "job.finished",
    JobStatus.FAILED: "job.failed",
    JobStatus.CANCELLED: "job.stopped",
}


class Worker:
    """Runs the jobs of some queues, one at a time, until it is told to stop."""

    def __init__(self, queues: Iterable[str], *, interval: float = 0.5) -> None:
        self.queues = tuple(queues)
        self.interval = interval
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}"
        self._stop = Event()

    def stop(self) -> None:
        """End after the piece that is being written; its job is given back."""
        self._stop.set()

    @property
    def is_stopping(self) -> bool:
        """Tell whether the worker was told to stop."""
        return self._stop.is_set()

    def run(self, *, is_orphan: Callable[[], bool] = lambda: False) -> None:
        """Run jobs until `stop()`, or until `is_orphan()` is true."""
        wait = self.interval
        while not self.is_stopping and not is_orphan():
            try:
                has_worked = self.run_next()
            except (DatabaseError, InterfaceError) as error:
                if not is_unavailable(error):
                    raise
                # Away, full or locked: what was claimed is resumed by its lease.
                logger.warning("the database cannot be used; the worker waits")
                connections.close_all()
                wait = min(wait * 2, _LONGEST_WAIT)
                self._stop.wait(wait)
                continue
            wait = self.interval
            if not has_worked:
                self._stop.wait(self.interval)

    def run_next(self) -> bool:
        """Claim a job that is due and run it; tell whether there was one.

        Raises only where the database cannot be used. Whatever else a job does, the
        next one has its turn: its row would meet each worker again, for ever.
        """
        job = self._claim()
        if job is None:
            return False
        try:
            # What a job stores is in English, whoever has asked for it.
            with translation.override(settings.LANGUAGE_CODE):
                self._run(job)
        except Exception as error:
            if is_unavailable(error):
                raise
            # It stays with this worker until its lease is over.
            logger.exception("job %s could not be ended", job.pk)
        return True

    @with_stack_room
    def _run(self, job: Job) -> None:
        most = MAX_POSTPONED if job.error == _POSTPONED else MAX_FAILURES
        if job.failures > most:
            self._end(job, JobStatus.FAILED, error="lost")
            return
        context: JobContext | None = None
        try:
            actor = _actor_of(job)
            with tenant_scope(_reached(job, actor)):
                context = self._context_of(job, actor)
                _check_permissions(job, actor)
                task = import_string(job.task)
                task.func(context, **job.args)
                self._end(job, JobStatus.SUCCESSFUL, context=context)
        except JobCancelled:
            self._end(job, JobStatus.CANCELLED)
        except WorkerStopping:
            _mine(job).update(status=JobStatus.READY, lease_until=None, failures=0)
        except JobEnded:
            logger.warning("job %s was taken over by another worker", job.pk)
        except Exception as error:
            if is_unavailable(error) or gave_way(error):
                self._postpone(job)
                return
            logger.exception("job %s failed", job.pk)
            self._end(job, JobStatus.FAILED, error=_code(error))
        if context is not None:
            context.record_refusal()

    def _context_of(self, job: Job, actor: Actor) -> JobContext:
        return JobContext(
            job,
            actor,
            lease=_lease,
            is_stopping=lambda: self.is_stopping,
            check_permissions=lambda: _check_permissions(job, actor),
        )

    def _claim(self) -> Job | None:
        is_free = ~clock.lasting("lease_until", lease_length())
        is_due = Q(run_after=None) | Q(run_after__lte=clock.now())
        may_be_taken = Q(status=JobStatus.RUNNING) | Q(status=JobStatus.READY) & is_due
        free = Job.objects.filter(is_free, may_be_taken, queue__in=self.queues)
        for job in free.order_by("-priority", "id")[:10]:
            seen = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=job.status)
            if seen.update(
                status=JobStatus.RUNNING,
                attempt=F("attempt") + 1,
                failures=F("failures") + 1,
                worker=self.name,
                started_at=Coalesce("started_at", clock.Now()),
                **_lease(),
            ):
                job.refresh_from_db()
                return job
        return None

    def _end(
        self,
        job: Job,
        status: JobStatus,
        *,
        error: str = "",
        context: JobContext | None = None,
    ) -> None:
        """Write the end of a job and its event, unless it is another worker's now."""
        values: dict[str, object] = {"status": status, "error": error}
        if context is not None:
            values |= {"report": context.report, "done": context.done}
        with transaction.atomic():
            if not _mine(job).update(
                finished_at=clock.now(), lease_until=None, **values
            ):
                return
            job.refresh_from_db()
            record(
                _ENDS[status],
                job,
                actor=_requester(job),
                business_id=job.business_id,
                outcome=Outcome.FAILED if error else Outcome.DONE,
                code=error,
                data={"task": job.name, "done": job.done, "report": job.report},
            )

    def _postpone(self, job: Job) -> None:
        """Give a job back while the database cannot be used, and let it wait."""
        connections.close_all()
        # Longer each time, as long as no piece is finished in between.
        wait = min(2.0 ** min(job.failures, 10), settings.JOB_LEASE_SECONDS)
        _mine(job).update(
            status=JobStatus.READY,
            error=_POSTPONED,
            lease_until=clock.Now() + timedelta(seconds=wait),
        )


def _mine(job: Job) -> JobQuerySet:
    return Job.objects.filter(pk=job.pk, attempt=job.attempt, status=JobStatus.RUNNING)


def lease_length() -> timedelta:
    """Return how long a job stays with its worker without a finished piece."""
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)


def _lease() -> dict[str, object]:
    return {"lease_until": clock.Now() + lease_length()}


def _operation_of(job: Job) -> OperationContext:
    """Return the job's own operation: it has the id of the job."""
    return OperationContext(
        via="job", route=job.name[:200], id=job.pk, grant_id=job.grant_id
    )


def _actor_of(job: Job) -> Actor:
    """Return who asked for a job, with the permissions of now, in the job's operation.

    Raises AccountAltered for an account that was changed past the hub.
    """
    operation = _operation_of(job)
    if job.user_id is None:
        return Actor(kind="system", operation=operation, business_ids=None)
    with tenant_scope(None):
        user = User.objects.get(pk=job.user_id)
        return Actor.from_user(user, operation)


def _requester(job: Job) -> Actor:
    """Return who asked for a job, without any permission: for the event of its end.

    That is written whatever has become of the account.
    """
    kind: Kind = "system" if job.user_id is None else "user"
    ids = frozenset(filter(None, [job.business_id]))
    return Actor(kind, _operation_of(job), id=job.user_id, business_ids=ids)


def _reached(job: Job, actor: Actor) -> Iterable[UUID] | None:
    """Return the businesses whose rows a job may reach; None for all."""
    try:
        is_wide = import_string(job.task).is_wide
    except ImportError:
        is_wide = False
    if job.business_id is None or (is_wide and actor.business_ids is None):
        return None
    return actor.business_ids if is_wide else [job.business_id]


def _check_permissions(job: Job, actor: Actor) -> None:
    """Raise PermissionDenied where who asked may not do now what they could at first.

    Also for an account that was closed. Two statements, for each piece.
    """
    if job.user_id is None:
        return
    with tenant_scope(None):
        user = User.objects.filter(pk=job.user_id, is_active=True).first()
        now = None if user is None else Actor.from_user(user, actor.operation)
    if now is None or now.permission_fingerprint != actor.permission_fingerprint:
        msg = "The permissions of who asked for this have changed."
        raise PermissionDenied(msg)


def _code(error: Exception) -> str:
    """Return what a job says of an error: a code, never a text that holds values."""
    if isinstance(error, PermissionDenied):
        return "permission_denied"
    if isinstance(error, ValidationError) and getattr(error, "code", None):
        return str(error.code)[:100]
    return type(error).__name__[:100]
