"""The base of every admin page: scoped rows, no deletion, read-only history.

Knows no app above: a page says where its rows come from and who writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
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
)
from django.template.response import TemplateResponse
from simple_history.admin import SimpleHistoryAdmin

from audit.actors import Actor
from audit.admin.history import changes_of, shown_values
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

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

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
            "changes": changes_of(versions, before),
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
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row = self._viewed(request, object_id)
        rows = self._log()._base_manager.filter(id=row.pk)
        try:
            version = rows.filter(history_id=version_id).first()
        except ValidationError:
            version = None
        if version is None:
            raise Http404
        context = {"version": version, "values": shown_values(version)}
        return self._history_page(request, self.version_template, row, context)

    def _log(self) -> Any:
        model: Any = self.model
        return history_model(model)

    def _viewed(self, request: HttpRequest, object_id: str) -> Any:
        # From the scoped rows: a foreign row has no history here.
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
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
    return ValidationError(_REFUSED.format(text) if "HF0" in text else _TAKEN)


class TrackedFormSet(BaseInlineFormSet):
    """Rows of one parent, which they take their business from."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        form.instance.business_id = self.instance.business_id
        return form


class NewestInline(_Inline):
    """The newest rows of a parent; a page that has thousands stays a page."""

    extra = 0
    can_delete = False
    show_change_link = True
    newest = 25

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
