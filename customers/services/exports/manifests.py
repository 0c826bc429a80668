"""Manifests of exports, read from their events in the trail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from audit import log
from audit.json_text import JsonObject
from audit.privacy.masking import mask
from audit.tenancy.actors import Actor
from customers.choices import ExportProfile
from customers.models import Business

if TYPE_CHECKING:
    from audit.models import Event


def list_exports(*, actor: Actor, business: Business) -> QuerySet[Event]:
    """Return the `export.started` events of a business, newest first.

    Without the permission to see all events only those of marketing exports.
    """
    events = log.list_events(actor=actor, permission="customers.view_export")
    started = events.filter(business_id=business.pk, action="export.started")
    if not actor.has_perm("audit.view_event", business.pk):
        started = started.filter(data__profile=ExportProfile.MARKETING)
    return started


def read_manifests(
    started: Iterable[Event],
    *,
    actor: Actor,
    permission: str = "customers.view_export",
) -> list[JsonObject]:
    """Return the manifests of exports: who, when, what, and how they ended.

    Without rows and hash for one that was aborted or still runs. Two queries for all.
    """
    events = list(started)
    names = log.usernames_by_id(event.actor_id for event in events)
    ended = log.list_events(actor=actor, permission=permission).filter(
        action="export.finished",
        operation_id__in=[event.operation_id for event in events],
    )
    finished = {(row.business_id, _export_of(row)): row for row in ended}
    return [
        _manifest(
            event,
            finished.get((event.business_id, str(event.pk)))
            or finished.get((event.business_id, str(event.operation_id))),
            names.get(event.actor_id),
        )
        for event in events
    ]


def _export_of(ended: Event) -> str:
    """Return the id of the export that an end event belongs to, or its operation.

    Older ones of pages of the admin name neither: one was made in a request.
    """
    return str(ended.data.get("export") or ended.object_id or ended.operation_id)


def _manifest(event: Event, finished: Event | None, name: str | None) -> JsonObject:
    data = {**event.data, **(finished.data if finished else {})}
    return {
        "id": event.pk,
        "status": "finished" if finished else "started",
        "profile": data.get("profile") or "table",
        "format": data.get("format"),
        "table": data.get("table"),
        "started_at": event.occurred_at,
        "finished_at": finished.occurred_at if finished else None,
        "exported_by": {"id": event.actor_id, "name": name},
        "filters": data.get("filters") if isinstance(data.get("filters"), dict) else {},
        "search": mask(event.query),
        "columns": data.get("columns") or [],
        "in_clear": data.get("in_clear"),
        "purpose": data.get("purpose"),
        "reason": event.reason,
        "recipient": data.get("recipient"),
        "rows": data.get("rows") if finished else None,
        "left_out": data.get("left_out") or {},
        "sha256": data.get("sha256"),
    }
