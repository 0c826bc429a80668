"""Businesses and who works for them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from audit.accounts import active_users
from audit.admin.step_up import ConfirmedForms
from audit.admin.tracked import TrackedForm
from customers.admin.base import HubAdmin
from customers.models import Business, Membership


@admin.register(Business)
class BusinessAdmin(ConfirmedForms, HubAdmin):
    # Its limit decides which refunds are confirmed.
    step_up_scope = "manage_roles"
    list_display = ("name", "slug", "currency", "timezone", "consent_mode")
    list_filter = ("consent_mode",)
    search_fields = ("name", "slug")
    fieldsets = (
        (None, {"fields": ("name", "slug", "timezone", "currency", "country")}),
        (
            _("Figures"),
            {
                "fields": (
                    "occasional_from",
                    "regular_from",
                    "frequent_from",
                    "high_value_purchases",
                    "high_value_spent",
                    "signup_is_login",
                ),
            },
        ),
        (
            _("Consent and money"),
            {"fields": ("consent_mode", "refund_limit", "settings")},
        ),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[str]:
        # A business is the scope itself and belongs to none.
        fields = super().get_readonly_fields(request, obj)
        return [name for name in fields if name != "business"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser


class NewMemberForm(TrackedForm):
    """Takes a user name: nobody may browse the accounts of others."""

    user = forms.ModelChoiceField(
        active_users(),
        to_field_name="username",
        label=_("User name"),
        help_text=_("Exactly as that person signs in. The account has to exist."),
        error_messages={
            "invalid_choice": _(
                "No account has this user name. Correct it, or ask the owner of the "
                "platform to make the account."
            )
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": 150}),
    )


_NO_STAFF = _(
    "The account %(name)s cannot sign in to the admin yet: the owner of the platform "
    "opens it under Users, ticks Staff status, and saves."
)


@admin.register(Membership)
class MembershipAdmin(ConfirmedForms, HubAdmin):
    step_up_scope = "manage_roles"
    list_display = ("user", "business", "role", "is_default", "ended_at")
    list_filter = ("role",)
    list_select_related = ("user", "business")
    search_fields = ("user__username", "business__slug")
    autocomplete_fields = ("business",)
    fields = ("user", "business", "role", "is_default", "ended_at")
    fixed_fields = ("user",)

    def get_form(
        self,
        request: HttpRequest,
        obj: Model | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[forms.ModelForm]:
        kwargs |= {} if change else {"form": NewMemberForm}
        return super().get_form(request, obj, change, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Membership, form: forms.ModelForm, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        # A refused sign-in says to nobody what was missing.
        if obj.ended_at is None and not obj.user.is_staff:
            text = _NO_STAFF % {"name": obj.user.get_username()}
            self.message_user(request, text, messages.WARNING)
