"""Exports of pages: the rows of one table that a list shows, in the columns of imports.

Plan, trail and manifest are those of all other exports. A file with rows of several
businesses has a manifest in each. Whoever has confirmed it takes the file within ten
minutes, and once; only then anything is read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from audit import accounts, log
from audit.json_text import JsonObject
from audit.privacy.masking import MASKED
from audit.rest import idempotency
from audit.tenancy.actors import Actor
from customers.models import Business
from customers.services.exports.exporting import (
    EXPORT_LABEL,
    ExportPlan,
    check_declaration,
    check_unmasked,
    record_exported,
    record_finished,
)
from customers.services.exports.manifests import read_manifests
from customers.services.imports.tables import ImportTable

# What the manifest of such a file has in the place of a profile.
TABLE = "table"
# How long a confirmed file waits to be taken.
TAKEN_WITHIN = timedelta(minutes=10)


def has_contact_data(table: ImportTable) -> bool:
    """Tell whether a file of this table has columns that can be masked."""
    return any(column.kind in MASKED for column in table.columns if column.is_exported)


def plan_table_export(
    table: ImportTable,
    business: Business,
    *,
    actor: Actor,
    columns: Iterable[str],
    filters: Mapping[str, object],
    unmasked: bool,
    purpose: str,
    reason: str,
    recipient: str = "",
    format: str = "csv",  # noqa: A002 - as manifests and bodies name it
) -> ExportPlan:
    """Return a checked plan of a file of one table; nothing is read or written.

    `filters` are those of the list, by the names of its parameters; a search is under
    `search`. Raises PermissionDenied without the permission to export the table, or for
    contact data in clear that the role sees masked; ValidationError for an unknown
    column, and `reason_needed`.
    """
    actor.require_perm(business.pk, f"customers.export_{table.name}")
    check_declaration(purpose, reason)
    allowed = {column.name for column in table.columns if column.is_exported}
    names = tuple(dict.fromkeys(columns))
    if not names or not allowed.issuperset(names):
        msg = gettext("One of these columns is not known. Choose those of the page.")
        raise ValidationError(msg, code="unknown_column")
    if unmasked:
        check_unmasked(business, actor)
    return ExportPlan(
        business,
        TABLE,
        names,
        dict(filters),
        unmasked=unmasked,
        purpose=purpose,
        reason=reason,
        recipient=recipient,
        format=format,
        table=table.model._meta.label_lower,
    )


def digest_of_exports(plans: Sequence[ExportPlan], chosen: object) -> str:
    """Return the digest of one file, for step-up: its plans, and the rows chosen."""
    digests = [plan.digest for plan in plans]
    return accounts.digest_of("export", plans=digests, chosen=chosen)


@transaction.atomic
def request_exports(
    plans: Sequence[ExportPlan], *, actor: Actor, file_id: UUID
) -> None:
    """Record that a file was confirmed, which nobody has taken yet."""
    for plan in plans:
        _record("export.requested", plan, actor=actor, file_id=file_id)


def take_file(file_id: UUID) -> bool:
    """Tell whether a confirmed file is taken for the first time, and mark it."""
    with transaction.atomic():
        return idempotency.use_once("export file", str(file_id))


def start_exports(
    plans: Sequence[ExportPlan],
    *,
    actor: Actor,
    file_id: UUID,
    grant_id: UUID | None,
) -> dict[UUID, UUID]:
    """Record that a file is being made; return the id of the export by business."""
    return {
        plan.business.pk: _record(
            "export.started", plan, actor=actor, file_id=file_id, grant_id=grant_id
        )
        for plan in plans
    }


def finish_exports(
    plans: Sequence[ExportPlan],
    started: Mapping[UUID, UUID],
    *,
    actor: Actor,
    data: bytes,
    counts: Counter[UUID],
    customer_ids: Mapping[UUID, Iterable[UUID]],
    grant_id: UUID | None,
) -> None:
    """Record whom a file holds, on the page of each, and its manifest.

    Call it before the file is handed out. `counts` of rows and `customer_ids` are by
    business.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    for plan in plans:
        key = plan.business.pk
        exported = dict.fromkeys(customer_ids.get(key, ()))
        record_exported(plan, started[key], exported, actor=actor, grant_id=grant_id)
        record_finished(
            plan,
            started[key],
            actor=actor,
            count=counts[key],
            sha256=sha256,
            grant_id=grant_id,
        )


def list_manifests(
    file_id: UUID, *, table: ImportTable, actor: Actor
) -> list[JsonObject]:
    """Return the manifests of a file that the actor has taken, one of each business."""
    permission = f"customers.export_{table.name}"
    events = log.list_events(actor=actor, permission=permission)
    started = events.filter(
        object_label=EXPORT_LABEL,
        object_id=str(file_id),
        action="export.started",
        actor_id=actor.user_id,
    )
    return read_manifests(started, actor=actor, permission=permission)


def _record(
    action: str,
    plan: ExportPlan,
    *,
    actor: Actor,
    file_id: UUID,
    grant_id: UUID | None = None,
) -> UUID:
    event = log.record_alone(
        action,
        actor=actor,
        business_id=plan.business.pk,
        reason=plan.reason,
        query=plan.search or None,
        object_label=EXPORT_LABEL,
        object_id=str(file_id),
        data=plan.event_data(),
        grant_id=grant_id,
    )
    return event.pk
