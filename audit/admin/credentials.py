"""Whose PIN is set, locked or off, and what was confirmed; a PIN is never shown."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from audit import accounts, log
from audit.admin.base import GuardedAdmin, actor_of, readable_columns
from audit.admin.step_up import require_step_up
from audit.models import Grant, PinCredential, Scope
from audit.tenancy.actors import Actor


@admin.register(PinCredential)
class PinCredentialAdmin(GuardedAdmin):
    _hidden = {"id", "hash", "pepper_version", "last_locked_mark"}
    fields = (*readable_columns(PinCredential, _hidden), "is_set")
    list_display = ("user", "is_set", "failed_total", "locked_until", "disabled_at")
    list_filter = ("disabled_at",)
    list_select_related = ("user",)
    search_fields = ("user__username",)
    actions = ("release",)
    ordering = ("-created_at", "-id")

    def get_visible(self, actor: Actor) -> QuerySet[PinCredential]:
        return log.list_pins(actor=actor)

    @admin.display(description=_("PIN set"), boolean=True)
    def is_set(self, credential: PinCredential) -> bool:
        return bool(credential.hash)

    def has_release_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    @admin.action(description=_("Release the PIN"), permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[PinCredential]) -> None:
        pins = list(queryset)
        what = gettext("Release the PIN of %(n)s people") % {"n": len(pins)}
        require_step_up(request, Scope.MANAGE_ROLES, what=what)
        done = [accounts.release_pin(pin.user, actor=actor_of(request)) for pin in pins]
        count = sum(done)
        message = ngettext(
            "%(n)s PIN is released. A new one can be set in a day.",
            "%(n)s PINs are released. A new one can be set in a day.",
            count,
        )
        self.message_user(request, message % {"n": count})


@admin.register(Grant)
class GrantAdmin(GuardedAdmin):
    fields = readable_columns(Grant, {"binding", "digest", "mac"})
    list_display = ("created_at", "user", "scope", "method", "used_at", "ended_at")
    list_filter = ("scope", "method")
    list_select_related = ("user",)
    search_fields = ("id__exact",)
    search_help_text = _("The id of a step-up, as events name it.")
    ordering = ("-created_at", "-id")

    def get_visible(self, actor: Actor) -> QuerySet[Grant]:
        return log.list_step_ups(actor=actor)
