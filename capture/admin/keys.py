"""Sources and their keys. A key is shown once, when it is made."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest

from audit.admin.base import actor_of
from capture import services
from capture.models import ApiKey, Source
from customers.admin.base import HubAdmin


@admin.register(Source)
class SourceAdmin(HubAdmin):
    list_display = ("name", "slug", "business", "consent_wording_version", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("business",)
    search_fields = ("name", "slug")
    autocomplete_fields = ("business",)
    fields = ("business", "name", "slug", "consent_wording_version", "is_active")


@admin.register(ApiKey)
class ApiKeyAdmin(HubAdmin):
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
        "expires_at",
        "revoked_at",
        "created_at",
    )
    readonly_fields = ("prefix", "created_at")
    ordering = ("-created_at", "-id")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = ["kind"] if obj is not None else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        text = services.issue_key(obj, actor=actor_of(request))
        self.message_user(request, f"The key, shown only now: {text}", messages.WARNING)
