"""Exports of the admin: the columns of the import tables, of visible rows."""

from __future__ import annotations

from functools import cache

from django.utils.text import capfirst
from import_export import resources
from import_export.fields import Field

from customers.services import ImportColumn, ImportTable


class _Cell(Field):
    """A value in the format of a file, so that the file can be imported again."""

    def __init__(self, column: ImportColumn) -> None:
        super().__init__(column_name=column.name)
        self.column = column

    def export(self, instance: object, **_: object) -> str:
        return self.column.cell(self.column.value_of(instance))


@cache
def resource_of(table: ImportTable) -> type[resources.ModelResource]:
    """Return the resource of django-import-export with the columns of a table."""
    fields = {column.name: _Cell(column) for column in table.columns}
    # Kept for all readers: translated where it is shown.
    label = capfirst(table.model._meta.verbose_name_plural)
    meta = type("Meta", (), {"model": table.model, "name": label, "fields": [*fields]})
    # The form of the page takes its ids from this name.
    name = f"{table.model.__name__}Resource"
    return type(name, (resources.ModelResource,), {**fields, "Meta": meta})
