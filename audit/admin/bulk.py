"""Acts on many rows of a list: a reason, the typed count, a confirmation, a job.

A few rows are written at once, more become a job for each business, which writes batch
by batch and can be cancelled, and taken back where its task says how.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.module_loading import import_string

from audit import accounts, jobs
from audit.admin.base import ScopedAdmin, actor_of, refuse, render_page
from audit.admin.once import act_once
from audit.admin.step_up import require_step_up
from audit.jobs.tasks import BATCH_SIZE
from audit.models import Scope
from audit.tenancy.actors import Actor

_QuerySet = TypeVar("_QuerySet", bound=QuerySet[Model])

# From here on the number is typed, and the act confirmed with a PIN or an
# authenticator.
TYPED_FROM = 501
# More than anybody looks through; and what is chosen is kept with the job.
LARGEST = 50_000
_MOST_NAMED = 20
_LONGEST_REASON = 500


@dataclass(frozen=True)
class BulkAct(Generic[_QuerySet]):
    """What an action of a list does to many rows.

    `check` raises ValidationError unless the actor may do it to all rows of a queryset.
    `write` does it to a few, by their ids, and returns what the page says of it; what
    it raises as ValidationError is said instead. `task` is the path of the task that
    does it to many. With `is_repeatable` a few are written in short transactions of
    their own, and what is done already is not done again.
    """

    verb: str
    check: Callable[[_QuerySet, Actor], None]
    write: Callable[[list[UUID], Actor, str], str]
    task: str
    explanation: str = ""
    needs_reason: bool = True
    is_repeatable: bool = False


class BulkActs(ScopedAdmin):
    """A list with actions on many rows."""

    def act_on_many(
        self, request: HttpRequest, queryset: _QuerySet, act: BulkAct[_QuerySet]
    ) -> HttpResponse | None:
        """Ask for what is missing; then act at once, or start jobs and show them.

        The action that calls it is `repeatable`: this acts once for each page.
        """
        actor = actor_of(request)
        pairs = list(
            queryset.order_by("pk").values_list("pk", "business_id")[: LARGEST + 1]
        )
        count = len(pairs)
        try:
            if count > LARGEST:
                msg = f"More than {LARGEST:,} are chosen. Filter the list further."
                raise ValidationError(msg, code="too_many")
            act.check(queryset, actor)
        except ValidationError as error:
            refuse(request, error.code or "refused", self.opts.label_lower)
            self.message_user(request, error.message, messages.ERROR)
            return None
        reason = request.POST.get("reason", "").strip()[:_LONGEST_REASON]
        missing = self._missing(request, count)
        lacks_reason = not reason and (act.needs_reason or count > BATCH_SIZE)
        if missing or lacks_reason:
            return self._ask_first(request, queryset, act, count, missing)
        write = partial(self._act, request, pairs, act, reason)
        if act.is_repeatable and count <= BATCH_SIZE:
            return write()
        # Until here everything was read, and read without the lock of a transaction.
        return act_once(request, write)

    def _act(
        self,
        request: HttpRequest,
        pairs: list[tuple[UUID, UUID]],
        act: BulkAct,
        reason: str,
    ) -> HttpResponse:
        count = len(pairs)
        if count >= TYPED_FROM:
            what = f"{act.verb.capitalize()} {count:,} {self.opts.verbose_name_plural}"
            require_step_up(
                request, Scope.BULK, what=what, digest=_digest(act, pairs, reason)
            )
        try:
            if count > BATCH_SIZE:
                return self._start_jobs(request, pairs, act, reason)
            message = act.write([pk for pk, _ in pairs], actor_of(request), reason)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        else:
            self.message_user(request, message)
        return HttpResponseRedirect(request.get_full_path())

    def _missing(self, request: HttpRequest, count: int) -> str:
        """Return what a confirmation lacks besides the reason; empty for nothing."""
        if count < TYPED_FROM:
            return ""
        typed = request.POST.get("typed_count", "").strip()
        plain = typed.replace(",", "").replace(" ", "").replace(".", "")
        if plain == str(count):
            return ""
        if not typed:
            return "Type the number." if "typed_count" in request.POST else "-"
        return f"You typed another number. The list has {count:,} now."

    def _ask_first(
        self,
        request: HttpRequest,
        queryset: _QuerySet,
        act: BulkAct[_QuerySet],
        count: int,
        missing: str,
    ) -> HttpResponse:
        first = list(queryset[:_MOST_NAMED])
        self.note_access(request, "listed", first)
        is_across = request.POST.get("select_across") == "1"
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        title = f"{act.verb.capitalize()} {self.opts.verbose_name_plural}"
        context = {
            "act": act,
            "action": request.POST.get("action"),
            "opts": self.opts,
            "rows": [(one, self.autocomplete_label(one)) for one in first],
            "count": count,
            "rest": count - len(first),
            "is_across": is_across,
            "ids": chosen[:1] if is_across else chosen,
            "is_typed": count >= TYPED_FROM,
            "is_job": count > BATCH_SIZE,
            "was_asked": "reason" in request.POST,
            "reason": request.POST.get("reason", ""),
            "missing": "" if missing == "-" else missing,
        }
        return render_page(request, "admin/bulk.html", title, **context)

    def _start_jobs(
        self,
        request: HttpRequest,
        pairs: list[tuple[UUID, UUID]],
        act: BulkAct,
        reason: str,
    ) -> HttpResponse:
        by_business: dict[UUID, list[UUID]] = defaultdict(list)
        for pk, business_id in pairs:
            by_business[business_id].append(pk)
        actor, task = actor_of(request), import_string(act.task)
        with jobs.room_for_jobs(actor, len(by_business)):
            started = [
                task.using(
                    actor=actor, business_id=business_id, reason=reason, ids=ids
                ).enqueue()
                for business_id, ids in sorted(by_business.items())
            ]
        if len(started) > 1:
            self.message_user(request, f"{len(started)} jobs, one for each business.")
            return HttpResponseRedirect(reverse("admin:audit_job_changelist"))
        return HttpResponseRedirect(
            reverse("admin:audit_job_change", args=[started[0].id])
        )


def _digest(act: BulkAct, pairs: list[tuple[UUID, UUID]], reason: str) -> str:
    """Return the digest of this act on exactly these rows."""
    ids = hashlib.sha256(b"".join(pk.bytes for pk, _ in pairs)).hexdigest()
    return accounts.digest_of("bulk", verb=act.verb, ids=ids, reason=reason)
