"""What is to be guarded, read from the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import models

from audit.database.sealed import AppendOnly


@dataclass(frozen=True)
class GuardedTable:
    """A table whose rows can be added and nothing else."""

    label: str
    table: str
    key: str
    has_salt: bool
    dedupe: tuple[str, ...]
    apart: tuple[str, str] | None
    unique: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Parent:
    """A foreign key to a row that must be of the same business."""

    column: str
    table: str
    key: str


@dataclass(frozen=True)
class TenantTable:
    """A table whose rows belong to one business, for ever and with their parents."""

    label: str
    table: str
    parents: tuple[Parent, ...]


@dataclass(frozen=True)
class ScopedTable:
    """A table whose rows belong to a business, which `column` names.

    Rows without a business are of the platform; only some tables have them.
    """

    table: str
    column: str
    has_platform_rows: bool


def guarded_tables() -> list[GuardedTable]:
    """Return every table of a model that declares `guard = AppendOnly()`."""
    return [
        GuardedTable(
            label=model._meta.label_lower,
            table=model._meta.db_table,
            key=_column(model._meta.pk),
            has_salt=any(f.name == "salt" for f in model._meta.fields),
            dedupe=tuple(_columns(model, guard.dedupe)),
            apart=guard.apart,
            unique=tuple(tuple(_columns(model, key)) for key in _unique_keys(model)),
        )
        for model in _managed_models()
        if isinstance(guard := getattr(model, "guard", None), AppendOnly)
    ]


def tenant_tables() -> list[TenantTable]:
    """Return every table with a `business`, and its parents that have one too.

    History tables copy rows that were checked already.
    """
    return [
        TenantTable(
            label=model._meta.label_lower,
            table=model._meta.db_table,
            parents=tuple(_parents(model)),
        )
        for model in _managed_models()
        if _is_tenant(model) and not hasattr(model, "instance_type")
    ]


def scoped_tables() -> list[ScopedTable]:
    """Return every table with a column `business_id`, histories included.

    Businesses themselves belong to their own id, and so does their history.
    """
    return [
        ScopedTable(
            table=model._meta.db_table,
            column=column,
            has_platform_rows=not hasattr(model, "instance_type")
            and any(f.column == column and f.null for f in model._meta.fields),
        )
        for model in _managed_models()
        if (column := _business_column(model))
    ]


def _business_column(model: type[models.Model]) -> str | None:
    if any(field.column == "business_id" for field in model._meta.fields):
        return "business_id"
    followed: type[models.Model] = getattr(model, "instance_type", model)
    rows = followed._default_manager.all()
    return "id" if getattr(rows, "business_field", None) == "id" else None


def undeletable_tables() -> set[str]:
    """Return the tables whose rows change but are never deleted: those with history."""
    return {
        model._meta.db_table
        for model in _managed_models()
        if hasattr(model._meta, "simple_history_manager_attribute")
    }


def changeable_columns() -> dict[str, set[str]]:
    """Return, by table, the columns that may change after a row was made.

    Of models that say so in `changeable`, and of Django's sessions; all others may
    change whole. Who opened a session or has a token is said once.
    """
    columns = {Session._meta.db_table: {"session_data", "expire_date"}}
    for model in _managed_models():
        if names := getattr(model, "changeable", None):
            columns[model._meta.db_table] = set(_columns(model, names))
    return columns


def _managed_models() -> list[type[models.Model]]:
    return [
        m
        for m in apps.get_models(include_auto_created=True)
        if m._meta.managed and not m._meta.proxy
    ]


def _is_tenant(model: type[models.Model]) -> bool:
    return any(f.name == "business" and f.many_to_one for f in model._meta.fields)


def _parents(model: type[models.Model]) -> list[Parent]:
    return [
        Parent(
            column=field.column,
            table=field.related_model._meta.db_table,
            key=_column(field.related_model._meta.pk),
        )
        for field in model._meta.fields
        if isinstance(field, models.ForeignKey) and _is_tenant(field.related_model)
    ]


def _unique_keys(model: type[models.Model]) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [(f.name,) for f in model._meta.fields if f.unique]
    keys += [tuple(names) for names in model._meta.unique_together]
    keys += [
        tuple(c.fields)
        for c in model._meta.constraints
        if isinstance(c, models.UniqueConstraint) and c.fields
    ]
    return keys


def _columns(model: type[models.Model], names: tuple[str, ...]) -> list[str]:
    return [_column(model._meta.get_field(name)) for name in names]


def _column(field: Any) -> str:  # `get_field` may return a relation, which has none.
    return str(field.column)
