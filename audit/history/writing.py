"""How a change is written: the rows, and a copy of each in its history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from django.apps import apps
from django.db import NotSupportedError, connections, models
from django.db.models import F
from django.utils import timezone

from audit.tenancy.actors import Actor


@dataclass(frozen=True)
class Change:
    """Who changes a row, and why."""

    actor: Actor
    reason: str | None = None


def refuse(what: str, instead: str) -> NoReturn:
    msg = f"{what} would change rows without history. {instead}"
    raise NotSupportedError(msg)


def required_change(change: Change | None, what: str) -> Change:
    if change is None:
        refuse(f"{what} by nobody", "Say who: `.as_actor(actor, reason=…)` first.")
    return change


def stamps_of(model: type[models.Model]) -> dict[str, Any]:
    """Return what every update sets: the time, and one more revision if counted."""
    stamps: dict[str, Any] = {"updated_at": timezone.now()}
    if any(field.name == "rev" for field in model._meta.fields):
        stamps["rev"] = F("rev") + 1
    return stamps


def derived_from(model: type[Any], names: Iterable[str]) -> set[str]:
    """Return the columns that follow when these change."""
    changed = set(names)
    return {
        name for name, source in model.derived.items() if changed & sources_of(source)
    }


def sources_of(source: str | tuple[str, ...]) -> set[str]:
    return {source} if isinstance(source, str) else set(source)


def update_returning(rows: models.QuerySet[Any, Any], query: Any) -> list[Any]:
    """Update rows and return them as they are stored now, in one statement."""
    sql, params = query.get_compiler(rows.db).as_sql()
    quote = connections[rows.db].ops.quote_name
    columns = ", ".join(quote(f.column) for f in rows.model._meta.concrete_fields)
    return list(rows.raw(f"{sql} RETURNING {columns}", params, using=rows.db))


@cache
def history_model(model: Any) -> Any:
    """Return the history table of a tracked model.

    Kept, because `Model.history` makes a new manager class each time it is read.
    """
    return model.history.model


def history_rows(
    rows: Iterable[models.Model], kind: str, change: Change
) -> list[models.Model]:
    """Return unsaved history rows that copy `rows` as they are now.

    `kind` is "+" for created and "~" for changed.
    """
    now = timezone.now()
    built = []
    for row in rows:
        log = history_model(type(row))
        values = {f.attname: getattr(row, f.attname) for f in log.tracked_fields}
        built.append(
            log(
                history_date=now,
                history_type=kind,
                history_user_id=change.actor.user_id,
                history_change_reason=change.reason,
                operation_id=change.actor.operation.id,
                **values,
            )
        )
    return built


def write_history(
    rows: Iterable[models.Model], kind: str, change: Change, *, using: str
) -> None:
    built = history_rows(rows, kind, change)
    if not built:
        return
    operations: Any = apps.get_model("audit", "Operation").objects
    operations.using(using).ensure(change.actor)
    type(built[0])._base_manager.using(using).bulk_create(built)
