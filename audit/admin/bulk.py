"""Acts on many rows of a list: a reason, the typed count, a confirmation, a job.

A few rows are written at once, more become a job for each business, which writes batch
by batch and can be cancelled, and taken back where its task says how.

The page that asks says how many rows there are, the first of them, and which are left
out. What it shows is what is done: its form carries a digest of the ids that it
counted, and is refused if the list has others by the time it comes. A job keeps them.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext

from audit import accounts, jobs
from audit.admin.base import ScopedAdmin, actor_of, refuse, render_page
from audit.admin.display import active_filters, count_text
from audit.admin.once import act_once
from audit.admin.step_up import require_step_up
from audit.jobs.tasks import BATCH_SIZE
from audit.models import Scope
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_QuerySet = TypeVar("_QuerySet", bound=QuerySet[Model])

# From here on the number is typed, and the act confirmed with a PIN or an
# authenticator.
TYPED_FROM = 501
# More than anybody looks through; and what is chosen is kept with the job.
LARGEST = 50_000
_MOST_NAMED = 20
_LONGEST_REASON = 500


# The value that an act sets, as its form has cleaned it and its task takes it.
Values = dict[str, str]


@dataclass(frozen=True)
class BulkAct(Generic[_QuerySet]):
    """What an action of a list does to many rows.

    `check` raises ValidationError unless the actor may do it to all rows of a queryset.
    `write` does it to a few, by their ids, and returns what the page says of it; what
    it raises as ValidationError is said instead. `task` is the path of the task that
    does it to many. With `is_repeatable` a few are written in short transactions of
    their own, and what is done already is not done again.

    `form` asks for values, which `write`, the task and the rest get by keyword.
    `find_skipped` returns the ids of rows that are left out, and why. `name_value` says
    what is set, as in "set status *to Blocked*".
    """

    verb: _StrOrPromise
    check: Callable[[_QuerySet, Actor], None]
    write: Callable[..., str]
    task: str
    explanation: _StrOrPromise = ""
    needs_reason: bool = True
    is_repeatable: bool = False
    form: type[forms.Form] | None = None
    find_skipped: Callable[..., Mapping[UUID, _StrOrPromise]] | None = None
    name_value: Callable[..., _StrOrPromise] | None = None

    def in_words(self, values: Values, number: str, noun: str) -> str:
        """Return what is done to how many of which rows: *Archive 12 customers*."""
        words = {"verb": self.verb, "number": number, "noun": noun}
        if self.name_value is None:
            return capfirst(gettext("%(verb)s %(number)s %(noun)s") % words)
        words["value"] = self.name_value(**values)
        return capfirst(gettext("%(verb)s %(value)s for %(number)s %(noun)s") % words)

    def warning(self, values: Values, number: str, noun: str) -> SafeString:
        """Return the same as the sentence that asks whether to do it."""
        words = {"verb": self.verb, "number": number, "noun": noun}
        if self.name_value is None:
            sentence = gettext(
                "You are about to {verb} <strong>{number}</strong> {noun}."
            )
            return format_html(sentence, **words)
        words["value"] = self.name_value(**values)
        sentence = gettext(
            "You are about to {verb} {value} for <strong>{number}</strong> {noun}."
        )
        return format_html(sentence, **words)


@dataclass(frozen=True)
class _Chosen:
    """The rows of one request: what is done to which, and who is left out."""

    pairs: list[tuple[UUID, UUID]]
    skipped: Mapping[UUID, _StrOrPromise]
    values: Values

    @property
    def count(self) -> int:
        """How many rows are written."""
        return len(self.pairs)

    @property
    def digest(self) -> str:
        """A digest of the ids of exactly these rows."""
        return hashlib.sha256(b"".join(pk.bytes for pk, _ in self.pairs)).hexdigest()

    @property
    def reasons(self) -> list[tuple[_StrOrPromise, int]]:
        """Why rows are left out, and how many for each reason."""
        return Counter(self.skipped.values()).most_common()


class BulkActs(ScopedAdmin):
    """A list with actions on many rows."""

    def act_on_many(
        self, request: HttpRequest, queryset: _QuerySet, act: BulkAct[_QuerySet]
    ) -> HttpResponse | None:
        """Ask for what is missing; then act at once, or start jobs and show them.

        The action that calls it is `repeatable`: this acts once for each page.
        """
        actor = actor_of(request)
        form = self._value_form(request, act)
        try:
            act.check(queryset, actor)
            if form is not None and not form.is_valid():
                return self._ask_value(request, queryset, act, form)
            values = {} if form is None else form.cleaned_data
            chosen = _choose(queryset, act, values)
        except ValidationError as error:
            refuse(request, error.code or "refused", self.opts.label_lower)
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return None
        if not chosen.count:
            nothing = gettext("Nothing was done.")
            self.message_user(request, f"{nothing} {_left_out(chosen)}")
            return None
        reason = request.POST.get("reason", "").strip()[:_LONGEST_REASON]
        missing = self._missing(request, chosen)
        lacks_reason = not reason and (act.needs_reason or chosen.count > BATCH_SIZE)
        if missing or lacks_reason:
            return self._ask_first(request, queryset, act, chosen, missing)
        write = partial(self._act, request, chosen, act, reason)
        if act.is_repeatable and chosen.count <= BATCH_SIZE:
            return write()
        # Until here everything was read, and read without the lock of a transaction.
        return act_once(request, write)

    def _value_form(
        self, request: HttpRequest, act: BulkAct[_QuerySet]
    ) -> forms.Form | None:
        if act.form is None:
            return None
        has_value = any(name in request.POST for name in act.form.base_fields)
        return act.form(request.POST if has_value else None)

    def _act(
        self, request: HttpRequest, chosen: _Chosen, act: BulkAct, reason: str
    ) -> HttpResponse:
        if chosen.count >= TYPED_FROM:
            require_step_up(
                request,
                Scope.BULK,
                what=self._in_words(act, chosen),
                digest=_digest(act, chosen, reason),
            )
        actor, ids = actor_of(request), [pk for pk, _ in chosen.pairs]
        try:
            if chosen.count > BATCH_SIZE:
                return self._start_jobs(request, chosen, act, reason)
            message = act.write(ids, actor, reason, **chosen.values)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        else:
            if chosen.skipped:
                message = f"{message} {_left_out(chosen)}"
            self.message_user(request, _with_change_set(request, message))
        return HttpResponseRedirect(request.get_full_path())

    def _in_words(self, act: BulkAct, chosen: _Chosen) -> str:
        number, noun = count_text(chosen.count), self._noun(chosen.count)
        return act.in_words(chosen.values, number, noun)

    def _noun(self, count: int) -> str:
        one, many = self.opts.verbose_name, self.opts.verbose_name_plural
        return str(one if count == 1 else many)

    def _missing(self, request: HttpRequest, chosen: _Chosen) -> str:
        """Return what a confirmation lacks besides the reason; empty for nothing."""
        sent = request.POST.get("digest", chosen.digest)
        if sent != chosen.digest:
            return gettext(
                "The list has changed since. It is %(number)s now: look again, and "
                "confirm these."
            ) % {"number": count_text(chosen.count)}
        if chosen.count < TYPED_FROM:
            return ""
        typed = request.POST.get("typed_count", "").strip()
        plain = typed.replace(",", "").replace(" ", "").replace(".", "")
        if plain == str(chosen.count):
            return ""
        if not typed:
            is_due = "typed_count" in request.POST
            return gettext("Type the number.") if is_due else "-"
        return gettext("You typed another number. The list has %(number)s now.") % {
            "number": count_text(chosen.count)
        }

    def _ask_value(
        self,
        request: HttpRequest,
        queryset: _QuerySet,
        act: BulkAct[_QuerySet],
        form: forms.Form,
    ) -> HttpResponse:
        """Ask for the value to set; the next page shows what comes of it."""
        context = {
            **self._carried_context(request, act),
            "form": form,
            "count": queryset.count(),
        }
        title = f"{capfirst(act.verb)}…"
        return render_page(request, "admin/bulk_value.html", title, **context)

    def _ask_first(
        self,
        request: HttpRequest,
        queryset: _QuerySet,
        act: BulkAct[_QuerySet],
        chosen: _Chosen,
        missing: str,
    ) -> HttpResponse:
        count = chosen.count
        first = list(queryset[:_MOST_NAMED])
        self.note_access(request, "listed", first)
        words = self._in_words(act, chosen)
        context = {
            **self._carried_context(request, act),
            "values": chosen.values,
            "words": words,
            "warning": act.warning(chosen.values, count_text(count), self._noun(count)),
            "rows": [
                (self.autocomplete_label(one), chosen.skipped.get(one.pk, ""))
                for one in first
            ],
            "count": count,
            "digest": chosen.digest,
            "rest": count + len(chosen.skipped) - len(first),
            "skipped": chosen.reasons,
            "is_typed": count >= TYPED_FROM,
            "is_job": count > BATCH_SIZE,
            "was_asked": "reason" in request.POST,
            "reason": request.POST.get("reason", ""),
            "missing": "" if missing == "-" else missing,
            "has_changed": request.POST.get("digest", chosen.digest) != chosen.digest,
        }
        return render_page(request, "admin/bulk.html", words, **context)

    def _carried_context(
        self, request: HttpRequest, act: BulkAct[_QuerySet]
    ) -> dict[str, object]:
        """Return what both pages say of the choice, and carry on to the next post."""
        is_across = request.POST.get("select_across") == "1"
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        changelist = self.get_changelist_instance(request) if is_across else None
        return {
            "act": act,
            "action": request.POST.get("action"),
            "opts": self.opts,
            "is_across": is_across,
            "ids": chosen[:1] if is_across else chosen,
            "filters": active_filters(changelist) if changelist else [],
            "is_searched": bool(changelist and changelist.query),
            "back": request.get_full_path(),
        }

    def _start_jobs(
        self, request: HttpRequest, chosen: _Chosen, act: BulkAct, reason: str
    ) -> HttpResponse:
        by_business: dict[UUID, list[UUID]] = defaultdict(list)
        for pk, business_id in chosen.pairs:
            by_business[business_id].append(pk)
        actor, task = actor_of(request), import_string(act.task)
        with jobs.room_for_jobs(actor, len(by_business)):
            started = [
                task.using(
                    actor=actor, business_id=business_id, reason=reason, ids=ids
                ).enqueue(**chosen.values)
                for business_id, ids in sorted(by_business.items())
            ]
        if len(started) > 1:
            message = gettext("%(n)s jobs, one for each business.")
            self.message_user(request, message % {"n": len(started)})
            return HttpResponseRedirect(reverse("admin:audit_job_changelist"))
        return HttpResponseRedirect(
            reverse("admin:audit_job_change", args=[started[0].id])
        )


def _choose(queryset: QuerySet, act: BulkAct, values: Values) -> _Chosen:
    """Return the rows to write, and those that are left out. Raises ValidationError."""
    pairs = list(
        queryset.order_by("pk").values_list("pk", "business_id")[: LARGEST + 1]
    )
    if len(pairs) > LARGEST:
        msg = gettext("More than %(number)s are chosen. Filter the list further.") % {
            "number": count_text(LARGEST)
        }
        raise ValidationError(msg, code="too_many")
    skipped = act.find_skipped(queryset, **values) if act.find_skipped else {}
    return _Chosen([pair for pair in pairs if pair[0] not in skipped], skipped, values)


def _left_out(chosen: _Chosen) -> str:
    counted = (f"{count_text(number)} {why}" for why, number in chosen.reasons)
    return gettext("Skipped: %(reasons)s.") % {"reasons": ", ".join(counted)}


def _with_change_set(request: HttpRequest, message: str) -> str:
    """Add a link to what was changed, for whoever may open it."""
    if not request.user.has_perm("audit.view_operation"):
        return message
    operation_id = actor_of(request).operation.id
    url = reverse("admin:audit_operation_change", args=[operation_id])
    words = gettext("See what changed")
    return format_html('{} <a href="{}">{}</a>', message, url, words)


def _digest(act: BulkAct, chosen: _Chosen, reason: str) -> str:
    """Return the digest of this act on exactly these rows."""
    return accounts.digest_of(
        "bulk", task=act.task, ids=chosen.digest, reason=reason, values=chosen.values
    )
