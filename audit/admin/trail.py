"""Operations and events, to be read."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from audit import log
from audit.admin.base import GuardedAdmin, actor_of, readable_columns
from audit.models import Event, Operation
from audit.tenancy.actors import Actor


def change_set_url(request: HttpRequest) -> str:
    """Return the address of what this request has changed, or nothing.

    Nothing, too, for whoever may not see it.
    """
    actor = actor_of(request)
    if not request.user.has_perm("audit.view_operation"):
        return ""
    pk = actor.operation.id
    if not log.list_operations(actor=actor).filter(pk=pk).exists():
        return ""
    return reverse("admin:audit_operation_change", args=[pk])


@admin.register(Event)
class EventAdmin(GuardedAdmin):
    fields = readable_columns(Event, {"salt", "commitment"})
    list_display = ("occurred_at", "action", "actor_kind", "via", "outcome", "code")
    list_filter = ("action", "outcome", "via", "actor_kind")
    search_fields = ("object_id__exact", "action__startswith")
    search_help_text = _("An action, or the id of what it is about.")
    extra_lookups = ("operation_id", "actor_id", "object_id")
    event_prefix = "log"

    def get_visible(self, actor: Actor) -> QuerySet[Event]:
        return log.list_events(actor=actor)


@admin.register(Operation)
class OperationAdmin(GuardedAdmin):
    fields = readable_columns(Operation, {"salt", "commitment"})
    list_display = ("started_at", "via", "method", "route", "actor_kind", "ip")
    list_filter = ("via", "actor_kind")
    search_fields = ("id__exact", "route__startswith")
    search_help_text = _("The id of a request, or the beginning of a route.")
    event_prefix = "log"

    def get_visible(self, actor: Actor) -> QuerySet[Operation]:
        return log.list_operations(actor=actor)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Operation], search_term: str
    ) -> tuple[QuerySet[Operation], bool]:
        return log.search_operations(queryset, search_term), False
