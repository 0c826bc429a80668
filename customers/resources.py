"""What exports of the admin write: the columns of the import tables, of scoped rows."""

from __future__ import annotations

from typing import Any

from import_export import resources, widgets
from import_export.fields import Field

from customers.services import IMPORT_TABLES, ImportTable, cell_of


class _Cell(widgets.Widget):
    """A value as a file holds it, so that the file imports again unchanged."""

    def __init__(self, column: Any) -> None:
        super().__init__()
        self.column = column

    def render(self, value: Any, obj: Any = None, **_: Any) -> str:
        return cell_of(self.column, value)


def _resource(table: ImportTable) -> type[resources.ModelResource]:
    fields = {
        column.name: Field(
            attribute=column.source, column_name=column.name, widget=_Cell(column)
        )
        for column in table.columns
    }
    label = str(table.model._meta.verbose_name_plural).capitalize()
    options = {"model": table.model, "name": label, "fields": tuple(fields)}
    meta = type("Meta", (), options)
    name = f"{table.model.__name__}Resource"
    return type(name, (resources.ModelResource,), {**fields, "Meta": meta})


CustomerResource = _resource(IMPORT_TABLES["customer"])
AddressResource = _resource(IMPORT_TABLES["address"])
ContactResource = _resource(IMPORT_TABLES["contact"])
BookingResource = _resource(IMPORT_TABLES["booking"])
TicketResource = _resource(IMPORT_TABLES["ticket"])
