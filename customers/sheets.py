"""File formats of exports, safe from formula injection and without loss."""

from __future__ import annotations

import re

import tablib
from django.utils.translation import gettext as _
from import_export.formats import base_formats

from customers.cells import cell_text, csv_line, escape_cell
from customers.readers import SheetError

# Characters that a sheet cannot hold, escaped as sheets do; and what looks like that.
_CONTROL = r"[\x01-\x08\x0b-\x1f\ufffe\uffff]"
_UNWRITABLE = re.compile(rf"{_CONTROL}|_(?=x[0-9A-Fa-f]{{4}}(?:_|{_CONTROL}))")
_MAX_CELL = 32_767


class SafeCSV(base_formats.CSV):
    """CSV with a byte order mark, so that spreadsheets read it as UTF-8."""

    def get_title(self) -> str:
        return "csv"

    def export_data(self, dataset: tablib.Dataset, **_: object) -> str:
        lines = [csv_line(dataset.headers or [])]
        lines += [
            csv_line(escape_cell(cell_text(cell)) for cell in row) for row in dataset
        ]
        return "".join(lines)


class SafeXLSX(base_formats.XLSX):
    """Excel sheets whose cells are text."""

    def export_data(self, dataset: tablib.Dataset, **_: object) -> bytes:
        safe = tablib.Dataset(headers=dataset.headers)
        for row in dataset:
            safe.append([_written(escape_cell(cell_text(cell))) for cell in row])
        return bytes(safe.export("xlsx"))


def _written(text: str) -> str:
    """Return the text with characters that a sheet cannot hold escaped."""
    written = _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    if len(written) > _MAX_CELL:
        msg = _("A cell has more than %(limit)s characters. Export as CSV.") % {
            "limit": _MAX_CELL
        }
        raise SheetError(msg)
    return written


FORMATS = [SafeCSV, SafeXLSX, base_formats.JSON]
