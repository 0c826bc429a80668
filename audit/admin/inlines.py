"""Rows on the page of their parent: the newest ones, within the person's reach."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Model, QuerySet
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit.admin.base import (
    ScopedAdmin,
    ShortDecimalField,
    VisibleChoices,
    has_model_permission,
)
from audit.admin.untouched import UntouchedForm, carry_initial, drawn_columns
from audit.admin.zoned_times import MOMENT
from audit.fields import without_long
from audit.privacy.masking import masked_names


class TrackedFormSet(BaseInlineFormSet):
    """Rows of one parent, which they take their business from."""

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        # A label above its field needs no colon.
        return {"label_suffix": "", **super().get_form_kwargs(index)}

    def _construct_form(self, i: int, **kwargs: object) -> forms.ModelForm:
        form: forms.ModelForm = super()._construct_form(i, **kwargs)  # type: ignore[misc]  # not in the stubs
        form.instance.business_id = self.instance.business_id
        return form

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        # A table names its fields in its head, which no reader ties to them.
        for field in form.fields.values():
            field.widget.attrs.setdefault("aria-label", str(field.label or ""))
        if not form.instance._state.adding:
            carry_initial(form, drawn_columns(form))

    def clean(self) -> None:
        super().clean()
        if any(form.instance._state.adding for form in self.initial_forms):
            # Django would leave such a row out without a word.
            msg = _("One of these rows is not here. Open the page again and repeat.")
            raise ValidationError(msg, code="not_found")


class NewestInline(VisibleChoices, admin.TabularInline):
    """The newest rows of a parent; a page that has thousands stays a page."""

    extra = 0
    can_delete = False
    show_change_link = True
    newest = 25

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return has_model_permission(request, self.opts, "view", obj)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return has_model_permission(request, self.opts, "add", obj)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return has_model_permission(request, self.opts, "change", obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        parent = getattr(request.resolver_match, "kwargs", {}).get("object_id")
        queryset = super().get_queryset(request)
        if parent is None:
            return queryset.none()
        key = self.fk_name or "customer"
        # A sub-query, because the form set filters once more.
        try:
            newest = queryset.filter(**{key: parent}).order_by("-created_at", "-id")
            return queryset.filter(pk__in=newest.values("pk")[: self.newest])
        except ValidationError:
            return queryset.none()


class TrackedInline(NewestInline):
    """Rows that are added and changed on the page of their parent."""

    form = UntouchedForm
    formset = TrackedFormSet
    # Django's own sizes are those of a whole page.
    formfield_overrides = {
        models.TextField: {"widget": forms.Textarea(attrs={"rows": 2, "cols": 40})},
        models.CharField: {"widget": forms.TextInput(attrs={"size": 18})},
        models.SlugField: {"widget": forms.TextInput(attrs={"size": 18})},
        models.EmailField: {"widget": forms.EmailInput(attrs={"size": 18})},
        models.DecimalField: {"form_class": ShortDecimalField},
        models.DateTimeField: MOMENT,
    }

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Whoever does not see these columns adds on a page of its own.
        is_open = not self._hidden(request, obj)
        return is_open and super().has_add_permission(request, obj)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, *(n for n in self._hidden(request, obj) if n not in fields)]

    def _hidden(self, request: HttpRequest, parent: object) -> list[str]:
        """Return the columns of this inline that the person does not see."""
        page = self.admin_site._registry.get(self.parent_model)
        if parent is None or not isinstance(page, ScopedAdmin):
            return []
        if page.can_see_unmasked(request, parent):
            return []
        displayed = set(flatten(self.get_fields(request, parent) or ()))
        return [name for name in masked_names(self.model) if name in displayed]


class ReadOnlyInline(NewestInline):
    """Rows that are only shown beside their parent."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        columns = map(str, self.fields or ())
        return without_long(super().get_queryset(request), columns=columns)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
