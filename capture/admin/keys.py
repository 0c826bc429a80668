"""Sources, their keys and webhook endpoints. A key is shown once, when it is made."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from audit.admin.base import actor_of
from audit.admin.display import to_second
from audit.admin.form_fields import ChecklistField, LinesField, PairsField
from audit.admin.step_up import ConfirmedForms
from audit.admin.tracked import TrackedForm
from audit.admin.untouched import UntouchedForm
from capture import services
from capture.admin.base import Act, ActPages
from capture.choices import (
    SCOPE_READ,
    SCOPE_READ_CUSTOMERS,
    SCOPE_WRITE,
    SCOPES,
    CaptureType,
    Provider,
)
from capture.models import ApiKey, Source, WebhookEndpoint
from capture.models.source import is_network, is_origin
from customers.admin.base import HubAdmin

_REASON = {"label": _("Reason"), "required": True}
_STEP_UP = "manage_keys"
_SCOPE_WORDS = {
    SCOPE_WRITE: _("Send captures"),
    SCOPE_READ: _("Read captures"),
    SCOPE_READ_CUSTOMERS: _("Read customers, unmasked"),
    "export": _("Reserved for exports, without effect so far"),
}


def _utc_text(moment: datetime | None) -> str:
    return f"{to_second(moment)} UTC" if moment else gettext("never")


def _scope_choices() -> list[tuple[str, str]]:
    """Return what each scope allows, with its code in the API and the history."""
    return [
        (one, format_html("{} <code>{}</code>", _SCOPE_WORDS.get(one, ""), one))
        for one in SCOPES
    ]


def _check_origin(text: str) -> None:
    # Stored in small letters and without a slash at the end, as browsers send it.
    if not is_origin(text.rstrip("/").lower()):
        msg = _("Write an origin without a path, like https://shop.example.com.")
        raise ValidationError(msg)


def _check_network(text: str) -> None:
    if not is_network(text):
        msg = _("Write an address or a network, like 198.51.100.0/24.")
        raise ValidationError(msg)


class SourceForm(UntouchedForm, TrackedForm):
    """A source, whose types of events are lines."""

    event_types = PairsField(
        label=_("Event types"),
        required=False,
        choices=CaptureType.values,
        example="Plan bought = payment",
        help_text=_(
            "Which track events of an analytics SDK are more than an event. One on "
            "each line, with its type: Plan bought = payment. Adds to the usual names."
        ),
    )


@admin.register(Source)
class SourceAdmin(ConfirmedForms, HubAdmin):
    form = SourceForm
    step_up_scope = _STEP_UP
    list_display = ("name", "slug", "business", "consent_wording_version", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("business",)
    search_fields = ("name", "slug")
    autocomplete_fields = ("business",)
    readonly_fields = ("last_capture", "refused", "snippet")
    fields = (
        "business",
        "name",
        "slug",
        "consent_wording_version",
        "event_types",
        "is_active",
        *readonly_fields,
    )

    @admin.display(description=_("Last capture"))
    def last_capture(self, source: Source) -> str:
        last = services.last_capture(source)
        return _utc_text(last)

    @admin.display(description=_("Refused requests"))
    def refused(self, source: Source) -> str:
        lines = (
            (date_format(r.hour, "SHORT_DATETIME_FORMAT"), r.code, r.count)
            for r in services.list_refusals(source)[:50]
        )
        cells = format_html_join(
            "", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", lines
        )
        return format_html("<table>{}</table>", cells) if cells else gettext("none")

    @admin.display(description=_("Tag for the site"))
    def snippet(self, source: Source) -> str:
        tag = '<script src="{}" data-key="pk_…"></script>'
        script = static("capture/frontend_data_capture_integration.js")
        return format_html("<code>{}</code>", tag.format(script))


class KeyForm(UntouchedForm, TrackedForm):
    """A key, with boxes for its scopes and lines for what may use it."""

    scopes = ChecklistField(
        label=_("Scopes"),
        required=False,
        choices=_scope_choices,
        help_text=_("What the key may do. A new key without a tick may send captures."),
    )
    origins = LinesField(
        label=_("Origins"),
        required=False,
        line_validator=_check_origin,
        help_text=_(
            "Origins of pages that may use a publishable key, one on each line: "
            "https://shop.example.com. One star stands for one label: "
            "https://*.example.com."
        ),
    )
    networks = LinesField(
        label=_("Networks"),
        required=False,
        line_validator=_check_network,
        help_text=_(
            "Addresses that may use a secret key, one address or network on each line: "
            "198.51.100.0/24. Empty: all."
        ),
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ActPages, ConfirmedForms, HubAdmin):
    form = KeyForm
    step_up_scope = _STEP_UP
    parent_field = "source"
    list_display = (
        "prefix",
        "source",
        "kind",
        "created_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = ("kind",)
    list_select_related = ("source",)
    search_fields = ("prefix__startswith", "source__slug")
    autocomplete_fields = ("source",)
    fields = (
        "source",
        "kind",
        "prefix",
        "scopes",
        "origins",
        "requires_origin",
        "networks",
        "expires_at",
        "revoked_at",
        "created_at",
        "last_used",
    )
    readonly_fields = ("prefix", "created_at", "revoked_at", "last_used")
    fixed_fields = ("kind",)
    ordering = ("-created_at", "-id")
    acts: ClassVar[dict[str, Act]] = {
        "rotate": {
            "permission": "capture.change_apikey",
            "title": _("Rotate"),
            "step_up": _STEP_UP,
            "level": messages.WARNING,
            "explanation": _(
                "Makes a new key like this one and shows it once. This one works for "
                "seven more days, so that every page and server can change over."
            ),
            "fields": {},
        },
        "revoke": {
            "permission": "capture.change_apikey",
            "title": _("Revoke"),
            "step_up": _STEP_UP,
            "explanation": _("Ends this key at once. What is sent with it is refused."),
            "fields": {"reason": _REASON},
        },
    }

    @admin.display(description=_("Last used"))
    def last_used(self, key: ApiKey) -> str:
        last = services.last_used(key)
        return _utc_text(last)

    def rotate(self, request: HttpRequest, key: ApiKey, _values: object) -> str:
        new, text = services.rotate_key(key, actor=actor_of(request))
        return gettext("The new key %(prefix)s, shown only now: %(key)s") % {
            "prefix": new,
            "key": text,
        }

    def revoke(self, request: HttpRequest, key: ApiKey, values: dict[str, str]) -> str:
        services.revoke_key(key, actor=actor_of(request), reason=values["reason"])
        return gettext("The key is revoked.")

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm, change: bool
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        text = services.issue_key(obj, actor=actor_of(request))
        message = gettext("The key, shown only now: %(key)s") % {"key": text}
        self.message_user(request, message, messages.WARNING)


class WebhookForm(TrackedForm):
    """An endpoint, and a secret that is written and never shown again."""

    new_secret = forms.CharField(
        label=_("New secret"),
        required=False,
        max_length=300,
        widget=forms.PasswordInput(attrs={"class": "vTextField"}),
        help_text=_("As the provider shows it. Earlier ones stay valid until retired."),
    )


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ActPages, ConfirmedForms, HubAdmin):
    step_up_scope = _STEP_UP
    parent_field = "source"
    form = WebhookForm
    list_display = ("name", "provider", "source", "is_active")
    list_filter = ("provider", "is_active")
    list_select_related = ("source",)
    search_fields = ("name", "source__slug")
    autocomplete_fields = ("source",)
    readonly_fields = ("address", "secret_count")
    fixed_fields = ("provider",)
    ordering = ("name", "id")
    acts: ClassVar[dict[str, Act]] = {
        "retire": {
            "permission": "capture.change_webhookendpoint",
            "title": _("Retire old secrets"),
            "step_up": _STEP_UP,
            "explanation": _(
                "Keeps the newest secret only. Do this once the provider signs with it."
            ),
            "fields": {},
        },
    }

    def get_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        fields = (
            "source",
            "provider",
            "name",
            "livemode",
            "paypal_webhook_id",
            "certificate",
            "is_active",
        )
        secret = ("new_secret",) if self.has_change_permission(request, obj) else ()
        return (*fields, *secret, *self.readonly_fields)

    @admin.display(description=_("Address for the provider"))
    def address(self, endpoint: WebhookEndpoint) -> str:
        return f"/api/v1/webhooks/{endpoint.provider}/{endpoint.pk}"

    @admin.display(description=_("Secrets"))
    def secret_count(self, endpoint: WebhookEndpoint) -> str:
        n = len(services.secrets_of(endpoint))
        if not n:
            return gettext("none yet: every delivery is refused")
        return ngettext("%(count)s kept", "%(count)s kept", n) % {"count": n}

    def retire(
        self, request: HttpRequest, endpoint: WebhookEndpoint, _values: object
    ) -> str:
        services.retire_old_secrets(endpoint, actor=actor_of(request))
        return gettext("Only the newest secret is valid now.")

    def save_model(
        self,
        request: HttpRequest,
        obj: WebhookEndpoint,
        form: forms.ModelForm,
        change: bool,
    ) -> None:
        super().save_model(request, obj, form, change)
        secret = form.cleaned_data.get("new_secret")
        if secret:
            services.add_secret(obj, secret, actor=actor_of(request))
        elif not change and obj.provider == Provider.STANDARD:
            made = services.new_standard_secret()
            services.add_secret(obj, made, actor=actor_of(request))
            message = gettext("The secret, shown only now: %(secret)s") % {
                "secret": made
            }
            self.message_user(request, message, messages.WARNING)
