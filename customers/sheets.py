"""File formats of import and export: nothing a spreadsheet would run, nothing lost."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any

import tablib
from import_export.formats import base_formats

# What a spreadsheet takes for a formula: an operator first, also after blanks, also in
# its full-width form; or a leading tab or line break. Apostrophes of our own before it
# are counted in, so that one more can always be taken off again.
_RISKY = re.compile(r"'*(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
_MAX_BYTES = 50_000_000
_MAX_CELLS = 2_000_000
_DELIMITERS = ",;\t|"


def escape_cell(text: str) -> str:
    """Return the text with an apostrophe before it if a spreadsheet could run it."""
    return f"'{text}" if _RISKY.match(text) else text


def unescape_cell(text: str) -> str:
    """Return the text without exactly the apostrophe that `escape_cell` put there."""
    is_ours = text.startswith("'") and _RISKY.match(text[1:])
    return text[1:] if is_ours else text


class SafeCSV(base_formats.CSV):
    """CSV with a byte order mark, so that spreadsheets read it as UTF-8."""

    def get_title(self) -> str:
        return "csv"

    def export_data(self, dataset: tablib.Dataset, **_: Any) -> str:
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(dataset.headers or [])
        for row in dataset:
            writer.writerow([escape_cell(_text(cell)) for cell in row])
        return out.getvalue()

    def create_dataset(self, in_stream: Any, **_: Any) -> tablib.Dataset:
        if isinstance(in_stream, bytes):
            in_stream = in_stream.decode(self.encoding or "utf-8-sig")
        text = in_stream.removeprefix("\ufeff")
        header = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=header.count)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return _dataset(rows)


class SafeXLSX(base_formats.XLSX):
    """Excel sheets whose cells are text, and whose size is known before it is read."""

    def export_data(self, dataset: tablib.Dataset, **_: Any) -> bytes:
        safe = tablib.Dataset(headers=dataset.headers)
        for row in dataset:
            safe.append([escape_cell(_text(cell)) for cell in row])
        return bytes(safe.export("xlsx"))

    def create_dataset(self, in_stream: Any) -> tablib.Dataset:
        try:
            with zipfile.ZipFile(io.BytesIO(in_stream)) as archive:
                size = sum(part.file_size for part in archive.infolist())
        except zipfile.BadZipFile as error:
            msg = "This is no Excel file. Save it as .xlsx or .csv."
            raise ValueError(msg) from error
        if size > _MAX_BYTES:
            msg = f"The sheet unpacks to more than {_MAX_BYTES} bytes. Split it."
            raise ValueError(msg)
        read = super().create_dataset(in_stream)
        return _dataset([read.headers or [], *read])


def _dataset(rows: Any) -> tablib.Dataset:
    """Return the rows below the first as a table; short rows are filled up."""
    rows = iter(rows)
    headers = [_text(cell).strip() for cell in next(rows, [])]
    dataset = tablib.Dataset(headers=headers)
    cells = 0
    for row in rows:
        texts = [unescape_cell(_text(cell)) for cell in row]
        if not any(texts):
            continue
        cells += len(texts)
        if cells > _MAX_CELLS:
            msg = f"The file has more than {_MAX_CELLS} cells. Split it."
            raise ValueError(msg)
        texts += [""] * (len(headers) - len(texts))
        dataset.append(texts[: len(headers)])
    return dataset


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


FORMATS = [SafeCSV, SafeXLSX, base_formats.JSON]
