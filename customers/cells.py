"""Cells of spreadsheet files, safe from formula injection."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

# Tells spreadsheets that the file is UTF-8.
BYTE_ORDER_MARK = "\ufeff"

# What a spreadsheet takes for a formula: an operator first, also after blanks, also in
# its full-width form; or a leading tab or line break. Apostrophes of our own before it
# are counted in, so that one more can always be taken off again.
_INVISIBLE = r"[\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"
_RISKY = re.compile(rf"\A'*+(?:{_INVISIBLE}*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")


def escape_cell(text: str) -> str:
    """Return the text with an apostrophe before it if it could be a formula."""
    return f"'{text}" if _RISKY.match(text) else text


def unescape_cell(text: str) -> str:
    """Return the text without the apostrophe of `escape_cell`."""
    is_ours = text.startswith("'") and _RISKY.match(text[1:])
    return text[1:] if is_ours else text


def cell_text(cell: object) -> str:
    """Return a value as text: exact digits, an empty text for None."""
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return "" if cell is None else str(cell)


def utc_text(moment: datetime) -> str:
    """Return a time in the format of files and manifests."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def csv_line(cells: Iterable[str]) -> str:
    """Return one line of CSV, of cells that are escaped already.

    Quoted throughout: a program that separates by another sign would else make a cell
    of its own from the middle of a text.
    """
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    return out.getvalue()
