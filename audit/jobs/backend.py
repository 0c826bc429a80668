"""Where tasks go: the table of jobs, in the caller's transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from audit.jobs.compat import (
    BaseTaskBackend,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
)
from audit.jobs.tasks import JobTask
from audit.json_text import JsonObject
from audit.log.recording import record
from audit.models import Job, JobBatch, JobStatus
from audit.tenancy.actors import Actor
from audit.tenancy.scope import extend_tenant_scope

_STATUSES = {
    JobStatus.READY: TaskResultStatus.READY,
    JobStatus.RUNNING: TaskResultStatus.RUNNING,
    JobStatus.SUCCESSFUL: TaskResultStatus.SUCCESSFUL,
    JobStatus.FAILED: TaskResultStatus.FAILED,
    JobStatus.CANCELLED: TaskResultStatus.FAILED,
}


class JobBackend(BaseTaskBackend):
    """The backend of `TASKS`: a job is a row, with an event in the trail."""

    task_class = JobTask
    supports_defer = True
    supports_priority = True
    supports_get_result = True

    def enqueue(self, task: Any, args: object, kwargs: JsonObject) -> TaskResult:
        """Write a job and its event; both go with the caller's transaction.

        Returns the open job with the same key where there is one. Raises
        PermissionDenied where the actor may not act for the business, TypeError for
        arguments by position or that are no JSON.
        """
        self.validate_task(task)
        # Django's signature takes any task; this one has seen to it that it is ours.
        if args or task.actor is None:
            msg = "Say who asks with `.using(actor=…)`, and name each argument."
            raise TypeError(msg)
        _require_reach(task.actor, task.business_id)
        with transaction.atomic():
            job = _open_job(task.key) or self._create(task, task.actor, kwargs)
        return self._result(task, job)

    def get_result(self, result_id: str) -> TaskResult:
        """Return the result of a job. Raises TaskResultDoesNotExist."""
        try:
            job = Job.objects.get(pk=result_id)
        except Job.DoesNotExist as error:
            raise TaskResultDoesNotExist(result_id) from error
        return self._result(import_string(job.task), job)

    def _create(self, task: JobTask, actor: Actor, kwargs: JsonObject) -> Job:
        job = Job(
            business_id=task.business_id,
            user_id=actor.user_id,
            operation_id=actor.operation.id,
            grant_id=actor.operation.grant_id,
            task=task.module_path,
            args=kwargs,
            reason=task.reason,
            queue=task.queue_name,
            priority=task.priority,
            key=task.key,
            total=task.total,
            run_after=task.run_after,
        )
        try:
            with transaction.atomic(), extend_tenant_scope(job.business_id):
                job.save(force_insert=True)
        except IntegrityError:
            # Another request has started the same work meanwhile.
            existing = _open_job(task.key)
            if existing is None:
                raise
            return existing
        JobBatch.objects.bulk_create(
            [
                JobBatch(job=job, business_id=job.business_id, number=number, ids=ids)
                for number, ids in enumerate(_batches(task))
            ]
        )
        record(
            "job.asked",
            job,
            actor=actor,
            business_id=task.business_id,
            reason=task.reason,
            data={"task": job.name, "total": task.total or 0},
        )
        return job

    def _result(self, task: JobTask, job: Job) -> TaskResult:
        return TaskResult(
            task=task,
            id=str(job.pk),
            status=_STATUSES[JobStatus(job.status)],
            enqueued_at=job.enqueued_at,
            started_at=job.started_at,
            last_attempted_at=job.started_at,
            finished_at=job.finished_at,
            args=[],
            kwargs=job.args,
            backend=self.alias,
            errors=[],
            worker_ids=[job.worker] if job.worker else [],
        )


def _require_reach(actor: Actor, business_id: UUID | None) -> None:
    if business_id is not None:
        actor.require_perm(business_id)
    elif not actor.owns_platform:
        msg = "A job for every business is the platform owner's."
        raise PermissionDenied(msg)


def _open_job(key: str | None) -> Job | None:
    return Job.objects.open().filter(key=key).first() if key else None


def _batches(task: JobTask) -> list[list[str]]:
    ids, size = [str(pk) for pk in task.ids], task.batch_size
    return [ids[n : n + size] for n in range(0, len(ids), size)]
