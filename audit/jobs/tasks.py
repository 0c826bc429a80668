"""Declaring tasks, and what a running one is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import transaction

from audit.database.batches import give_way
from audit.jobs import compat
from audit.json_text import JsonValue
from audit.log.access import REFUSED, write_notes
from audit.models import Event, Job, JobBatch
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LONG_QUEUE = "long"
# Rows of a bulk act that one transaction writes: well under a tenth of a second.
BATCH_SIZE = 100
# Of what a job names.
LINES_PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTask(compat.AnyTask):
    """A task, and what its next job is to know besides its arguments.

    `actor` is who asks: the job acts as that person with the roles of the moment at
    which it runs. `business_id` is the one business whose rows it reaches; None is for
    the platform itself. `ids` are written batch by batch.
    """

    actor: Actor | None = None
    business_id: UUID | None = None
    reason: str | None = None
    # The same work is not started twice while a job with this key is open.
    key: str | None = None
    total: int | None = None
    ids: tuple[UUID, ...] = ()
    # How many of them one piece takes: about a tenth of a second of writing.
    batch_size: int = BATCH_SIZE
    # Whether it reaches all businesses of who asks, as a request of theirs does.
    is_wide: bool = False
    # What the page of a job says of it, the task that takes it back, and the function
    # that tells where its result is.
    title: _StrOrPromise = ""
    undo: str = ""
    result_page: str = ""

    def using(self, **changes: Any) -> Self:
        """Return the task with other settings: those of Django's, and the above."""
        if "ids" in changes:
            changes["ids"] = tuple(changes["ids"])
            changes.setdefault("total", len(changes["ids"]))
        return replace(self, **changes)


def task(
    title: _StrOrPromise,
    *,
    undo: str = "",
    result_page: str = "",
    is_wide: bool = False,
    batch_size: int = BATCH_SIZE,
    queue_name: str = LONG_QUEUE,
    priority: int = 0,
) -> Callable[[Callable[..., object]], JobTask]:
    """Declare a module-level function as a task, by its title on pages.

    `undo` is the path of the task that takes back what a job of this one did; it is
    given the same rows, and as `changed_in` the operation whose changes it takes back.
    `result_page` is the path of a function that takes a job and an actor, and returns
    the address of the page that shows what came of it; empty for who may not see it.

    Its first argument is called `context` and is a `JobContext`; the others are given
    to `.enqueue()` by keyword and are JSON. The function writes in pieces: whatever it
    does between two calls of `context.step()` may be done again.
    """
    declare: Any = compat.task(
        queue_name=queue_name, priority=priority, takes_context=True
    )

    def declared(function: Callable[..., object]) -> JobTask:
        declaration: JobTask = declare(function)
        return declaration.using(
            title=title,
            undo=undo,
            result_page=result_page,
            is_wide=is_wide,
            batch_size=batch_size,
        )

    return declared


class JobEnded(Exception):  # noqa: N818 - none of them is an error of the task
    """The worker is no longer to work on this job; the open piece rolls back."""


class LeaseLost(JobEnded):
    """Another worker has taken the job over."""


class JobCancelled(JobEnded):
    """The job was cancelled."""


class WorkerStopping(JobEnded):
    """The worker was told to end; another one goes on from the cursor."""


class JobContext:
    """A running job, as its task sees it."""

    def __init__(
        self,
        job: Job,
        actor: Actor,
        *,
        lease: Callable[[], Mapping[str, object]],
        is_stopping: Callable[[], bool],
        check_permissions: Callable[[], None],
    ) -> None:
        self.job, self.actor = job, actor
        self.reason = job.reason or ""
        self.cursor: JsonValue = job.cursor
        self.done, self.total = job.done, job.total
        self.report: dict[str, int] = dict(job.report)
        self._lease, self._is_stopping = lease, is_stopping
        self._check_permissions = check_permissions
        self._has_recorded_refusal = False

    def count(self, **counts: int) -> None:
        """Add to the report; stored with the next step."""
        for name, number in counts.items():
            self.report[name] = self.report.get(name, 0) + number

    def step(
        self,
        done: int,
        *,
        cursor: object = None,
        total: int | None = None,
        is_resumable: bool = True,
        **counts: int,
    ) -> None:
        """Say how far the job is. Call it in the transaction of the piece.

        One UPDATE is fence, progress, heartbeat, cancelling and resuming: the piece is
        committed with its progress or not at all. Raises a `JobEnded` when the worker
        is to stop here, PermissionDenied when who asked may it no more; the piece
        then rolls back. `is_resumable` is false for what begins anew after a kill: it
        forgets the failures before it only where it has come further than ever.
        """
        if self._is_stopping():
            raise WorkerStopping
        self._check_permissions()
        self.count(**counts)
        has_advanced = is_resumable or done > self.done
        self.done = done if is_resumable else max(done, self.done)
        self.cursor = cursor
        self.total = self.total if total is None else total
        mine = Job.objects.filter(pk=self.job.pk, attempt=self.job.attempt)
        is_mine = (
            mine.open()
            .filter(cancel_requested=False)
            .update(
                done=self.done,
                total=self.total,
                cursor=cursor,
                report=self.report,
                **({"failures": 0, "error": ""} if has_advanced else {}),
                **self._lease(),
            )
        )
        if not is_mine:
            raise JobCancelled if mine.open().exists() else LeaseLost
        self.record_refusal()

    def record_refusal(self) -> None:
        """Record the first refusal of the job, once, whichever worker has met it.

        In the transaction of the piece: kept by the worker it would be lost with it.
        """
        if self.actor.operation.refused is None or self._has_recorded_refusal:
            return
        if not Event.objects.filter(operation_id=self.job.pk, action=REFUSED).exists():
            write_notes(self.actor)

        def remember() -> None:
            self._has_recorded_refusal = True

        # A rollback takes it away again.
        transaction.on_commit(remember)

    @contextmanager
    def piece(self, done: int, *, cursor: object = None) -> Iterator[None]:
        """Run a block as one piece: a transaction that ends with its step."""
        with transaction.atomic(durable=True):
            yield
            self.step(done, cursor=cursor)

    def add_lines(self, lines: Sequence[list[str]], *, most: int) -> None:
        """Store what the job names, up to `most` lines: ids and words, no value.

        Call it in the transaction of the piece. Full pages first, so that a page is one
        row of the table.
        """
        batches = JobBatch.objects.filter(job=self.job)
        last = batches.order_by("-number").first()
        number, stored = (last.number, last.ids) if last else (0, [])
        room = most - number * LINES_PER_PAGE - len(stored)
        waiting = [*stored, *lines[: max(room, 0)]]
        if last:
            last.ids, waiting = waiting[:LINES_PER_PAGE], waiting[LINES_PER_PAGE:]
            last.save(update_fields=["ids"])
            number += 1
        pages = range(0, len(waiting), LINES_PER_PAGE)
        JobBatch.objects.bulk_create(
            JobBatch(
                job=self.job,
                business_id=self.job.business_id,
                number=number + n,
                ids=waiting[start : start + LINES_PER_PAGE],
            )
            for n, start in enumerate(pages)
        )

    def batches(self) -> Iterator[tuple[int, list[UUID]]]:
        """Yield the number and the ids of each batch of `ids` that is still to do.

        Write each in one `piece()`. Others may write between two of them.
        """
        after = -1 if self.cursor is None else self.cursor
        while True:
            remaining = JobBatch.objects.filter(job=self.job, number__gt=after)
            batch = remaining.order_by("number").first()
            if batch is None:
                return
            started = time.monotonic()
            yield batch.number, [UUID(text) for text in batch.ids]
            give_way(time.monotonic() - started)
            after = batch.number
