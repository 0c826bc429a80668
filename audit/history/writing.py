"""How a change is written: the rows, and a copy of each in its history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from django.apps import apps
from django.db import NotSupportedError, connections, models
from django.db.models import F
from django.db.models.sql import UpdateQuery
from django.utils import timezone

from audit.history.projecting import project
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from audit.history.models import TrackedModel

_M = TypeVar("_M", bound=models.Model)


@dataclass(frozen=True)
class Authorship:
    """Who changes a row, and why."""

    actor: Actor
    reason: str | None = None


def refuse(what: str, instead: str) -> NoReturn:
    msg = f"{what} would change rows without history. {instead}"
    raise NotSupportedError(msg)


def require_authorship(authorship: Authorship | None, what: str) -> Authorship:
    if authorship is None:
        refuse(f"{what} by nobody", "Say who: `.as_actor(actor, reason=…)` first.")
    return authorship


def stamps_of(model: type[models.Model]) -> dict[str, object]:
    """Return what every update sets: the time, and one more revision if counted."""
    stamps: dict[str, object] = {"updated_at": timezone.now()}
    if any(field.name == "rev" for field in model._meta.fields):
        stamps["rev"] = F("rev") + 1
    return stamps


def derived_from(model: type[TrackedModel], names: Iterable[str]) -> set[str]:
    """Return the columns that follow when these change."""
    changed = set(names)
    return {
        name for name, source in model.derived.items() if changed & sources_of(source)
    }


def sources_of(source: str | tuple[str, ...]) -> set[str]:
    return {source} if isinstance(source, str) else set(source)


def update_returning(queryset: models.QuerySet[_M], query: UpdateQuery) -> list[_M]:
    """Update rows and return them as they are stored now, in one statement."""
    sql, params = query.get_compiler(queryset.db).as_sql()
    quote = connections[queryset.db].ops.quote_name
    columns = ", ".join(
        quote(str(f.column)) for f in queryset.model._meta.concrete_fields
    )
    return list(queryset.raw(f"{sql} RETURNING {columns}", params, using=queryset.db))


@cache
def history_model(model: type[TrackedModel]) -> Any:  # Made by simple-history.
    """Return the history table of a tracked model.

    Kept, because `Model.history` makes a new manager class each time it is read.
    """
    return model.history.model


def build_history(
    instances: Iterable[TrackedModel], kind: str, authorship: Authorship
) -> list[models.Model]:
    """Return unsaved history rows that copy `rows` as they are now.

    `kind` is "+" for created and "~" for changed.
    """
    now = timezone.now()
    built = []
    for instance in instances:
        log = history_model(type(instance))
        values = {f.attname: getattr(instance, f.attname) for f in log.tracked_fields}
        built.append(
            log(
                history_date=now,
                history_type=kind,
                history_user_id=authorship.actor.user_id,
                history_change_reason=authorship.reason,
                operation_id=authorship.actor.operation.id,
                **values,
            )
        )
    return built


def write_history(
    instances: Sequence[TrackedModel],
    kind: str,
    authorship: Authorship,
    *,
    using: str,
    columns: Collection[str] | None = None,
) -> None:
    """Write the history of rows that were written just now, and their projections.

    `columns` are those that an update wrote; None stands for all.
    """
    built = build_history(instances, kind, authorship)
    if not built:
        return
    operations = apps.get_model("audit", "Operation").objects
    operations.using(using).ensure(authorship.actor)
    type(built[0])._base_manager.using(using).bulk_create(built)
    project(instances, columns=columns, is_new=kind == "+")
