"""The page of stored rows that break a rule of today: counts, lines, a file of them.

A job looks through the rows, because they may be many; the page shows what the newest
one named, and when. Nothing is changed by it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING
from uuid import UUID

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from audit import jobs
from audit.admin.base import Context, actor_of, render_page
from audit.admin.job import follow_job, job_card
from audit.ids import parse_uuid
from audit.jobs import JobStatus
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.business_switch import switch_of
from customers.admin.timezones import use_zone_of
from customers.models import Business
from customers.tasks import MOST_LINES, check_data

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

    from audit.models import Job

# Whoever may see what jobs did in a business: admin and auditor.
CHECK = "audit.view_job"
_TASK = "customers.tasks.check_data"
_COLUMNS = ("rule", "table", "id", "column", "what_to_write")
# What each rule asks for, by its code; others stand under their code.
_RULES: dict[str, _StrOrPromise] = {
    "amount_invalid": _("Digits with at most one dot."),
    "amount_negative": _("No amount below zero."),
    "amount_too_large": _("A smaller amount."),
    "answer_invalid": _("Yes or no."),
    "country_invalid": _("A country."),
    "currency_unknown": _("A currency that there is."),
    "email_invalid": _("An e-mail address that there can be."),
    "in_future": _("When it happened: no time that is still to come."),
    "incorrect_type": _("An object, with lists and objects where they must be."),
    "invalid_choice": _("One of the known values."),
    "lines_differ": _("Lines that add up to the total."),
    "max_length": _("A shorter text."),
    "name_invalid": _("A name that can be seen."),
    "out_of_range": _("A time from 1900 on and before 2200."),
    "paid_above_total": _("No more paid than the total."),
    "phone_invalid": _("A whole phone number."),
    "required": _("Something: it must not be empty."),
    "too_many_decimals": _("No part of a coin: as many decimals as the currency has."),
    "unknown_time_zone": _("A time zone like Europe/Oslo."),
}


@require_http_methods(["GET", "POST"])
def page_view(request: HttpRequest) -> HttpResponse:
    """Show what the newest check of a business named; start one by POST."""
    business = _business_of(request)
    if business is None:
        return _render(request, businesses=_businesses(actor_of(request))[:100])
    if request.method == "POST":
        _start(request, business)
        return HttpResponseRedirect(
            reverse("admin:data_checks") + f"?business={business.pk}"
        )
    use_zone_of(request, business.pk)
    recent = list(_jobs_of(request, business)[:10])
    running = next((job for job in recent if job.is_open), None)
    last = next((job for job in recent if job.status == JobStatus.SUCCESSFUL), None)
    failed = recent[0] if recent and recent[0].status == JobStatus.FAILED else None
    context: Context = {"business": business, "last": last}
    if last is not None:
        context |= _result(request, last)
    if running or failed:
        context |= job_card(running or failed)  # type: ignore[arg-type]  # one of them
    response = _render(request, **context)
    return follow_job(response, running) if running else response


@require_safe
def file_view(request: HttpRequest) -> HttpResponseBase:
    """Answer all lines of the newest check as CSV."""
    business = _business_of(request)
    if business is None:
        raise Http404
    done = _jobs_of(request, business).filter(status=JobStatus.SUCCESSFUL)
    job = done.first()
    if job is None:
        raise Http404
    response = StreamingHttpResponse(_csv(job), content_type="text/csv; charset=utf-8")
    name = f"data-check-{job.finished_at:%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def page_of_job(job: Job, actor: Actor) -> str:
    """Return the address of the page that shows what came of a job."""
    if not actor.has_perm(CHECK, job.business_id):
        return ""
    return f"{reverse('admin:data_checks')}?business={job.business_id}"


def _businesses(actor: Actor) -> list[Business]:
    allowed = services.list_businesses(actor=actor, permission=CHECK)
    return list(allowed.order_by("name", "pk")[:101])


def _business_of(request: HttpRequest) -> Business | None:
    """Return the business that is meant; None where the person has to choose.

    Raises PermissionDenied without the permission, and Http404 for another's business.
    """
    if not request.user.has_perm(CHECK):
        raise PermissionDenied
    actor = actor_of(request)
    allowed = services.list_businesses(actor=actor, permission=CHECK)
    if "business" in request.GET:
        named = parse_uuid(request.GET["business"])
        business = allowed.filter(pk=named).first() if named else None
        if business is None:
            raise Http404
        return business
    chosen = switch_of(request).chosen
    if chosen is not None:
        return allowed.filter(pk=chosen.pk).first()
    several = list(allowed[:2])
    return several[0] if len(several) == 1 else None


def _jobs_of(request: HttpRequest, business: Business) -> QuerySet[Job]:
    return jobs.newest_jobs(_TASK, business.pk, actor=actor_of(request))


def _start(request: HttpRequest, business: Business) -> None:
    actor = actor_of(request)
    task = check_data.using(
        actor=actor, business_id=business.pk, key=f"check_data:{business.pk}"
    )
    try:
        with jobs.room_for_jobs(actor):
            task.enqueue()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))


def _result(request: HttpRequest, job: Job) -> Context:
    rules = [(rule, _words(rule), job.report[rule]) for rule in sorted(job.report)]
    total = sum(job.report.values())
    listed = Paginator(range(min(total, MOST_LINES)), jobs.LINES_PER_PAGE)
    page = listed.get_page(request.GET.get("p")).number
    return {
        "rules": rules,
        "total": total,
        "is_cut": total > MOST_LINES,
        "most": MOST_LINES,
        "lines": [_line(*line) for line in jobs.lines_of(job, page - 1)],
        "page": page,
        "pages": listed.num_pages,
    }


def _line(rule: str, table: str, pk: str, column: str) -> Context:
    model = apps.get_model("customers", table)
    column_name = column
    if column:
        column_name = capfirst(str(model._meta.get_field(column).verbose_name))
    try:
        url = reverse(f"admin:customers_{table}_change", args=[UUID(pk)])
    except NoReverseMatch:
        url = ""
    return {
        "rule": rule,
        "words": _words(rule),
        "table": capfirst(str(model._meta.verbose_name)),
        "id": pk,
        "column": column_name,
        "url": url,
    }


def _words(rule: str) -> str:
    return str(_RULES.get(rule, ""))


def _csv(job: Job) -> Iterator[str]:
    yield "\ufeff"
    yield _csv_line(_COLUMNS)
    for rule, table, pk, column in jobs.lines_of(job):
        yield _csv_line((rule, table, pk, column, _words(rule)))


def _csv_line(cells: tuple[str, ...]) -> str:
    out = StringIO(newline="")
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _render(request: HttpRequest, **context: object) -> HttpResponse:
    title = gettext("Data checks")
    return render_page(request, "admin/customers/data_checks.html", title, **context)
