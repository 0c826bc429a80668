"""Two people, one row: nobody overwrites what somebody else saved meanwhile.

For tables that count their revisions. A form carries the revision that it was opened
at, and the service compares it under its lock. When somebody was faster nothing is
saved: a page shows each field that differs, as it is now, as it was typed and as it was
before, and what is chosen there is sent with everything else that was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, cast

from django import forms
from django.contrib.admin.utils import display_for_value, unquote
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from audit import log
from audit.admin.base import Context, actor_of, refuse, render_page
from audit.admin.display import yes_or_no
from audit.admin.tracked import TrackedAdmin, TrackedForm
from audit.admin.untouched import UntouchedForm, columns_of, drawn_columns, was_sent
from audit.privacy.classes import declaration
from audit.privacy.invisible import with_visible_bidi
from audit.privacy.masking import masked_value, shortened

OPENED, DRAWN = "opened_rev", "drawn_fields"
# What the page of a conflict sends: where the person started from, and the choices.
STARTED, CHOICE = "_started_rev", "_choice_"
THEIRS, YOURS = "theirs", "yours"
_TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - the name of an input
_LARGEST_REV = 2**31 - 1
_NAMED = 5

_VersionAt = Callable[[int], Model | None]


class RevisedForm(UntouchedForm, TrackedForm):
    """A form that knows which revision of its row it was opened at.

    What the person did not touch is left as it is stored, and so is what the form did
    not show: columns that were masked when it was drawn.
    """

    opened_rev = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=_LARGEST_REV,
        widget=forms.HiddenInput,
    )
    # A forged list only leaves more as it is.
    drawn_fields = forms.CharField(required=False, widget=forms.HiddenInput)
    # Returns the row as it was at a revision, if that is known and may be seen.
    version_at: ClassVar[_VersionAt | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if OPENED not in self.fields or self.instance._state.adding:
            return
        self.fields[OPENED].initial = self.instance.rev
        self.fields[DRAWN].initial = " ".join(sorted(drawn_columns(self)))
        for field in self.fields.values():
            # The row says what was there before, and the sender does not.
            field.show_hidden_initial = False
        if not self.is_bound:
            return
        sent = self.sent_columns
        for name in drawn_columns(self) - sent:
            self.fields[name].disabled = True
        if (before := self._started_from()) is not None:
            # Changed is what differs from what the person saw. Of what was not sent the
            # form shows the row as it is: an old value may be one to be masked.
            self.initial.update(model_to_dict(before, sent))

    @property
    def expected_rev(self) -> int:  # type: ignore[override]  # known here
        """The revision that the row must be at when it is saved."""
        opened = self.cleaned_data.get(OPENED)
        return cast("int", self.instance.rev if opened is None else opened)

    @property
    def sent_columns(self) -> set[str]:
        """The columns that were drawn in the form that was sent, and came with it."""
        listed = self.data.get(self.add_prefix(DRAWN))
        columns = drawn_columns(self)
        if listed is not None:
            columns &= set(listed.split())
        was_drawn = listed is not None
        return {name for name in columns if was_sent(self, name, was_drawn=was_drawn)}

    def _started_from(self) -> Model | None:
        opened = _revision(self.data.get(self.add_prefix(OPENED)))
        version_at = type(self).version_at
        if opened is None or opened == self.instance.rev or version_at is None:
            return None
        return version_at(opened)


@dataclass(frozen=True)
class Difference:
    """A field that one of two people changed, or both differently.

    `started` is None where it is not known. `side` is whose change it is, `THEIRS` or
    `YOURS`, and empty where that is to be chosen; `choice` is what has been chosen.
    """

    name: str
    label: str
    theirs: str
    yours: str
    started: str | None
    side: str
    choice: str

    @property
    def input_name(self) -> str:
        """The name of the input that holds the choice."""
        return f"{CHOICE}{self.name}"


class RevisedAdmin(TrackedAdmin):
    """A page whose form overwrites nothing that was saved since it was opened."""

    form = RevisedForm

    # --- the form ---------------------------------------------------------------

    def get_form(
        self,
        request: HttpRequest,
        obj: Model | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        form = cast(
            "type[RevisedForm]", super().get_form(request, obj, change, **kwargs)
        )
        if obj is not None:
            form.version_at = staticmethod(partial(self._version_at, request, obj))
        return form

    def get_fields(self, request: HttpRequest, obj: object = None) -> Any:
        fields = super().get_fields(request, obj)
        return [name for name in fields if name not in (OPENED, DRAWN)]

    def get_fieldsets(self, request: HttpRequest, obj: object = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None and self.has_change_permission(request, obj):
            title, options = fieldsets[-1]
            options = {**options, "fields": (*options["fields"], OPENED, DRAWN)}
            fieldsets = [*fieldsets[:-1], (title, options)]
        return fieldsets

    # --- when somebody was faster -----------------------------------------------

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context | None = None,
    ) -> HttpResponse:
        if object_id is not None and STARTED in request.POST:
            response = self._take_choices(request, object_id)
            if response is not None:
                return response
        return super().changeform_view(request, object_id, form_url, extra_context)

    def answer_refusal(
        self,
        request: HttpRequest,
        error: Exception,
        object_id: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> HttpResponse:
        if object_id is not None and getattr(error, "code", "") == "stale_version":
            instance = self.get_or_404(request, unquote(object_id))
            form = self.get_form(request, instance, change=True)
            sent = form(request.POST, instance=copy(instance))
            # What they saved may make an error of what was typed: that comes first.
            if sent.is_valid():
                refuse(request, "stale_version", self.opts.label_lower)
                opened = _revision(request.POST.get(OPENED)) or 0
                # Of a form that does not say, nobody knows what it began with.
                started = 0 if opened == instance.rev else opened
                return self._ask(request, instance, instance, started)
        return super().answer_refusal(request, error, object_id, *args, **kwargs)

    def _take_choices(
        self, request: HttpRequest, object_id: str
    ) -> HttpResponse | None:
        """Put what was chosen into what was sent; ask again where nothing was."""
        instance = self.get_object(request, unquote(object_id))
        if instance is None or not self.has_change_permission(request, instance):
            return None
        started = _revision(request.POST.get(STARTED)) or 0
        opened = _revision(request.POST.get(OPENED)) or instance.rev
        # What the person has seen as theirs; it may have changed once more.
        theirs = self._version_at(request, instance, opened) or instance
        differing = self._differences(request, instance, theirs, started)
        if not all(one.choice for one in differing):
            return self._ask(request, instance, theirs, started, is_missing=True)
        form = self.get_form(request, instance, change=True)
        sent = cast("RevisedForm", form(request.POST, instance=copy(theirs)))
        post = request.POST.copy()
        for name in [name for name in post if name.startswith((STARTED, CHOICE))]:
            del post[name]
        # As if the form had not shown it: their value stays, and is never sent.
        taken = {one.name for one in differing if one.choice == THEIRS}
        post[DRAWN] = " ".join(sorted(sent.sent_columns - taken))
        request.POST = post  # type: ignore[assignment]  # the stubs know only Django's own
        return None

    def _ask(
        self,
        request: HttpRequest,
        instance: Model,
        theirs: Any,
        started: int,
        *,
        is_missing: bool = False,
    ) -> HttpResponse:
        """Show what differs, with a choice for each field."""
        before = self._version_at(request, instance, started)
        if before is None and theirs is instance:
            self.note_access(request, "viewed", [instance], target=instance)
        else:
            # One entry says what was done: here it shows older versions.
            actor = actor_of(request)
            log.note_access("history.viewed", [instance], actor=actor, target=instance)
        ours = (_TOKEN, OPENED, STARTED, CHOICE)
        may_see_history = self.has_history_permission(request, instance)
        return render_page(
            request,
            "admin/conflict.html",
            _("Somebody else saved this meanwhile"),
            opts=self.opts,
            original=instance,
            differences=self._differences(request, instance, theirs, started),
            saves=self._saves(instance, started) if may_see_history else [],
            may_see_history=may_see_history,
            is_missing=is_missing,
            is_popup="_popup" in request.POST,
            sent=[
                (name, value)
                for name, values in request.POST.lists()
                if not name.startswith(ours)
                for value in values
            ],
            numbers={OPENED: theirs.rev, STARTED: started},
        )

    def _differences(
        self, request: HttpRequest, instance: Model, theirs: Model, started: int
    ) -> list[Difference]:
        form = self.get_form(request, instance, change=True)
        before = self._version_at(request, instance, started)
        return list(
            differences(
                form(request.POST, instance=copy(theirs)),
                theirs=form(instance=theirs),
                started=None if before is None else form(instance=before),
                is_masked=not self.can_see_unmasked(request, instance),
            )
        )

    def _version_at(
        self, request: HttpRequest, instance: Any, rev: int
    ) -> Model | None:
        """Return the row as it was at a revision, to whoever may see its history."""
        if instance.rev == rev:
            return cast("Model", instance)
        if not self.has_history_permission(request, instance):
            return None
        version = self._versions(instance).filter(rev=rev).first()
        return None if version is None else cast("Model", version.instance)

    def _saves(self, instance: Model, started: int) -> list[tuple[str, Any]]:
        """Return who has saved the row since a revision, and when, newest first."""
        since = self._versions(instance).filter(rev__gt=started)
        versions = list(since.order_by("-history_id")[: _NAMED if started else 1])
        names = log.usernames_by_id(version.history_user_id for version in versions)
        return [
            (
                names.get(version.history_user_id) or _("A command or a key"),
                version.history_date,
            )
            for version in versions
        ]


def differences(
    sent: forms.BaseForm,
    *,
    theirs: forms.BaseForm,
    started: forms.BaseForm | None,
    is_masked: bool = False,
) -> Iterator[Difference]:
    """Yield each field of a sent form that is not as it is stored now.

    `theirs` is the form of the row as it is, `started` as it was when the person began;
    without that one nothing is chosen beforehand. With `is_masked` both are shown as in
    the history: an old value may be an address where the one of now is a name.
    """
    instance = cast("forms.ModelForm", sent).instance
    columns, classes = columns_of(instance), declaration(type(instance))

    def stored(name: str, field: forms.Field, value: Any) -> str:
        text = masked_value(value, classes.get(name)) if is_masked else value
        return _words(field, text)

    for name, field in sent.fields.items():
        yours = sent[name].data
        if name not in columns or field.disabled:
            continue
        if not field.has_changed(theirs[name].initial, yours):
            continue
        side = ""
        if started is not None:
            before = started[name].initial
            is_mine = field.has_changed(before, yours)
            is_theirs = before != theirs[name].initial
            side = "" if is_mine and is_theirs else YOURS if is_mine else THEIRS
        chosen = sent.data.get(f"{CHOICE}{name}", "")
        yield Difference(
            name=name,
            label=str(sent[name].label),
            theirs=stored(name, field, theirs[name].initial),
            yours=_words(field, _cleaned(field, yours)),
            started=None if started is None else stored(name, field, before),
            side=side,
            choice=chosen if chosen in (THEIRS, YOURS) else side,
        )


def _revision(text: object) -> int | None:
    """Return a revision that was sent, None for what is none."""
    try:
        return cast("int | None", RevisedForm.base_fields[OPENED].clean(text))
    except ValidationError:
        return None


def _cleaned(field: forms.Field, sent: object) -> object:
    try:
        return field.clean(sent)
    except ValidationError:
        return sent


def _words(field: forms.Field, value: Any) -> str:
    """Return what a person reads of a value of a field."""
    if value in field.empty_values:
        return ""
    if isinstance(value, bool):
        return yes_or_no(value)
    if isinstance(field, forms.ModelChoiceField):
        try:
            return str(field.to_python(value))
        except ValidationError:
            return _("not within your reach")
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return str(dict(choices).get(value, value))
    text = str(display_for_value(field.prepare_value(value), ""))
    return with_visible_bidi(shortened(text))
