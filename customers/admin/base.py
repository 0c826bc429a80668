"""Bases of this app's pages: they read by selectors and write by services."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.forms.models import BaseModelFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit.admin.base import (
    GuardedAdmin,
    ScopedAdmin,
    ShortDecimalField,
    actor_of,
)
from audit.admin.tracked import ServiceAdmin, TrackedAdmin
from audit.privacy.classes import business_of
from audit.tenancy.actors import Actor
from customers import services
from customers.admin.timezones import use_zone_of
from customers.models.fields import AmountFormField, MoneyField
from customers.values.phone_number import example_number

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldsetSpec
    from django.utils.functional import _StrOrPromise

_NO_NUMBER = _(
    "The phone of this %(name)s is saved as typed, but it is no number that can be "
    "called or found by search. Write it like %(example)s."
)


def money_column(
    name: str, description: _StrOrPromise, *, currency: str = "currency"
) -> Callable[[object, Any], str | None]:
    """Return a method of a page that displays an amount with its currency.

    `currency` is the path to the attribute that names it.
    """
    currency_of = attrgetter(currency)

    @admin.display(description=description, ordering=name)
    def column(self: object, instance: Any) -> str | None:
        amount = getattr(instance, name)
        if amount is None:
            return None
        return services.format_money(amount, currency_of(instance))

    return column


class ShortAmountField(ShortDecimalField, AmountFormField):
    """An amount, without the zeros that only fill its column."""


class HubScopedAdmin(ScopedAdmin):
    """A page of what belongs to the actor's businesses."""

    formfield_overrides: ClassVar = {
        **ScopedAdmin.formfield_overrides,
        MoneyField: {"form_class": ShortAmountField},
    }

    def get_visible(self, actor: Actor) -> QuerySet[Model]:
        return services.list_visible(self.model, actor=actor)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        instance = super().get_object(request, *args, **kwargs)
        if instance is not None:
            use_zone_of(request, business_of(instance))
        return instance


class HubAdmin(HubScopedAdmin, TrackedAdmin):
    """A page whose changes go through `save_record`."""

    def get_fieldsets(self, request: HttpRequest, obj: object = None) -> _FieldsetSpec:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None:
            return fieldsets
        # What saving computes is another value than an empty form shows.
        computed = set(self.readonly_fields)
        return [
            (title, {**options, "fields": names})
            for title, options in fieldsets
            if (names := [n for n in options["fields"] if n not in computed])
        ]

    def save_model(
        self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        _warn_of_phone(request, obj, form)

    def save_formset(
        self,
        request: HttpRequest,
        form: forms.ModelForm,
        formset: BaseModelFormSet,
        change: bool,
    ) -> None:
        super().save_formset(request, form, formset, change)
        for inner in formset.forms:
            _warn_of_phone(request, inner.instance, inner)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial = super().get_changeform_initial_data(request)
        if self.parent_field is None:
            # Who works for one business has nothing to choose.
            businesses = services.list_businesses(actor=actor_of(request))[:2]
            if len(businesses) == 1:
                initial.setdefault("business", str(businesses[0].pk))
        return initial

    def write(
        self,
        instance: Model,
        *,
        actor: Actor,
        reason: str | None,
        expected_rev: int | None = None,
    ) -> None:
        services.save_record(
            instance, actor=actor, reason=reason, expected_rev=expected_rev
        )


def _warn_of_phone(request: HttpRequest, instance: Any, form: forms.ModelForm) -> None:
    """Say of a phone that was typed that nobody can be called or found by it."""
    if "phone" in form.changed_data and instance.phone and not instance.phone_e164:
        example = example_number(instance.business.country)
        values = {"name": instance._meta.verbose_name, "example": example}
        messages.warning(request, _NO_NUMBER % values)


class CustomerChildAdmin(HubAdmin):
    """A page of what belongs to a customer, and so to the customer's business."""

    parent_field = "customer"
    autocomplete_fields: ClassVar[tuple[str, ...]] = ("customer",)
    exclude: ClassVar[tuple[str, ...]] = ("business",)
    list_select_related: ClassVar[tuple[str, ...]] = ("customer",)
    extra_lookups = ("customer__id__exact",)
    readonly_fields: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")


class ReadOnlyAdmin(HubScopedAdmin, GuardedAdmin):
    """A page of events or projections, which nobody changes."""


class EntryAdmin(ServiceAdmin, ReadOnlyAdmin):
    """A page of events that can be added, and never changed."""

    parent_field = "customer"

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Past the guard in between: the usual permission decides.
        return super(GuardedAdmin, self).has_add_permission(request)

    def save_model(
        self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool
    ) -> None:
        services.save_record(obj, actor=actor_of(request))
