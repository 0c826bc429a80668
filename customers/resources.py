"""Exports of the admin: the columns of the import tables, of visible rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.text import capfirst
from import_export import resources
from import_export.fields import Field

from audit.database.batches import batched
from audit.privacy.classes import subject_of
from customers.services import ImportColumn, ImportTable

_BATCH = 500


class _Cell(Field):
    """A value in the format of a file, so that the file can be imported again."""

    def __init__(self, column: ImportColumn) -> None:
        super().__init__(column_name=column.name)
        self.column = column

    def export(self, instance: object, *, is_unmasked: bool = True, **_: object) -> str:
        value = self.column.value_of(instance)
        return self.column.cell(value if is_unmasked else self.column.masked(value))


class TableResource(resources.ModelResource):
    """Loads what columns of other tables hold, for some hundred rows at once.

    It counts the rows of each business, and notes whose they are.
    """

    import_table: ClassVar[ImportTable]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.counts: Counter[UUID] = Counter()
        self.customer_ids: dict[UUID, list[UUID]] = defaultdict(list)

    def iter_queryset(self, queryset: QuerySet[Model]) -> Iterator[Model]:
        for batch in batched(super().iter_queryset(queryset), _BATCH):
            if self.import_table.attach is not None:
                self.import_table.attach(batch)
            for instance in batch:
                self._note(instance)
                yield instance

    def _note(self, instance: Any) -> None:
        self.counts[instance.business_id] += 1
        if (customer_id := subject_of(instance)) is not None:
            self.customer_ids[instance.business_id].append(customer_id)


@cache
def resource_of(table: ImportTable) -> type[TableResource]:
    """Return the resource of django-import-export with the columns of a table."""
    columns = [column for column in table.columns if column.is_exported]
    fields = {column.name: _Cell(column) for column in columns}
    # Kept for all readers: translated where it is shown.
    label = capfirst(table.model._meta.verbose_name_plural)
    meta = type("Meta", (), {"model": table.model, "name": label, "fields": [*fields]})
    # The form of the page takes its ids from this name.
    name = f"{table.model.__name__}Resource"
    body = {**fields, "Meta": meta, "import_table": table}
    return type(name, (TableResource,), body)
