"""Jobs: how far they are, what came of them, cancelling and taking back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.module_loading import import_string
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit import accounts, clock, jobs
from audit.admin.base import Context, GuardedAdmin, actor_of
from audit.admin.display import count_text
from audit.admin.step_up import require_step_up
from audit.jobs import JobTask
from audit.models import Job, JobStatus, Scope
from audit.tenancy.actors import Actor

_ERRORS = {
    "lost": _(
        "Its workers ended again and again without finishing a piece. Nothing that was "
        "written is lost. Have the log looked at before it is started again."
    ),
    "permission_denied": _("Who asked for it may no longer do this."),
    "loaded_elsewhere": _("This file is being loaded already."),
    "import_ended": _("The import was ended on its page, which says what was written."),
    "DoesNotExist": _("What it was to work on is no longer there."),
    "SheetError": _(
        "The file cannot be read to its end. Save it anew, and choose it again."
    ),
}
# A worker that runs has taken a job up by then, unless another one goes on.
_LATE = timedelta(seconds=30)
# How often the page of an open job is loaded again, in seconds.
_REFRESH = 2


@admin.register(Job)
class JobAdmin(GuardedAdmin):
    """The list of jobs, and the page of each with its progress."""

    list_display = ("enqueued_at", "title", "state", "progress", "user", "finished_at")
    list_filter = ("status", "enqueued_at")
    list_select_related = ("user",)
    ordering = ("-enqueued_at", "-id")
    fields: ClassVar[tuple[str, ...]] = ()
    change_form_template = "admin/job.html"

    def get_visible(self, actor: Actor) -> QuerySet[Job]:
        return jobs.list_jobs(actor=actor).defer("args", "reason")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        pages = [
            path("<uuid:pk>/cancel/", view(self.cancel_view), name="audit_job_cancel"),
            path("<uuid:pk>/undo/", view(self.undo_view), name="audit_job_undo"),
        ]
        return [*pages, *super().get_urls()]

    @admin.display(description=_("Job"))
    def title(self, job: Job) -> str:
        return str(task_of(job).title)

    @admin.display(description=_("State"), ordering="status")
    def state(self, job: Job) -> str:
        return _state_of(job)

    @admin.display(description=_("Done"))
    def progress(self, job: Job) -> str:
        done = count_text(job.done)
        if not job.total:
            return done
        return gettext("%(done)s of %(total)s") % {
            "done": done,
            "total": count_text(job.total),
        }

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        job = context["original"]
        actor = actor_of(request)
        may_write = _may_cancel(actor, job)
        context |= {
            **job_card(job),
            "title": task_of(job).title,
            "subtitle": None,
            "may_cancel": may_write and job.is_open and not job.cancel_requested,
            "may_undo": may_write and not job.is_open and bool(_undo_of(job)),
            "result_page": _result_page(job, actor),
        }
        response = super().render_change_form(request, context, *args, **kwargs)
        return follow_job(response, job)

    @method_decorator(require_POST)
    def cancel_view(self, request: HttpRequest, pk: object) -> HttpResponse:
        """Cancel a job; what it has written stays."""
        job = self._job(request, pk)
        jobs.cancel_job(job, actor=actor_of(request))
        return HttpResponseRedirect(self.page_url("change", job.pk))

    @method_decorator(require_POST)
    def undo_view(self, request: HttpRequest, pk: object) -> HttpResponse:
        """Start the job that takes back what this one did."""
        job = self._job(request, pk)
        undo = _undo_of(job)
        if job.is_open or undo is None:
            raise Http404
        what = gettext("%(title)s: take back what a job did to %(number)s rows") % {
            "title": undo.title,
            "number": count_text(job.done),
        }
        digest = accounts.digest_of("undo", job=str(job.pk))
        require_step_up(request, Scope.BULK, what=what, digest=digest)
        actor = actor_of(request)
        ids = [pk for batch in job.batches.order_by("number") for pk in batch.ids]
        task = undo.using(
            actor=actor,
            business_id=job.business_id,
            reason=f"Undo of job {job.pk}",
            key=_undo_key(job),
            ids=ids,
        )
        try:
            with jobs.room_for_jobs(actor):
                started = task.enqueue(changed_in=str(job.pk))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return HttpResponseRedirect(self.page_url("change", job.pk))
        messages.success(request, gettext("Taking it back has begun."))
        return HttpResponseRedirect(self.page_url("change", started.id))

    def _job(self, request: HttpRequest, pk: object) -> Job:
        """Return the job of a posted page; of others' jobs there is nothing to see."""
        job: Job = self.get_or_404(request, pk)
        if not _may_cancel(actor_of(request), job):
            raise PermissionDenied
        return job


def job_card(job: Job) -> dict[str, object]:
    """Return what `admin/_job_card.html` shows of a job: its state and progress."""
    rate = _per_second(job)
    return {
        "job": job,
        "state": _state_of(job),
        "percent": min(100 * job.done // job.total, 100) if job.total else None,
        "per_second": rate,
        "seconds_left": _seconds_left(job, rate),
        "report": [(_counted(k), n) for k, n in sorted(job.report.items())],
        "error": explain(job.error),
        "is_late": job.status == JobStatus.READY and _waits_long(job),
    }


def explain(error: str) -> str:
    """Return what a page says of the error of a job."""
    if error in _ERRORS:
        return str(_ERRORS[error])
    return gettext(
        "It failed (%(error)s). What was written until then stays. Whoever runs the "
        "hub finds the cause in the log, under the number of this job."
    ) % {"error": error}


def _counted(name: str) -> str:
    # Stored in English; tasks mark what they count with `gettext_noop`.
    return gettext(name.replace("_", " "))


def _waits_long(job: Job) -> bool:
    return not job.started_at and clock.now() - job.enqueued_at > _LATE


def follow_job(response: HttpResponse, job: Job) -> HttpResponse:
    """Let browsers load the page of an open job again, with or without script."""
    if job.is_open:
        response["Refresh"] = str(_REFRESH)
    return response


def _state_of(job: Job) -> str:
    if job.is_open and job.cancel_requested:
        return gettext("cancelling")
    return str(job.get_status_display())


def task_of(job: Job) -> JobTask:
    """Return the task of a job; one without a title where it is no longer there."""
    try:
        task: JobTask = import_string(job.task)
    except ImportError:
        return JobTask(func=_missing_task, title=job.name)
    return task


def _missing_task() -> None:
    """Do nothing: a placeholder of a task of an earlier version."""


def _undo_of(job: Job) -> JobTask | None:
    """Return what takes a job back: once, and not what is itself an undo."""
    path = task_of(job).undo
    if not path or not job.done or "changed_in" in job.args:
        return None
    if jobs.was_begun(_undo_key(job)):
        return None
    undo: JobTask = import_string(path)
    return undo


def _result_page(job: Job, actor: Actor) -> str:
    path = task_of(job).result_page
    return str(import_string(path)(job, actor)) if path else ""


def _undo_key(job: Job) -> str:
    return f"undo:{job.pk}"


def _may_cancel(actor: Actor, job: Job) -> bool:
    return actor.has_perm("audit.cancel_job", job.business_id)


def _per_second(job: Job) -> int | None:
    if job.started_at is None or not job.done:
        return None
    end = job.finished_at or timezone.now()
    seconds = (end - job.started_at).total_seconds()
    return round(job.done / seconds) if seconds > 0 else None


def _seconds_left(job: Job, rate: int | None) -> int | None:
    if not (rate and job.total and job.is_open):
        return None
    return (job.total - job.done) // rate
