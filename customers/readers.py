"""Reading CSV, Excel and JSON files row by row and within limits.

A file is measured before it is read: a small one can unpack to a very large one, and a
few bytes can declare a million rows. Rows are yielded one at a time, so memory does not
grow with their number.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, TextIO
from xml.etree.ElementTree import Element

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

from audit.json_text import JsonObject, JsonValue
from customers.cells import cell_text, unescape_cell

# The escapes of characters that a sheet cannot hold.
_WRITTEN = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff]|[Ff]{3}[EeFf])_")
_DELIMITERS = ",;\t|"
# The first line of files that Excel is to split at a certain sign.
_SEPARATOR = re.compile(r"\Asep=([,;\t|])\r?\n?\Z", re.IGNORECASE)

# A job could load more, but a preview of more is of no use.
_MAX_BYTES = 50_000_000
_MAX_CELLS = 1_000_000
_MAX_COLUMNS = 200
_LONGEST_FIRST_LINE = 1_000_000
# Cells of a workbook, those included that are only there because of one behind them.
_MAX_EMPTY = 20_000_000
_MAX_ROWS = 200_000
# Of the list of parts in a zip: room for hundreds.
_MAX_DIRECTORY = 65_536
# Sheets of words and numbers shrink to a tenth or less, never to a hundredth.
_MAX_RATIO = 100
_SMALL_PART = 1_000_000
_ZIP = b"PK\x03\x04"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_SIZE = 22
_LOOKED_AT = 8192
_BETWEEN = re.compile(r"[ \t\r\n]*")
_WINDOWS = "cp1252"
# No spreadsheet writes these into a text.
_CONTROLS = re.compile(r"[\0-\x08\x0e-\x1f]")
_UNHELD = re.compile("[\0\ud800-\udfff]")
# A text that cells of a workbook share.
_TEXT_TAG = f"{{{SHEET_MAIN_NS}}}si"
_NO_TEXT = _("The file holds a character that no text can hold. Remove it.")
_NO_JSON = _("This is no JSON. Send a list of objects.")
_NO_LIST = _("Send a list of objects, one for each row.")

KINDS = ("csv", "xlsx", "json")
# What Excel saves as CSV in Western languages.
WINDOWS = "Windows-1252"


class SheetError(ValueError):
    """A file that cannot be read: a message with the fix, without its content."""


@dataclass(frozen=True)
class Sheet:
    """The columns of a file by the names in its first row, and the rows below.

    `rows` can be read once. Each is the number of the row in the file, where the first
    row is 1, and its cells as text. Short rows are filled up and empty ones left out; a
    row with more cells than there are columns keeps them. `assumed` names an encoding
    that the file does not prove, so that somebody looks at the letters.
    """

    columns: list[str]
    rows: Iterator[tuple[int, list[str]]]
    assumed: str = ""


def open_sheet(data: bytes, kind: str) -> Sheet:
    """Return the table in a file of a kind, one of KINDS.

    Raises SheetError for a file that is none of this kind; reading its rows may raise
    it, too.
    """
    if kind == "json":
        names, rows = _json_rows(data)
        return Sheet(_named(names), _measured(rows, len(names), start=2))
    text = None if kind == "xlsx" else CsvText(data)
    cells = _xlsx_rows(data) if text is None else _csv_rows(text)
    number, first = next(cells, (1, []))
    names = [cell.strip() for cell in first]
    while names and not names[-1]:
        names.pop()
    body = ([unescape_cell(cell) for cell in row] for _, row in cells)
    measured = _measured(body, len(names), start=number + 1)
    return Sheet(_named(names), measured, "" if text is None else text.assumed)


def _named(names: list[str]) -> list[str]:
    if len(names) > _MAX_COLUMNS:
        msg = gettext("The file has more than %(limit)s columns. Remove some.") % {
            "limit": _MAX_COLUMNS
        }
        raise SheetError(msg)
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if name and name in seen:
            msg = gettext(
                "Columns %(first)s and %(second)s have one name. Rename one."
            ) % {"first": seen[name], "second": number}
            raise SheetError(msg)
        seen[name] = number
    return names


def _measured(
    rows: Iterable[Sequence[str]], width: int, *, start: int
) -> Iterator[tuple[int, list[str]]]:
    total = 0
    for number, row in enumerate(rows, start=start):
        # A row number of a billion would be filled up with as many empty rows.
        if number > _MAX_ROWS + 1:
            msg = gettext("The file has more than %(limit)s rows. Split it.") % {
                "limit": _MAX_ROWS
            }
            raise SheetError(msg)
        cells = list(row)
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if len(cells) > _MAX_COLUMNS:
            raise _row_too_wide()
        if not any(cell.strip() for cell in cells):
            continue
        total += len(cells)
        if total > _MAX_CELLS:
            msg = gettext("The file has more than %(limit)s cells. Split it.") % {
                "limit": _MAX_CELLS
            }
            raise SheetError(msg)
        yield number, cells + [""] * (width - len(cells))


def _row_too_wide() -> SheetError:
    msg = gettext("A row has more than %(limit)s cells. Mend the file.")
    return SheetError(msg % {"limit": _MAX_COLUMNS})


# --- CSV --------------------------------------------------------------------------


class CsvText:
    """A file of delimited lines, in UTF-8, UTF-16 with its mark or Windows-1252.

    `delimiter` is what the file says in a line `sep=`, else what its first line has
    most of; empty if that has none. `assumed` names an encoding that the file does not
    prove. Raises SheetError for a file that is no such text.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._encoding = _encoding(data, "CSV")
        self.assumed = WINDOWS if self._encoding == _WINDOWS else ""
        first = self._open().readline(_LONGEST_FIRST_LINE + 1)
        if len(first) > _LONGEST_FIRST_LINE:
            msg = gettext(
                "The first row is too long to be one of columns. Mend the file."
            )
            raise SheetError(msg)
        match = _SEPARATOR.match(first)
        best = max(_DELIMITERS, key=first.count)
        self.delimiter = match[1] if match else best if best in first else ""
        self.is_separator_named = match is not None
        self._skipped = 1 if match else 0

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the lines with their numbers, without that of `sep=`."""
        lines = enumerate(self._open(), start=1)
        return islice(lines, self._skipped, None)

    def rows(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each row, with the number of its last line.

        Raises SheetError for a quote that is not closed: the rest of the file would be
        one cell.
        """
        lines = _Lines(self.lines())
        reader = csv.reader(lines, delimiter=delimiter)
        begun = self._skipped + 1
        try:
            for cells in reader:
                if lines.is_ended:
                    raise csv.Error
                yield lines.number, cells
                begun = lines.number + 1
        except csv.Error as error:
            msg = gettext(
                "In line %(line)s a quote is not closed, or a cell is too long. Mend "
                "the file."
            ) % {"line": begun}
            raise SheetError(msg) from error

    def _open(self) -> TextIO:
        return io.TextIOWrapper(
            io.BytesIO(self._data), encoding=self._encoding, newline=""
        )


class _Lines(Iterator[str]):
    """Lines for a reader, which asks for one too many where a quote is open."""

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        self.number = 0
        self.is_ended = False

    def __next__(self) -> str:
        self.number, line = next(self._lines, (self.number, ""))
        if not line:
            self.is_ended = True
            raise StopIteration
        return line


def _csv_rows(text: CsvText) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with their numbers, that of columns being the first or second."""
    start = 2 if text.is_separator_named else 1
    rows = text.rows(text.delimiter or _DELIMITERS[0])
    return ((number, cells) for number, (_, cells) in enumerate(rows, start=start))


def _encoding(data: bytes, kind: str) -> str:
    """Return the encoding of a text file; raise SheetError for another file."""
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Which begins with the mark of UTF-16.
    is_wider = data.startswith(codecs.BOM_UTF32_LE)
    if is_wide and not is_wider:
        encoding = "utf-16"
    elif b"\0" in data[:_LOOKED_AT] or data.startswith(_ZIP):
        msg = gettext(
            "This is no %(format)s but something else, such as a workbook or UTF-16 "
            "without its mark. Choose its format, or save it as %(format)s in UTF-8."
        ) % {"format": kind}
        raise SheetError(msg)
    else:
        encoding = "utf-8-sig"
    try:
        text = str(data, encoding)
    except UnicodeDecodeError as error:
        if kind == "CSV" and encoding != "utf-16" and _is_windows(data):
            return _WINDOWS
        msg = gettext("This file is not in UTF-8. Save it as %(format)s in UTF-8.") % {
            "format": kind
        }
        raise SheetError(msg) from error
    if "\0" in text:
        raise SheetError(_NO_TEXT)
    return encoding


def _is_windows(data: bytes) -> bool:
    """Tell whether a file that is no UTF-8 can be Windows-1252.

    Not one of which only some letters are broken: those of UTF-8 in it would be read as
    two or three others each.
    """
    try:
        text = str(data, _WINDOWS)
    except UnicodeDecodeError:
        return False
    whole = str(data, "utf-8", errors="ignore")
    return whole.isascii() and not _CONTROLS.search(text)


# --- JSON -------------------------------------------------------------------------


def _json_rows(data: bytes) -> tuple[list[str], Iterator[list[str]]]:
    text = str(data, _encoding(data, "JSON"))
    named = dict.fromkeys(name for item in _json_items(text) for name in item)
    names = [_json_cell(name) for name in named]
    rows = (
        [_json_cell(item.get(name)) for name in names] for item in _json_items(text)
    )
    return names, rows


def _json_items(text: str) -> Iterator[JsonObject]:
    """Yield the objects of a list one by one; digits stay as they were written."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    at = _after_blanks(text, 0)
    if text[at : at + 1] not in {"[", "{"}:
        raise SheetError(_NO_JSON)
    if text[at] != "[":
        raise SheetError(_NO_LIST)
    at = _after_blanks(text, at + 1)
    if text[at : at + 1] == "]":
        return
    while True:
        item, at = _decoded(decoder, text, at)
        if not isinstance(item, dict):
            raise SheetError(_NO_LIST)
        yield item
        at = _after_blanks(text, at)
        sign, at = text[at : at + 1], _after_blanks(text, at + 1)
        if sign == "]" and at == len(text):
            return
        if sign != ",":
            raise SheetError(_NO_JSON)


def _decoded(decoder: json.JSONDecoder, text: str, at: int) -> tuple[JsonValue, int]:
    try:
        return decoder.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise SheetError(_NO_JSON) from error


def _after_blanks(text: str, at: int) -> int:
    blanks = _BETWEEN.match(text, at)
    return blanks.end() if blanks else at


def _json_cell(value: object) -> str:
    if isinstance(value, str) and _UNHELD.search(value):
        raise SheetError(_NO_TEXT)
    if isinstance(value, dict | list):
        msg = gettext("A row holds a list or an object. Send one value for each name.")
        raise SheetError(msg)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cell_text(value)


# --- Excel ------------------------------------------------------------------------


def _xlsx_rows(data: bytes) -> Iterator[tuple[int, list[str]]]:
    check_archive(data)
    try:
        # A formula stays the text that it is; nothing is computed, nothing is lost.
        reader = _WorkbookReader(
            io.BytesIO(data), read_only=True, data_only=False, keep_links=False
        )
        reader.read()
        rows = reader.wb.active.iter_rows(values_only=True)
        for number, row in enumerate(_narrow(rows), start=1):
            yield number, [unescape_sheet_text(cell_text(cell)) for cell in row]
    except SheetError:
        raise
    except Exception as error:
        # A damaged part fails anywhere in the library, in any way.
        msg = gettext("This Excel file is damaged. Save it again as .xlsx or .csv.")
        raise SheetError(msg) from error


class _WorkbookReader(ExcelReader):
    """openpyxl's reader, which reads no more of a workbook than its rows need.

    The library reads all shared texts when it opens a workbook, and each sheet to its
    end when that does not begin with its size. Opened in a request for the names of
    its columns, a megabyte of short rows would cost seconds.
    """

    def read_strings(self) -> None:
        if part := self.package.find(SHARED_STRINGS):
            source = self.archive.open(part.PartName.lstrip("/"))
            self.shared_strings = _SharedTexts(source)

    def read_worksheets(self) -> None:
        # A chart counts, too: the number of the sheet that was open includes it.
        for sheet, part in self.parser.find_sheets():
            if part.target in self.valid_files:
                made = _Worksheet(self.wb, sheet.name, part.target, self.shared_strings)
                self.wb._sheets.append(made)


class _Worksheet(ReadOnlyWorksheet):
    def _get_size(self) -> None:
        """Look for no size: what a sheet claims would not be believed anyway."""


class _SharedTexts:
    """The texts that the cells of a workbook name by number, read as far as needed."""

    def __init__(self, source: IO[bytes]) -> None:
        self._texts: list[str] = []
        self._unread = (
            _text_of(node) for _, node in iterparse(source) if node.tag == _TEXT_TAG
        )

    def __getitem__(self, number: int) -> str:
        missing = number + 1 - len(self._texts)
        self._texts.extend(islice(self._unread, max(missing, 0)))
        return self._texts[number]


def _text_of(node: Element) -> str:
    text = Text.from_tree(node).content
    del node[:]
    return str(text)


def _narrow(rows: Iterable[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    """Cut off empty cells behind the allowed columns."""
    total = 0
    for row in rows:
        total += len(row)
        if total > _MAX_EMPTY:
            msg = gettext("The sheet has millions of empty cells. Save it as .csv.")
            raise SheetError(msg)
        rest = row[_MAX_COLUMNS:]
        if rest.count(None) < len(rest):
            raise _row_too_wide()
        yield row[:_MAX_COLUMNS]


def check_archive(data: bytes) -> None:
    """Raise SheetError for an invalid zip, or one that would unpack to too much.

    Reads the directory alone, which declares how much can be unpacked at most.
    """
    directory = _directory_size(data)
    if not data.startswith(_ZIP) or directory is None:
        msg = gettext("This is no Excel file. Save it as .xlsx or .csv.")
        raise SheetError(msg)
    if directory > _MAX_DIRECTORY:
        msg = gettext("The Excel file has too many parts. Save it as .csv.")
        raise SheetError(msg)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        msg = gettext("This is no Excel file. Save it as .xlsx or .csv.")
        raise SheetError(msg) from error
    if sum(info.file_size for info in infos) > _MAX_BYTES:
        msg = gettext("The sheet unpacks to more than %(limit)s bytes. Split it.") % {
            "limit": _MAX_BYTES
        }
        raise SheetError(msg)
    for info in infos:
        is_large = info.file_size > _SMALL_PART
        if is_large and info.file_size > _MAX_RATIO * max(info.compress_size, 1):
            msg = gettext(
                "The sheet unpacks to a hundred times its size. Save it as .csv."
            )
            raise SheetError(msg)


def unescape_sheet_text(text: str) -> str:
    """Return the text with escapes like `_x000D_` decoded."""
    return _WRITTEN.sub(_unescaped_character, text)


def _unescaped_character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    # NUL cannot be stored: its escape stays.
    return chr(number) if number else match[0]


def _directory_size(data: bytes) -> int | None:
    """Return the size of the directory of a zip; None without one."""
    place = data.rfind(_ZIP_END, max(0, len(data) - 65_557))
    end = data[place : place + _ZIP_END_SIZE]
    if place < 0 or len(end) < _ZIP_END_SIZE:
        return None
    return int(struct.unpack("<I", end[12:16])[0])
