"""Long work: what was asked for, how far it is, and what came of it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from audit.fields import NullTextField
from audit.history.querysets import ScopedQuerySet
from audit.ids import uuid7


class JobStatus(models.TextChoices):
    """Where a job stands. The first two are open, the others final."""

    READY = "ready", "waiting"
    RUNNING = "running", "running"
    SUCCESSFUL = "successful", "done"
    FAILED = "failed", "failed"
    # Bookings are cancelled in another word.
    CANCELLED = "cancelled", pgettext_lazy("job", "cancelled")


OPEN_STATUSES = (JobStatus.READY, JobStatus.RUNNING)


class JobQuerySet(ScopedQuerySet["Job"]):
    """Jobs; those of the platform itself have no business."""

    def open(self) -> JobQuerySet:
        """Keep jobs that wait or run."""
        return self.filter(status__in=OPEN_STATUSES)


class Job(models.Model):
    """One call of a task, done by a worker in short transactions.

    `attempt` grows with each claim and is the fence: a worker that lost its lease
    changes no row, because its every write asks for the attempt it was given.
    The id is also the id of the operation under which the job writes, whichever worker
    does it and however often it is resumed.
    """

    privacy: ClassVar[dict[str, str]] = {
        "task": "public",
        "args": "public",
        "queue": "public",
        "key": "public",
        "reason": "free_text",
        "cursor": "public",
        "report": "public",
        "error": "public",
        "worker": "public",
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    business_id = models.UUIDField(null=True, editable=False)
    # Who asked, in which operation, and under which confirmation.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name="asked by",
    )
    operation_id = models.UUIDField()
    grant_id = models.UUIDField(null=True)
    task = models.CharField(max_length=200)
    # Ids, names and numbers; never a personal value.
    args = models.JSONField(default=dict)
    reason = NullTextField()
    queue = models.CharField(max_length=32)
    priority = models.SmallIntegerField(default=0)
    # At most one open job has a key: the same work is not started twice.
    key = models.CharField(max_length=200, null=True)
    # For work that is to be done later; null is at once.
    run_after = models.DateTimeField(null=True)
    status = models.CharField(
        max_length=12, choices=JobStatus.choices, default=JobStatus.READY
    )
    attempt = models.PositiveIntegerField(default=0)
    # Claims since the last piece that brought it further.
    failures = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=100, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    cursor = models.JSONField(null=True)
    # Counts by name: what the page says came of it.
    report = models.JSONField(default=dict)
    cancel_requested = models.BooleanField(default=False)
    # A code, never the text of an exception.
    error = models.CharField(max_length=100, blank=True)
    enqueued_at = models.DateTimeField("asked", default=timezone.now)
    started_at = models.DateTimeField("started", null=True)
    finished_at = models.DateTimeField("finished", null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-enqueued_at", "-id")
        permissions: ClassVar = [("cancel_job", "Can cancel jobs and take them back")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(status__in=["ready", "running"]),
                name="one_open_job_per_key",
            ),
            models.CheckConstraint(
                condition=Q(status__in=JobStatus.values), name="job_status_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                models.F("priority").desc(),
                models.F("id").asc(),
                condition=Q(status__in=["ready", "running"]),
                name="open_jobs",
            ),
            models.Index(fields=["business_id", "-enqueued_at"], name="job_business"),
        ]

    def __str__(self) -> str:
        return _("job %(id)s") % {"id": self.pk}

    @property
    def is_open(self) -> bool:
        """Tell whether the job still waits or runs."""
        return self.status in OPEN_STATUSES

    @property
    def name(self) -> str:
        """The short name of what the job does: `archive_customers`."""
        return self.task.rpartition(".")[2]


class JobBatch(models.Model):
    """Some rows of a job: what a bulk act was confirmed for, or what a check names.

    Of a bulk act one batch is written in one piece; of a check one is a page.
    """

    privacy: ClassVar[dict[str, str]] = {"ids": "public"}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # As the job's: the database limits both to the same business.
    business_id = models.UUIDField(null=True, editable=False)
    job = models.ForeignKey(Job, models.PROTECT, related_name="batches")
    number = models.PositiveIntegerField()
    # Ids; of a check a list for each line, never with a personal value.
    ids = models.JSONField()

    class Meta:
        verbose_name_plural = "job batches"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "number"], name="job_batch_number"),
        ]

    def __str__(self) -> str:
        return f"batch {self.number} of job {self.job_id}"
