"""File formats of import and export: nothing a spreadsheet would run, nothing lost.

A file to import is measured before it is read: a small one can unpack to a very large
one, and a few bytes can claim a million rows.
"""

from __future__ import annotations

import csv
import io
import json
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

import openpyxl
import tablib
from import_export.formats import base_formats

from customers.cells import cell_text, csv_line, escape_cell, unescape_cell

# Characters that no sheet can hold, written as sheets do; and what looks like that.
_CONTROL = r"[\x01-\x08\x0b-\x1f\ufffe\uffff]"
_UNWRITABLE = re.compile(rf"{_CONTROL}|_(?=x[0-9A-Fa-f]{{4}}(?:_|{_CONTROL}))")
_WRITTEN = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff]|[Ff]{3}[EeFf])_")
_DELIMITERS = ",;\t|"

# Each limit is far above what one import can load in the time of a request.
_MAX_BYTES = 50_000_000
_MAX_CELLS = 1_000_000
_MAX_COLUMNS = 200
_MAX_ROWS = 200_000
# Of the list of parts in a zip: room for hundreds.
_MAX_DIRECTORY = 65_536
# Sheets of words and numbers shrink to a tenth or less, never to a hundredth.
_MAX_RATIO = 100
_SMALL_PART = 1_000_000
_MAX_CELL = 32_767
_ZIP = b"PK\x03\x04"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22
_LOOKED_AT = 8192


class SheetError(ValueError):
    """A file that is not read: a sentence with the fix, without what the file holds."""


class SafeCSV(base_formats.CSV):
    """CSV with a byte order mark, so that spreadsheets read it as UTF-8."""

    def get_title(self) -> str:
        return "csv"

    def export_data(self, dataset: tablib.Dataset, **_: Any) -> str:
        lines = [csv_line(dataset.headers or [])]
        lines += [
            csv_line(escape_cell(cell_text(cell)) for cell in row) for row in dataset
        ]
        return "".join(lines)

    def create_dataset(self, in_stream: Any, **_: Any) -> tablib.Dataset:
        text = _decoded(in_stream, "CSV")
        header = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=header.count)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            return _dataset(rows)
        except csv.Error as error:
            msg = "A cell is too long, or a quote is not closed. Mend the file."
            raise SheetError(msg) from error


class SafeJSON(base_formats.JSON):
    """A list of objects with the same names, one for each row."""

    def create_dataset(self, in_stream: Any, **_: Any) -> tablib.Dataset:
        text = _decoded(in_stream, "JSON")
        try:
            # Digits stay as they were written.
            items = json.loads(text, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as error:
            msg = "This is no JSON. Send a list of objects."
            raise SheetError(msg) from error
        if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
            msg = "Send a list of objects, one for each row."
            raise SheetError(msg)
        names = list(dict.fromkeys(name for item in items for name in item))
        rows = ([_plain(item.get(name)) for name in names] for item in items)
        return _dataset(_chain(names, rows), escaped=False)


class SafeXLSX(base_formats.XLSX):
    """Excel sheets whose cells are text, and whose size is known before it is read."""

    def export_data(self, dataset: tablib.Dataset, **_: Any) -> bytes:
        safe = tablib.Dataset(headers=dataset.headers)
        for row in dataset:
            safe.append([_written(escape_cell(cell_text(cell))) for cell in row])
        return bytes(safe.export("xlsx"))

    def create_dataset(self, in_stream: Any) -> tablib.Dataset:
        check_archive(in_stream)
        try:
            # A formula stays the text that it is; nothing is computed, nothing is lost.
            book = openpyxl.load_workbook(
                io.BytesIO(in_stream), read_only=True, data_only=False, keep_links=False
            )
            sheet = book.active
            # The size that the sheet claims is not believed.
            sheet.reset_dimensions()
            rows = (
                [unescape_sheet_text(cell_text(cell)) for cell in row]
                for row in _bounded(sheet.iter_rows(values_only=True))
            )
            return _dataset(rows)
        except SheetError:
            raise
        except Exception as error:
            # A damaged part fails anywhere in the library, in any way.
            msg = "This Excel file is damaged. Save it again as .xlsx or .csv."
            raise SheetError(msg) from error


def check_archive(data: bytes) -> None:
    """Raise SheetError for a zip that is none, or that would unpack to too much.

    Looks at the directory alone; what it declares is what can be unpacked at most.
    """
    directory = _directory_size(data)
    if not data.startswith(_ZIP) or directory is None:
        msg = "This is no Excel file. Save it as .xlsx or .csv."
        raise SheetError(msg)
    if directory > _MAX_DIRECTORY:
        msg = "The Excel file has too many parts. Save it as .csv."
        raise SheetError(msg)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        msg = "This is no Excel file. Save it as .xlsx or .csv."
        raise SheetError(msg) from error
    if sum(info.file_size for info in infos) > _MAX_BYTES:
        msg = f"The sheet unpacks to more than {_MAX_BYTES} bytes. Split it."
        raise SheetError(msg)
    for info in infos:
        is_large = info.file_size > _SMALL_PART
        if is_large and info.file_size > _MAX_RATIO * max(info.compress_size, 1):
            msg = "The sheet unpacks to a hundred times its size. Save it as .csv."
            raise SheetError(msg)


def unescape_sheet_text(text: str) -> str:
    """Return the text with the characters that a sheet writes as `_x000D_`."""
    return _WRITTEN.sub(_read, text)


def _read(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    # No text can hold it: it stays as it was written.
    return chr(number) if number else found[0]


def _directory_size(data: bytes) -> int | None:
    """Return how long the list of parts of a zip is; None without one."""
    place = data.rfind(_ZIP_END, max(0, len(data) - 65_557))
    end = data[place : place + _ZIP_END_SIZE]
    if place < 0 or len(end) < _ZIP_END_SIZE:
        return None
    return int(struct.unpack("<I", end[12:16])[0])


def _bounded(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    # A row number of a billion would be filled up with as many empty rows.
    for number, row in enumerate(rows):
        if number > _MAX_ROWS:
            msg = f"The sheet has more than {_MAX_ROWS} rows. Split it."
            raise SheetError(msg)
        yield row


def _dataset(rows: Any, *, escaped: bool = True) -> tablib.Dataset:
    """Return the rows below the first as a table; short rows are filled up."""
    rows = iter(rows)
    headers = [cell_text(cell).strip() for cell in next(rows, [])]
    if len(headers) > _MAX_COLUMNS:
        msg = f"The file has more than {_MAX_COLUMNS} columns. Remove some."
        raise SheetError(msg)
    dataset = tablib.Dataset(headers=headers)
    cells = 0
    for row in rows:
        if len(row) > _MAX_COLUMNS:
            msg = f"A row has more than {_MAX_COLUMNS} cells. Mend the file."
            raise SheetError(msg)
        texts = [cell_text(cell) for cell in row]
        if escaped:
            texts = [unescape_cell(text) for text in texts]
        if not any(texts):
            continue
        cells += len(texts)
        if cells > _MAX_CELLS:
            msg = f"The file has more than {_MAX_CELLS} cells. Split it."
            raise SheetError(msg)
        texts += [""] * (len(headers) - len(texts))
        dataset.append(texts[: len(headers)])
    return dataset


def _chain(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _decoded(data: Any, kind: str) -> str:
    """Return the text of a file; raise SheetError for one that is none."""
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    if data is None:
        msg = "The file is no longer there. Choose it again."
        raise SheetError(msg)
    if b"\0" in data[:_LOOKED_AT] or data.startswith(_ZIP):
        msg = f"This is no {kind} but something else. Choose its format, or save it."
        raise SheetError(msg)
    try:
        text = str(data, "utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"This file is not in UTF-8. Save it as {kind} in UTF-8."
        raise SheetError(msg) from error
    if "\0" in text:
        msg = "The file holds a character that no text can hold. Remove it."
        raise SheetError(msg)
    return text


def _written(text: str) -> str:
    """Return the text with what no sheet can hold written in the way of sheets."""
    written = _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    if len(written) > _MAX_CELL:
        msg = f"A cell has more than {_MAX_CELL} characters. Export as CSV."
        raise SheetError(msg)
    return written


def _plain(value: Any) -> str:
    if isinstance(value, dict | list):
        msg = "A row holds a list or an object. Send one value for each name."
        raise SheetError(msg)
    return (
        {True: "yes", False: "no"}[value]
        if isinstance(value, bool)
        else cell_text(value)
    )


FORMATS = [SafeCSV, SafeXLSX, SafeJSON]
