"""Exports of the admin: the columns of the import tables, of visible rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import ClassVar

from django.db.models import Model, QuerySet
from django.utils.text import capfirst
from import_export import resources
from import_export.fields import Field

from audit.database.batches import batched
from customers.services import ImportColumn, ImportTable

_BATCH = 500


class _Cell(Field):
    """A value in the format of a file, so that the file can be imported again."""

    def __init__(self, column: ImportColumn) -> None:
        super().__init__(column_name=column.name)
        self.column = column

    def export(self, instance: object, **_: object) -> str:
        return self.column.cell(self.column.value_of(instance))


class _Resource(resources.ModelResource):
    """Loads what columns of other tables hold, for some hundred rows at once."""

    import_table: ClassVar[ImportTable]

    def iter_queryset(self, queryset: QuerySet[Model]) -> Iterator[Model]:
        for batch in batched(super().iter_queryset(queryset), _BATCH):
            if self.import_table.attach is not None:
                self.import_table.attach(batch)
            yield from batch


@cache
def resource_of(table: ImportTable) -> type[resources.ModelResource]:
    """Return the resource of django-import-export with the columns of a table."""
    columns = [column for column in table.columns if column.is_exported]
    fields = {column.name: _Cell(column) for column in columns}
    # Kept for all readers: translated where it is shown.
    label = capfirst(table.model._meta.verbose_name_plural)
    meta = type("Meta", (), {"model": table.model, "name": label, "fields": [*fields]})
    # The form of the page takes its ids from this name.
    name = f"{table.model.__name__}Resource"
    body = {**fields, "Meta": meta, "import_table": table}
    return type(name, (_Resource,), body)
