"""Notes, preferences, flags and consents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Field
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from audit.admin.base import readable_columns
from audit.admin.tracked import TrackedForm
from audit.admin.untouched import UntouchedForm
from customers import services
from customers.admin.acts.person import categories_field, preferences_hold
from customers.admin.base import (
    CustomerChildAdmin,
    EntryAdmin,
    ReadOnlyAdmin,
    money_column,
)
from customers.admin.contact_words import what_holds
from customers.choices import ConsentChannel, Purpose
from customers.models import ConsentEvent, CustomerStats, Flag, Note, Preferences


@admin.register(Note)
class NoteAdmin(CustomerChildAdmin):
    list_display = ("customer", "note_type", "is_pinned", "created_by", "created_at")
    list_filter = ("note_type", "is_pinned")
    list_select_related = ("customer", "created_by")
    search_fields = ("content", "customer__unique_id__istartswith")
    ordering = ("-is_pinned", "-created_at", "-id")


class PreferencesForm(UntouchedForm, TrackedForm):
    """Preferences, whose categories are lines."""

    preferred_categories = categories_field()


@admin.register(Preferences)
class PreferencesAdmin(CustomerChildAdmin):
    form = PreferencesForm
    list_display = (
        "customer",
        "prefer_email",
        "prefer_sms",
        "prefer_call",
        "do_not_contact",
    )
    list_filter = ("do_not_contact", "can_receive_offers", "can_receive_loyalty")
    search_fields = ("customer__unique_id__istartswith",)
    ordering = ("-created_at", "-id")

    def save_model(
        self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        for sentence in preferences_hold(obj.customer, form.changed_data):
            self.message_user(request, sentence)

    def has_add_permission(self, request: HttpRequest) -> bool:
        # They are made with the customer.
        return False


@admin.register(Flag)
class FlagAdmin(CustomerChildAdmin):
    # Others ask for a flag by its code.
    fixed_fields = ("code",)
    list_display = ("customer", "code", "created_at", "removed_at")
    list_filter = ("code",)
    search_fields = ("code", "customer__unique_id__istartswith")
    ordering = ("-created_at", "-id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        # An act of the customer's page, where the code is chosen.
        return False


@admin.register(ConsentEvent)
class ConsentEventAdmin(EntryAdmin):
    list_display = ("occurred_at", "customer", "purpose", "channel", "action", "method")
    list_filter = ("purpose", "channel", "action")
    list_select_related = ("customer",)
    search_fields = ("customer__unique_id__istartswith",)
    autocomplete_fields = ("customer",)
    extra_lookups = ("customer__id__exact",)
    ordering = ("-occurred_at", "-id")

    def get_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        hidden = {"salt", "commitment", "id", "business"}
        if obj is None:
            hidden |= {"created_at", "recorded_by_id", "capture_id", "operation_id"}
        return readable_columns(ConsentEvent, hidden)

    def formfield_for_dbfield(
        self, db_field: Field, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        if db_field.name == "purpose":
            # Rules compare it: another word would be recorded and count for nothing.
            label = capfirst(db_field.verbose_name)
            return forms.ChoiceField(label=label, choices=Purpose.choices)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(
        self,
        request: HttpRequest,
        obj: Any,
        form: forms.ModelForm,
        change: bool,
    ) -> None:
        super().save_model(request, obj, form, change)
        channels = [obj.channel] if obj.channel else ConsentChannel.values
        self.message_user(request, what_holds(obj.customer, obj.purpose, channels))


_FIGURES = readable_columns(CustomerStats, {"id"})
# What the page of the figures says of a column with its currency.
_WITH_CURRENCY = {
    "total_spent": "value",
    "avg_transaction_value": "average",
    "spent": "value_by_currency",
}


@admin.register(CustomerStats)
class CustomerStatsAdmin(ReadOnlyAdmin):
    fields = tuple(
        _WITH_CURRENCY.get(name, name)
        for name in readable_columns(CustomerStats, {"id"})
    )
    list_display = (
        "customer",
        "total_orders",
        "value",
        "repeat_frequency",
        "login_count",
        "last_active_at",
    )
    list_filter = (
        "repeat_frequency",
        "is_repeat_customer",
        "is_high_value",
        "is_opted_in",
    )
    list_select_related = ("customer", "business")
    search_fields = ("customer__unique_id__istartswith",)
    ordering = ("-last_active_at", "-id")
    value = money_column("total_spent", _("total spent"), currency="business.currency")
    average = money_column(
        "avg_transaction_value",
        _("average order"),
        currency="business.currency",
    )

    @admin.display(description=_("spent"))
    def value_by_currency(self, stats: CustomerStats) -> str:
        return ", ".join(
            services.format_money(Decimal(amount), currency)
            for currency, amount in sorted(stats.spent.items())
        )
