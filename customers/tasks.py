"""Tasks on customers that take too long for a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from audit.jobs import JobContext, task
from audit.tenancy.actors import Actor
from customers import services

# What is counted is stored in English; the page of the job translates it.
_LEFT = gettext_noop("left as they were")
_OF_IMPORTS = (
    gettext_noop("new"),
    gettext_noop("unchanged"),
    gettext_noop("rejected"),
    gettext_noop("left alone"),
)
# Of those that break a rule so many are listed; all are counted.
MOST_LINES = 10_000
# Rows that one piece of a check looks at.
_CHECKED = 500
_IMPORT_PAGE = "customers.admin.importing.page_of_job"


class _Mark(Protocol):
    """Archives or restores some customers; returns how many."""

    def __call__(
        self,
        ids: Iterable[UUID],
        *,
        actor: Actor,
        reason: str,
        changed_in: UUID | None = None,
    ) -> int: ...


@task(_("Archive customers"), undo="customers.tasks.restore_customers")
def archive_customers(context: JobContext, *, changed_in: str | None = None) -> None:
    """Archive the customers of a job, batch by batch."""
    _mark(context, services.archive_batch, gettext_noop("archived"), changed_in)


@task(_("Restore customers"), undo="customers.tasks.archive_customers")
def restore_customers(context: JobContext, *, changed_in: str | None = None) -> None:
    """Restore the customers of a job, batch by batch."""
    _mark(context, services.restore_batch, gettext_noop("restored"), changed_in)


def _narrowed(actor: Actor, only: str) -> Actor:
    """Return the actor in the one business that was chosen when the job was started."""
    narrowed = actor.narrow_to(UUID(only)) if only else actor
    if narrowed is None:
        msg = "The business that was chosen is no longer yours to act for."
        raise PermissionDenied(msg)
    return narrowed


@task(_("Set the status of customers"))
def set_status(context: JobContext, *, status: str) -> None:
    """Set the status of the customers of a job, batch by batch."""
    _change(context, services.set_status_batch, status=status)


@task(_("Set the type of customers"))
def set_type(context: JobContext, *, customer_type: str) -> None:
    """Set the type of the customers of a job, batch by batch."""
    _change(context, services.set_type_batch, customer_type=customer_type)


@task(_("Add a flag to customers"))
def add_flag(context: JobContext, *, flag: str) -> None:
    """Add a flag to the customers of a job, batch by batch."""
    _change(context, services.add_flag_batch, code=flag)


@task(_("Remove a flag from customers"))
def remove_flag(context: JobContext, *, flag: str) -> None:
    """Remove a flag from the customers of a job, batch by batch."""
    _change(context, services.remove_flag_batch, code=flag)


@task(_("Look through a file to import"), is_wide=True, result_page=_IMPORT_PAGE)
def preview_import(context: JobContext, *, file: str, only: str = "") -> None:
    """Preview a file; nothing of it is written."""
    actor = _narrowed(context.actor, only)
    upload = services.get_upload(UUID(file), table=None, actor=actor)

    def step(done: int, total: int, line: int) -> None:
        context.step(done, cursor=line, is_resumable=False)

    services.preview_import(upload, actor=actor, step=step)


@task(_("Import a file"), is_wide=True, result_page=_IMPORT_PAGE)
def load_import(context: JobContext, *, file: str, only: str = "") -> None:
    """Load a confirmed file, batch by batch, from where it stopped."""
    actor = _narrowed(context.actor, only)
    upload = services.get_upload(UUID(file), table=None, actor=actor)

    def step(done: int, total: int, line: int) -> None:
        context.step(done, cursor=line, total=total)

    services.load_import(upload, actor=actor, step=step)
    context.count(**services.import_report(upload)["counts"])


@task(_("Bring figures up to date"))
def refresh_figures(context: JobContext) -> None:
    """Recompute the figures of all customers in the business of a job."""
    if context.job.business_id is None:
        return

    def step(last: UUID, seen: int, changed: int) -> None:
        context.step(context.done + seen, cursor=str(last), changed=changed)

    after = UUID(context.cursor) if context.cursor else None
    services.refresh_business_stats(context.job.business_id, after=after, step=step)


@task(_("Check the stored data"), result_page="customers.admin.data_checks.page_of_job")
def check_data(context: JobContext) -> None:
    """List the rows of a business that break a rule of today; change nothing."""
    actor = _narrowed(context.actor, str(context.job.business_id or ""))
    if context.total is None:
        context.total = services.count_checked(actor=actor)
    cursor = context.cursor if isinstance(context.cursor, list) else ()
    chunks = services.check_in_chunks(actor=actor, cursor=cursor, size=_CHECKED)
    for chunk in chunks:
        with context.piece(context.done + chunk.size, cursor=chunk.cursor):
            lines = [[b.rule, b.table, str(b.id), b.column] for b in chunk.broken]
            if lines:
                context.add_lines(lines, most=MOST_LINES)
            context.count(**Counter(rule for rule, *_ in lines))


def _mark(context: JobContext, mark: _Mark, done: str, changed_in: str | None) -> None:
    operation_id = UUID(changed_in) if changed_in else None
    for number, ids in context.batches():
        with context.piece(context.done + len(ids), cursor=number):
            marked = mark(
                ids, actor=context.actor, reason=context.reason, changed_in=operation_id
            )
            context.count(**{done: marked, _LEFT: len(ids) - marked})


def _change(context: JobContext, change: Callable[..., int], **values: str) -> None:
    for number, ids in context.batches():
        with context.piece(context.done + len(ids), cursor=number):
            done = change(ids, actor=context.actor, reason=context.reason, **values)
            context.count(**{gettext_noop("changed"): done, _LEFT: len(ids) - done})
