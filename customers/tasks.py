"""Work on customers that is too long for a request."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from audit.jobs import JobContext, task
from customers import services


@task("Archive customers", undo="customers.tasks.restore_customers")
def archive_customers(context: JobContext, *, changed_in: str | None = None) -> None:
    """Archive the customers of a job, batch by batch."""
    _mark(context, services.archive_batch, "archived", changed_in)


@task("Restore customers", undo="customers.tasks.archive_customers")
def restore_customers(context: JobContext, *, changed_in: str | None = None) -> None:
    """Bring the customers of a job back, batch by batch."""
    _mark(context, services.restore_batch, "restored", changed_in)


def _mark(
    context: JobContext,
    mark: Callable[..., int],
    done: str,
    changed_in: str | None,
) -> None:
    operation_id = UUID(changed_in) if changed_in else None
    for number, ids in context.batches():
        with context.piece(context.done + len(ids), cursor=number):
            marked = mark(
                ids,
                actor=context.actor,
                reason=context.reason,
                changed_in=operation_id,
            )
            context.count(**{done: marked, "left as they were": len(ids) - marked})
