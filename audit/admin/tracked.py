"""Pages of rows that change: forms, saving through a service, read-only history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django import forms
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Model, QuerySet
from django.forms.models import BaseModelFormSet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
)
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from audit import log
from audit.admin.base import (
    Context,
    InstanceForm,
    ScopedAdmin,
    actor_of,
    has_named_permission,
    refuse,
    render_page,
)
from audit.admin.history import Version, changes_of, version_values
from audit.admin.untouched import UntouchedForm
from audit.history.writing import history_model
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldGroups, _FieldsetSpec

_REFUSED = _("The database refused the change: %(text)s.")
# Of a form, besides *Save*.
OTHER_BUTTONS = {IS_POPUP_VAR, "_continue", "_addanother", "_saveasnew"}
_TAKEN = _("Somebody else took one of these values meanwhile. Look again and repeat.")


class ServiceForm(InstanceForm):
    """A form whose row takes its business from the parent that was chosen."""

    parent_field: str | None = None
    # The revision that the row must be at, of a form that knows; see `conflicts`.
    expected_rev: int | None = None
    # What the service said of an earlier try; the form comes back filled in.
    service_error: ValidationError | None = None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.service_error is not None:
            self._update_errors(self.service_error)  # type: ignore[attr-defined]  # not in the stubs
        return cleaned

    def _post_clean(self) -> None:
        parent = self.cleaned_data.get(self.parent_field or "")
        if parent is not None:
            self.instance.business_id = parent.business_id
        super()._post_clean()  # type: ignore[misc]  # not in the stubs


class TrackedForm(ServiceForm):
    """The same for rows with a history, in which a reason can stand."""

    change_reason = forms.CharField(
        label=_("Reason for the change"),
        required=False,
        max_length=500,
        help_text=_("Kept in the history of the row."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class ServiceAdmin(ScopedAdmin):
    """A page whose rows a service writes; what that refuses, the form says."""

    form = ServiceForm
    # The foreign key through which a new row gets its business; fixed afterwards.
    parent_field: str | None = None

    def get_form(
        self,
        request: HttpRequest,
        obj: Model | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        # Made anew for each request.
        form = cast(
            "type[ServiceForm]", super().get_form(request, obj, change, **kwargs)
        )
        form.parent_field = self.parent_field
        form.service_error = getattr(request, "_service_error", None)
        return form

    def changeform_view(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (ValidationError, IntegrityError) as error:
            return self.answer_refusal(request, error, *args, **kwargs)

    def answer_refusal(
        self, request: HttpRequest, error: Exception, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Answer what the service refused, and what is rolled back by now."""
        # The same form once more, now with what the service said.
        request._service_error = as_form_error(error)  # type: ignore[attr-defined]  # read by get_form
        return super().changeform_view(request, *args, **kwargs)


class TrackedAdmin(ServiceAdmin, SimpleHistoryAdmin):
    """A page of rows written by a service, whose changes stand in a history."""

    form = TrackedForm
    # Columns that are chosen with a new row, besides its business and its parent.
    fixed_fields: ClassVar[tuple[str, ...]] = ()
    history_template = "admin/history.html"
    version_template = "admin/history_version.html"

    def write(
        self,
        instance: Model,
        *,
        actor: Actor,
        reason: str | None,
        expected_rev: int | None = None,
    ) -> None:
        """Save a row of the page or of its inlines; each app calls its service here."""
        raise NotImplementedError  # abstract: no page of this class is registered

    # --- forms ------------------------------------------------------------------

    def get_fields(self, request: HttpRequest, obj: object = None) -> _FieldGroups:
        fields = super().get_fields(request, obj)
        return [name for name in fields if name != "change_reason"]

    def get_fieldsets(self, request: HttpRequest, obj: object = None) -> _FieldsetSpec:
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is not None and self.has_change_permission(request, obj):
            fieldsets.append((gettext("History"), {"fields": ("change_reason",)}))
        return fieldsets

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        if obj is None:
            return fields
        parent = [self.parent_field] if self.parent_field else []
        return [*fields, "business", *parent, *self.fixed_fields]

    # --- saving -----------------------------------------------------------------

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, dict[str, list[str]]]]:
        may_be_same = not add and isinstance(form, UntouchedForm) and not form.touched
        is_same = may_be_same and not any(f.has_changed() for f in formsets)
        request._is_same = is_same  # type: ignore[attr-defined]  # read where the answer is made
        return super().construct_change_message(request, form, formsets, add)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        if not getattr(request, "_is_same", False) or OTHER_BUTTONS & {*request.POST}:
            return super().response_change(request, obj)
        text = gettext("Nothing was different, so nothing of %(name)s was saved.")
        self.message_user(request, text % {"name": obj})
        return self.response_post_save_change(request, obj)

    def save_model(
        self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool
    ) -> None:
        if change and isinstance(form, UntouchedForm) and not form.touched:
            # An unchanged row gets no history that says nothing.
            return
        reason = form.cleaned_data.get("change_reason") or None
        rev = cast("ServiceForm", form).expected_rev if change else None
        self.write(obj, actor=actor_of(request), reason=reason, expected_rev=rev)

    def save_formset(
        self,
        request: HttpRequest,
        form: forms.ModelForm,
        formset: BaseModelFormSet,
        change: bool,
    ) -> None:
        reason = form.cleaned_data.get("change_reason") or None
        for instance in formset.save(commit=False):
            self.write(instance, actor=actor_of(request), reason=reason)

    # --- history ----------------------------------------------------------------

    def has_history_permission(self, request: HttpRequest, obj: object = None) -> bool:
        codename = f"view_historical{self.opts.model_name}"
        return has_named_permission(request, self.opts.app_label, codename, obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Context | None = None
    ) -> HttpResponse:
        """Show each change of a row, the newest first, a hundred at a time."""
        obj = self._viewed(request, object_id)
        history = self._versions(obj).order_by("-history_id")
        page = Paginator(history, 100).get_page(request.GET.get("p"))
        versions = list(page.object_list)
        # The row before the oldest of the page, to tell what that one changed.
        before = history.filter(history_id__lt=versions[-1].history_id).first()
        is_masked = not self.can_see_unmasked(request, obj)
        return render_page(
            request,
            self.history_template,
            gettext("History of %(row)s") % {"row": obj},
            opts=self.opts,
            object=obj,
            page=page,
            changes=changes_of(versions, before, is_masked=is_masked),
        )

    def history_form_view(
        self,
        request: HttpRequest,
        object_id: str,
        version_id: str,
        extra_context: object = None,
    ) -> HttpResponseBase:
        """Show one version. Going back to it is an act of its own, never a form."""
        if request.method not in ("GET", "HEAD"):
            refuse(request, "history_is_read_only", self.opts.label_lower, object_id)
            return HttpResponseNotAllowed(["GET", "HEAD"])
        obj = self._viewed(request, object_id)
        try:
            version = self._versions(obj).filter(history_id=version_id).first()
        except ValidationError:
            version = None
        if version is None:
            raise Http404
        is_masked = not self.can_see_unmasked(request, obj)
        return render_page(
            request,
            self.version_template,
            gettext("History of %(row)s") % {"row": obj},
            opts=self.opts,
            object=obj,
            version=version,
            values=version_values(version, is_masked=is_masked),
        )

    def _viewed(self, request: HttpRequest, object_id: str) -> Model:
        # From the scoped rows: a foreign row has no history here.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        obj: Model = self.get_or_404(request, object_id)
        if not self.has_history_permission(request, obj):
            raise PermissionDenied
        log.note_access("history.viewed", [obj], actor=actor_of(request), target=obj)
        return obj

    def _versions(self, obj: Model) -> QuerySet[Version]:
        """Return the rows of the history that are about this one."""
        model: type[Model] = self.model
        return history_model(model)._base_manager.filter(id=obj.pk)


def as_form_error(error: Exception) -> ValidationError:
    """Return what a form says about a refusal of the service or the database."""
    if isinstance(error, ValidationError):
        return error
    text = str(error).strip().splitlines()[0]
    if "HF0" in text:
        return ValidationError(_REFUSED % {"text": text}, code="guard")
    return ValidationError(_TAKEN, code="taken")
