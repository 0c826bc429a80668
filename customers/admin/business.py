"""Businesses and who works for them."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.accounts import active_users
from audit.admin.base import Context
from audit.admin.display import draw_json, yes_or_no
from audit.admin.form_fields import LinesField
from audit.admin.step_up import ConfirmedForms
from audit.admin.tracked import TrackedForm
from customers.admin.base import HubAdmin
from customers.models import Business, Membership
from customers.models.business import check_wording_version

if TYPE_CHECKING:
    from django.contrib.admin.options import _FieldsetSpec

# What the form has inputs for, and the key of each in the settings of a business.
_SETTINGS = {
    "valid_wordings": "consent_wordings",
    "requires_verified_email": "require_verified_email",
    "seller_lines": "invoice",
    "invoice_language": "invoice",
}
_LABELS = {
    "valid_wordings": _("Valid wordings of consent"),
    "requires_verified_email": _("Advertise to confirmed email addresses only"),
    "seller_lines": _("Lines below the name of the seller"),
    "invoice_language": _("Language of invoices"),
}


class BusinessForm(TrackedForm):
    """Has inputs for the settings, which are one object; what has none stays in it."""

    valid_wordings = LinesField(
        label=_LABELS["valid_wordings"],
        required=False,
        line_validator=check_wording_version,
        help_text=_(
            "The versions under which a yes counts, one on each line. One that you "
            "take away stays known, as not valid any more."
        ),
    )
    requires_verified_email = forms.BooleanField(
        label=_LABELS["requires_verified_email"], required=False
    )
    seller_lines = LinesField(
        label=_LABELS["seller_lines"],
        required=False,
        help_text=_("On invoices, like street, town and tax number; one on each line."),
    )
    invoice_language = forms.ChoiceField(
        label=_LABELS["invoice_language"],
        required=False,
        choices=[("", _("That of the platform")), *settings.LANGUAGES],
        help_text=_("And of the emails that bring them."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        business: Business = self.instance
        invoice = business.invoice_settings
        drawn = {
            "valid_wordings": business.valid_wordings,
            "requires_verified_email": business.requires_verified_email,
            "seller_lines": invoice.get("seller_lines"),
            "invoice_language": invoice.get("language"),
        }
        # What was asked for in the address of the page comes first.
        self.initial = {**drawn, **self.initial}
        language: Any = self.fields["invoice_language"]
        stored = invoice.get("language")
        if stored and stored not in dict(language.choices):
            # A language that the hub has no more stays until another one is chosen.
            language.choices = [*language.choices, (stored, stored)]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name in _SETTINGS.keys() - set(self.changed_data):
            # What is stored from before a rule keeps nobody from changing another.
            self.errors.pop(name, None)
        typed = {
            name: self.cleaned_data[name]
            for name in self.changed_data
            if name in _SETTINGS and name in self.cleaned_data
        }
        if typed:
            self.instance.settings = _with_typed(self.instance, typed)
        return cleaned

    def _update_errors(self, errors: ValidationError) -> None:
        by_name = errors.update_error_dict({})
        if wrong := by_name.pop("settings", None):
            # They have no input of their own.
            by_name.setdefault(NON_FIELD_ERRORS, []).extend(wrong)
            errors = ValidationError(by_name)
        super()._update_errors(errors)  # type: ignore[misc]  # not in the stubs


def _with_typed(business: Business, typed: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a business with what was typed instead of what was."""
    stored: dict[str, Any] = deepcopy(business.settings)
    if "valid_wordings" in typed:
        wordings = stored.get("consent_wordings")
        wordings = wordings if isinstance(wordings, dict) else {}
        ended = dict.fromkeys(business.valid_wordings, False)
        valid = dict.fromkeys(typed["valid_wordings"], True)
        stored["consent_wordings"] = wordings | ended | valid
    if "requires_verified_email" in typed:
        stored["require_verified_email"] = typed["requires_verified_email"]
    invoice = dict(business.invoice_settings)
    if "seller_lines" in typed:
        invoice["seller_lines"] = typed["seller_lines"]
    if "invoice_language" in typed:
        invoice["language"] = typed["invoice_language"]
    return stored | {"invoice": invoice} if invoice else stored


@admin.register(Business)
class BusinessAdmin(ConfirmedForms, HubAdmin):
    form = BusinessForm
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
            {
                "fields": (
                    "consent_mode",
                    "valid_wordings",
                    "requires_verified_email",
                    "refund_limit",
                ),
            },
        ),
        (_("Invoices"), {"fields": ("seller_lines", "invoice_language")}),
        (_("Set by programs"), {"fields": ("other_settings",)}),
    )
    readonly_fields = ("other_settings",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> _FieldsetSpec:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or _other_settings(obj):
            return fieldsets
        return [part for part in fieldsets if part[1]["fields"] != ("other_settings",)]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> list[str]:
        # A business is the scope itself and belongs to none.
        fields = super().get_readonly_fields(request, obj)
        return [name for name in fields if name != "business"]

    # --- settings, as who may not change them reads them ---------------------------

    @admin.display(description=_LABELS["valid_wordings"])
    def valid_wordings(self, business: Business) -> str:
        return draw_json(business.valid_wordings)

    @admin.display(description=_LABELS["requires_verified_email"])
    def requires_verified_email(self, business: Business) -> str:
        return yes_or_no(business.requires_verified_email)

    @admin.display(description=_LABELS["seller_lines"])
    def seller_lines(self, business: Business) -> str:
        return draw_json(business.seller_lines)

    @admin.display(description=_LABELS["invoice_language"])
    def invoice_language(self, business: Business) -> str:
        chosen = business.invoice_settings.get("language")
        names = dict(settings.LANGUAGES)
        return names.get(str(chosen), gettext("That of the platform"))

    @admin.display(description=_("Settings"))
    def other_settings(self, business: Business) -> str:
        return draw_json(_other_settings(business))

    def render_change_form(
        self, request: HttpRequest, context: Context, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        business = context.get("original")
        if request.method == "GET" and business and business.refund_limit is None:
            self.message_user(request, _NO_LIMIT, messages.WARNING)
        return super().render_change_form(request, context, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser


_NO_LIMIT = _(
    "There is no refund limit: everybody who may refund pays any amount out alone. "
    "Write one below."
)


def _other_settings(business: Business) -> dict[str, Any]:
    """Return the settings that the form has no inputs for."""
    drawn = set(_SETTINGS.values())
    return {name: one for name, one in business.settings.items() if name not in drawn}


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
