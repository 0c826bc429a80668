"""What the pages of this app share: rows from its doors, writes through its service."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin.base import GuardedAdmin, ScopedAdmin, actor_of
from audit.admin.tracked import ServiceAdmin, TrackedAdmin
from audit.tenancy.actors import Actor
from customers import services


class HubRows(ScopedAdmin):
    """Rows of the actor's businesses."""

    def get_visible(self, actor: Actor) -> QuerySet[Any]:
        return services.list_rows(self.model, actor=actor)


class HubAdmin(HubRows, TrackedAdmin):
    """A page whose changes go through `save_record`."""

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        parts = super().get_fieldsets(request, obj)
        if obj is not None:
            return parts
        # What is made for a row while it is stored is another value than a form shows.
        made = set(self.readonly_fields)
        typed = [
            (title, {**more, "fields": [n for n in more["fields"] if n not in made]})
            for title, more in parts
        ]
        return [part for part in typed if part[1]["fields"]]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial = super().get_changeform_initial_data(request)
        if self.parent_field is None:
            # Whoever works for one business has nothing to choose.
            seen = services.list_businesses(actor=actor_of(request))[:2]
            if len(seen) == 1:
                initial.setdefault("business", str(seen[0].pk))
        return initial

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
