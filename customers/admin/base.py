"""What the pages of this app share: rows from its doors, writes through its service."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest

from audit.actors import Actor
from audit.admin.base import GuardedAdmin, ScopedAdmin, actor_of
from audit.admin.tracked import ServiceAdmin, TrackedAdmin
from customers import services


class HubRows(ScopedAdmin):
    """Rows of the actor's businesses."""

    def get_rows(self, actor: Actor) -> QuerySet[Any]:
        return services.list_rows(self.model, actor=actor)


class HubAdmin(HubRows, TrackedAdmin):
    """A page whose changes go through `save_record`."""

    def write(self, row: Any, *, actor: Actor, reason: str | None) -> None:
        services.save_record(row, actor=actor, reason=reason)


class CustomerChildAdmin(HubAdmin):
    """A page of rows that belong to a customer, and so to the customer's business."""

    parent_field = "customer"
    autocomplete_fields: ClassVar[tuple[str, ...]] = ("customer",)
    exclude: ClassVar[tuple[str, ...]] = ("business",)
    list_select_related: ClassVar[tuple[str, ...]] = ("customer",)
    extra_lookups = ("customer__id__exact",)
    readonly_fields: ClassVar[tuple[str, ...]] = ("created_at", "updated_at")


class ReadOnlyAdmin(HubRows, GuardedAdmin):
    """A page of kept rows or projections."""


class EntryAdmin(ServiceAdmin, ReadOnlyAdmin):
    """Kept rows that can be added, and never changed."""

    parent_field = "customer"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Past the guard in between: the usual permission decides.
        return super(GuardedAdmin, self).has_add_permission(request)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        services.save_record(obj, actor=actor_of(request))
