"""The base of every admin page: scoped rows, no deletion, read-only history.

Knows no app above: a page says where its rows come from and who writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError, models
from django.db.models import QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from simple_history.admin import SimpleHistoryAdmin

from audit import services
from audit.actors import Actor
from audit.admin.history import changes_of, shown_values
from audit.admin.reveals import is_revealed
from audit.masking import (
    SEE_CLEAR,
    mask_row,
    masked_names,
)
from audit.privacy import business_of, names_people, personal_fields, subject_of
from audit.tracking import history_model

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Inline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin, _Inline = admin.ModelAdmin, admin.TabularInline

_SUFFIXES = {
    "exact", "in", "isnull", "isempty", "gt", "gte", "lt", "lte",
    "year", "month", "day",
}  # fmt: skip
_REFUSED = "The database refused the change: {}."
_GONE = "Some of the chosen rows are not here. Nothing was done; choose again."
_TAKEN = "Somebody else took one of these values meanwhile. Look again and repeat."


def actor_of(request: HttpRequest) -> Actor:
    """Return the acting person, made once for each request."""
    if not hasattr(request, "_actor"):
        request._actor = Actor.from_request(request)  # type: ignore[attr-defined]
    return request._actor  # type: ignore[attr-defined]


class ScopedAdmin(_ModelAdmin):
    """A page of rows within the person's reach. Nothing here can be deleted."""

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 200
    # Look-ups in the address beyond those of `list_filter`: an allow list, because
    # `?hidden__startswith=a` would tell any column letter by letter.
    extra_lookups: ClassVar[tuple[str, ...]] = ()
    # What access events call these rows: `customer.viewed`.
    shown_as = "customer"
    # Whether rows repeat what somebody sent, where addresses stand inside texts.
    is_copy = False

    def get_rows(self, actor: Actor) -> QuerySet[Any]:
        """Return the rows that the actor may see; every page starts from them."""
        raise NotImplementedError

    def autocomplete_label(self, row: Any) -> str:
        """Return how a row is named in a choice; `str()` is never personal."""
        return str(row)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = self.get_rows(actor_of(request))
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is None:
            # A foreign row and a missing one: the same page, the same entry.
            refuse(request, "not_found", self.opts.label_lower, object_id)
        return row

    # --- rights -----------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.opts, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the person may see former versions of rows, if they are kept."""
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> Any:
        """Answer like a missing page: these rows have no former versions."""
        raise Http404

    # --- what is shown ----------------------------------------------------------

    def sees_clear(self, request: HttpRequest, row: Any) -> bool:
        """Tell whether the person sees contact data of this row on its own page."""
        if actor_of(request).may(SEE_CLEAR, business_of(row)):
            return True
        return is_revealed(request, subject_of(row))

    def note_shown(
        self, request: HttpRequest, verb: str, rows: Iterable[Any], **facts: Any
    ) -> None:
        """Note for the access event that these rows are shown, if they are personal."""
        if personal_fields(self.model) or names_people(self.model):
            action = f"{self.shown_as}.{verb}"
            services.note_shown(action, rows, actor=actor_of(request), **facts)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        changelist.result_list = [
            mask_row(row, is_copy=self.is_copy) for row in changelist.result_list
        ]
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        name = request.POST.get("action")
        if name and name not in dict(self.get_action_choices(request)):
            refuse(request, "unknown_action", self.opts.label_lower)
        response = super().changelist_view(request, extra_context)
        changelist = (getattr(response, "context_data", None) or {}).get("cl")
        if changelist is not None:
            verb = "searched" if changelist.query else "listed"
            query = changelist.query or None
            self.note_shown(request, verb, changelist.result_list, query=query)
        return response

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> Any:
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if request.POST.get("select_across") != "1" and chosen:
            keys = {pk for pk in chosen if _is_uuid(pk)}
            if queryset.filter(pk__in=keys).count() < len(set(chosen)):
                refuse(request, "not_found", self.opts.label_lower)
                self.message_user(request, _GONE, messages.ERROR)
                name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
                return HttpResponseRedirect(reverse(f"admin:{name}"))
        return super().response_action(request, queryset, *args, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        if obj is None or self.sees_clear(request, obj):
            return fields
        # What is not seen is not typed over either.
        return [*fields, *(n for n in masked_names(self.model) if n not in fields)]

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> Any:
        obj = kwargs.get("obj") or context.get("original")
        note_form_errors(request, context, self.opts.label_lower)
        if obj is not None:
            self.note_shown(request, "viewed", [obj], target=obj)
            context["has_history_permission"] = self.has_history_permission(
                request, obj
            )
            if not self.sees_clear(request, obj):
                self._mask_form(context)
        return super().render_change_form(request, context, *args, **kwargs)

    def _mask_form(self, context: Any) -> None:
        """Show masked copies in the places of values that cannot be edited."""
        form = context["adminform"].form
        form.instance = mask_row(copy(form.instance), is_copy=self.is_copy)
        for inline in context["inline_admin_formsets"]:
            for row in inline.formset.forms:
                if row.instance.pk is not None:
                    row.instance = mask_row(copy(row.instance))

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        if lookup in self.extra_lookups:
            return True
        filters: Any = self.get_list_filter(request) if request else self.list_filter
        names = {_parameter(spec) for spec in filters or ()}
        names |= {self.date_hierarchy} if self.date_hierarchy else set()
        path, _, suffix = lookup.rpartition("__")
        allowed = {*names, *(f"{name}__id" for name in names)}
        return lookup in allowed or (path in allowed and suffix in _SUFFIXES)

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        # A forged id of another business is no valid choice.
        page = self.admin_site._registry.get(db_field.remote_field.model)
        if page is not None:
            kwargs.setdefault("queryset", page.get_queryset(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _get_obj_does_not_exist_redirect(self, *_: Any) -> HttpResponse:
        raise Http404

    def log_addition(self, *_: Any) -> Any:
        """Write no log of Django's: the services record events."""

    log_change = log_deletion = log_deletions = log_addition  # type: ignore[assignment]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def may(request: HttpRequest, opts: Any, verb: str, row: Any = None) -> bool:
    """Tell whether the person may do this to rows of a table, or to this row."""
    return _has_right(request, opts.app_label, get_permission_codename(verb, opts), row)


def _has_right(request: HttpRequest, app: str, codename: str, row: Any) -> bool:
    name = f"{app}.{codename}"
    user: Any = request.user
    if row is None or row._state.adding:
        return bool(user.has_perm(name))
    return bool(user.has_perm(name, row))


def refuse(request: HttpRequest, code: str, label: str = "", key: str = "") -> None:
    """Note for the trail what the person tried and was not let."""
    request.operation.refuse(code, label, key)  # type: ignore[attr-defined]


def note_form_errors(request: HttpRequest, context: Any, label: str) -> None:
    """Note a post that chose what is out of reach, or wrote over somebody's change."""
    if request.method != "POST":
        return
    forms_sent = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms_sent += inline.formset.forms
        for error in inline.formset.non_form_errors().as_data():
            refuse(request, error.code, label)
    for form in forms_sent:
        for name, errors in form.errors.as_data().items():
            field = form.fields.get(name)
            for error in errors:
                if error.code in _TOLD or (
                    error.code == "invalid_choice"
                    and isinstance(field, forms.ModelChoiceField)
                ):
                    refuse(request, error.code, label)


# Refusals of services that are worth an entry: somebody was kept from something.
_TOLD = {"stale_version", "guard", "refund_exceeds_paid", "limit_exceeded"}


def _parameter(spec: Any) -> str:
    """Return what a filter of `list_filter` is called in the address."""
    if isinstance(spec, type):
        return str(spec.parameter_name)  # type: ignore[attr-defined]
    return spec if isinstance(spec, str) else str(spec[0])


class GuardedAdmin(ScopedAdmin):
    """A page of rows that are kept as they are: it can only be read."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TrackedForm(forms.ModelForm):
    """A form whose row takes its business from the parent that was chosen."""

    change_reason = forms.CharField(
        label="Reason for the change",
        required=False,
        max_length=500,
        help_text="Kept in the history of the row.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    parent_field: str | None = None
    # What the service said of an earlier try; the form comes back filled in.
    service_error: ValidationError | None = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.service_error is not None:
            self._update_errors(self.service_error)  # type: ignore[attr-defined]
        return cleaned

    def _post_clean(self) -> None:
        parent = self.cleaned_data.get(self.parent_field or "")
        if parent is not None:
            self.instance.business_id = parent.business_id
        super()._post_clean()  # type: ignore[misc]


class TrackedAdmin(ScopedAdmin, SimpleHistoryAdmin):
    """A page of rows written by a service, whose changes stand in a history."""

    form = TrackedForm
    # The foreign key through which a new row gets its business; fixed afterwards.
    parent_field: str | None = None
    history_template = "admin/history.html"
    version_template = "admin/history_version.html"

    def write(self, row: Any, *, actor: Actor, reason: str | None) -> None:
        """Write one row with everything that follows; the one door of its app."""
        raise NotImplementedError

    # --- forms ------------------------------------------------------------------

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        facts = {
            "parent_field": self.parent_field,
            "service_error": getattr(request, "_service_error", None),
        }
        return type(form.__name__, (form,), facts)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        return [name for name in fields if name != "change_reason"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is not None and self.has_change_permission(request, obj):
            fieldsets.append(("History", {"fields": ("change_reason",)}))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ["business"] if obj is not None else []
        if obj is not None and self.parent_field:
            fixed.append(self.parent_field)
        return [*super().get_readonly_fields(request, obj), *fixed]

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (ValidationError, IntegrityError) as error:
            # Rolled back; the same form once more, now with what the service said.
            request._service_error = as_form_error(error)  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    # --- saving -----------------------------------------------------------------

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        reason = form.cleaned_data.get("change_reason") or None
        self.write(obj, actor=actor_of(request), reason=reason)

    def save_formset(
        self, request: HttpRequest, form: Any, formset: Any, change: bool
    ) -> None:
        reason = form.cleaned_data.get("change_reason") or None
        for row in formset.save(commit=False):
            self.write(row, actor=actor_of(request), reason=reason)

    # --- history ----------------------------------------------------------------

    def has_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        codename = f"view_historical{self.opts.model_name}"
        return _has_right(request, self.opts.app_label, codename, obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> Any:
        """Show each change of a row, the newest first, a hundred at a time."""
        row = self._viewed(request, object_id)
        log = self._log()
        rows = log._base_manager.filter(id=row.pk).order_by("-history_id")
        page = Paginator(rows, 100).get_page(request.GET.get("p"))
        versions = list(page.object_list)
        # The row before the oldest of the page, to tell what that one changed.
        before = rows.filter(history_id__lt=versions[-1].history_id).first()
        context = {
            "page": page,
            "changes": changes_of(
                versions, before, is_masked=not self.sees_clear(request, row)
            ),
        }
        return self._history_page(request, self.history_template, row, context)

    def history_form_view(
        self,
        request: HttpRequest,
        object_id: str,
        version_id: str,
        extra_context: Any = None,
    ) -> HttpResponseBase:
        """Show one version. Going back to it is an act of its own, never a form."""
        if request.method not in ("GET", "HEAD"):
            refuse(request, "history_is_read_only", self.opts.label_lower, object_id)
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row = self._viewed(request, object_id)
        rows = self._log()._base_manager.filter(id=row.pk)
        try:
            version = rows.filter(history_id=version_id).first()
        except ValidationError:
            version = None
        if version is None:
            raise Http404
        values = shown_values(version, is_masked=not self.sees_clear(request, row))
        context = {"version": version, "values": values}
        return self._history_page(request, self.version_template, row, context)

    def _log(self) -> Any:
        model: Any = self.model
        return history_model(model)

    def _viewed(self, request: HttpRequest, object_id: str) -> Any:
        # From the scoped rows: a foreign row has no history here.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_history_permission(request, row):
            raise PermissionDenied
        services.note_shown(
            "history.viewed", [row], actor=actor_of(request), target=row
        )
        return row

    def _history_page(
        self, request: HttpRequest, template: str, row: Any, context: dict[str, Any]
    ) -> HttpResponse:
        context |= {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "opts": self.opts,
            "object": row,
        }
        response = TemplateResponse(request, template, context)
        response["Cache-Control"] = "no-store"
        return response


def as_form_error(error: Exception) -> ValidationError:
    """Return what a form says about a refusal of the service or the database."""
    if isinstance(error, ValidationError):
        return error
    text = str(error).strip().splitlines()[0]
    if "HF0" in text:
        return ValidationError(_REFUSED.format(text), code="guard")
    return ValidationError(_TAKEN, code="taken")


class TrackedFormSet(BaseInlineFormSet):
    """Rows of one parent, which they take their business from."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        form.instance.business_id = self.instance.business_id
        return form

    def clean(self) -> None:
        super().clean()
        if any(form.instance._state.adding for form in self.initial_forms):
            # Django would leave such a row out without a word.
            msg = "One of these rows is not here. Open the page again and repeat."
            raise ValidationError(msg, code="not_found")


class NewestInline(_Inline):
    """The newest rows of a parent; a page that has thousands stays a page."""

    extra = 0
    can_delete = False
    show_change_link = True
    newest = 25

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.opts, "view", obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.opts, "add", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, self.opts, "change", obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        parent = getattr(request.resolver_match, "kwargs", {}).get("object_id")
        rows = super().get_queryset(request)
        if parent is None:
            return rows.none()
        key = self.fk_name or "customer"
        # A sub-query, because the form set filters once more.
        try:
            newest = rows.filter(**{key: parent}).order_by("-created_at", "-id")
            return rows.filter(pk__in=newest.values("pk")[: self.newest])
        except ValidationError:
            return rows.none()


class TrackedInline(NewestInline):
    """Rows that are added and changed on the page of their parent."""

    formset = TrackedFormSet
    # Django's own sizes are those of a whole page.
    formfield_overrides: ClassVar[Any] = {
        models.TextField: {"widget": forms.Textarea(attrs={"rows": 2, "cols": 40})},
        models.CharField: {"widget": forms.TextInput(attrs={"size": 18})},
        models.SlugField: {"widget": forms.TextInput(attrs={"size": 18})},
        models.EmailField: {"widget": forms.EmailInput(attrs={"size": 18})},
    }

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever does not see these columns adds on a page of its own.
        is_open = not self._hidden(request, obj)
        return is_open and super().has_add_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, *(n for n in self._hidden(request, obj) if n not in fields)]

    def _hidden(self, request: HttpRequest, parent: Any) -> list[str]:
        """Return the columns of this inline that the person does not see."""
        page: Any = self.admin_site._registry.get(self.parent_model)
        if parent is None or page is None or page.sees_clear(request, parent):
            return []
        shown = set(self.get_fields(request, parent) or ())
        return [name for name in masked_names(self.model) if name in shown]

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        page = self.admin_site._registry.get(db_field.remote_field.model)
        if page is not None:
            kwargs.setdefault("queryset", page.get_queryset(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnlyInline(NewestInline):
    """Rows that are only shown beside their parent."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def readable_columns(model: type[models.Model], skipped: Iterable[str]) -> list[str]:
    """Return the columns of a read-only page: all but these."""
    return [f.name for f in model._meta.fields if f.name not in {*skipped}]
