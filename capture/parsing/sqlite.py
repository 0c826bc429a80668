"""A SQLite file of another program: opened without touching it, read row by row."""

from __future__ import annotations

import base64
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from audit.emails import fold_email
from capture.parsing.redaction_marks import NON_FINITE

_MAGIC = b"SQLite format 3\0"
# Files that a running or crashed program leaves next to its database.
_SIDECARS = ("-wal", "-journal")
# Whole numbers beyond it are not exact in a double.
_EXACT = 2**53
_LONGEST_LABEL = 64


class SQLiteError(Exception):
    """A file that cannot be read; the text says why and what to do."""


@dataclass(frozen=True)
class Table:
    """A table as the file names it; `key` is SQL for a unique key, if any."""

    name: str
    columns: tuple[str, ...]
    key: str | None


@dataclass(frozen=True)
class TableRecord:
    """One row: its key, how a report names it, and its values as SQLite has them."""

    key: str
    label: str
    values: dict[str, object]
    mark: bool = False


@contextmanager
def open_sqlite(path: Path) -> Iterator[SQLiteFile]:
    """Open a file for reading; raises SQLiteError with one sentence.

    Neither the file nor its neighbours are written to. It is opened as immutable,
    which would pass over a write-ahead log; so where a log or a journal with content
    exists, a private copy of all of them is read and removed afterwards.
    """
    _check(path)
    before = _state(path)
    if len(before) == 1:
        yield from _opened(path, f"{path.absolute().as_uri()}?mode=ro&immutable=1")
    else:
        yield from _copied(path, before)
    if _state(path) != before:
        raise SQLiteError(_changed(path))


def _check(path: Path) -> None:
    if not path.is_file():
        msg = f"There is no file {path}. Mend the path."
        raise SQLiteError(msg)
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}. Mend the rights."
        raise SQLiteError(msg) from error
    if start != _MAGIC:
        msg = (
            f"{path} is no SQLite database, or an encrypted one. Give the file as "
            "SQLite wrote it, decrypted."
        )
        raise SQLiteError(msg)


def _state(path: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of the file and of its sidecars that are not empty."""
    state = {}
    for name in ("", *_SIDECARS):
        sidecar = path.with_name(path.name + name)
        if sidecar.exists() and (stat := sidecar.stat()).st_size:
            state[name] = (stat.st_size, stat.st_mtime_ns)
    return state


def _changed(path: Path) -> str:
    return (
        f"{path} was changed while it was read. Stop the program that uses it and run "
        "this again; nothing is taken twice."
    )


def _copied(path: Path, before: dict[str, tuple[int, int]]) -> Iterator[SQLiteFile]:
    with tempfile.TemporaryDirectory(prefix="holdfast-import-") as folder:
        copy = Path(folder) / path.name
        try:
            for name in before:
                shutil.copyfile(path.with_name(path.name + name), f"{copy}{name}")
        except OSError as error:
            msg = f"{path} cannot be copied to {folder}: {error.strerror}."
            raise SQLiteError(msg) from error
        if _state(path) != before:
            raise SQLiteError(_changed(path))
        # SQLite finishes in the copy what the program left undone.
        yield from _opened(path, f"{copy.as_uri()}?mode=rw")


def _opened(path: Path, uri: str) -> Iterator[SQLiteFile]:
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        connection.text_factory = _decode_text
        # A file of strangers: none of its views and triggers may call functions, and
        # it may shrink under us without ending the process.
        for pragma in ("query_only=ON", "trusted_schema=OFF", "mmap_size=0"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("fold_email", 1, _fold_email, deterministic=True)
        yield SQLiteFile(path, connection)


def _fold_email(data: bytes | None) -> bytes | None:
    # Bytes: what is no UTF-8 would end the query.
    if data is None:
        return None
    return fold_email(_decode_text(data)).encode("utf-8", errors="surrogateescape")


def _decode_text(data: bytes) -> str:
    # What is no UTF-8 becomes lone surrogates, which a payload keeps exactly.
    return data.decode("utf-8", errors="surrogateescape")


class SQLiteFile:
    """An open file. One row at a time is in memory, however large the tables."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def tables(self) -> dict[str, Table]:
        """Return the tables of the file by their names in lower case."""
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [name for (name,) in self.values(query)]
        return {name.lower(): self._table(name) for name in names}

    def values(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query. Raises SQLiteError for a damaged file."""
        try:
            yield from self._connection.execute(sql)
        except sqlite3.DatabaseError as error:
            msg = (
                f"{self.path} is damaged or of a newer SQLite: {error}. What was read "
                "so far stands; mend the file with `sqlite3 FILE .recover`."
            )
            raise SQLiteError(msg) from error

    def records(self, table: Table, mark: str = "0") -> Iterator[TableRecord]:
        """Yield the rows of a table; `mark` is SQL that is true for those to mark."""
        key = table.key or "rowid"
        query = f"SELECT {key}, {mark}, * FROM {quoted(table.name)}"  # noqa: S608 - names are quoted
        for n, (pk, marked, *values) in enumerate(self.values(query), start=1):
            columns = dict(zip(table.columns, values, strict=True))
            name = str(pk) if table.key and pk is not None else f"row{pk or n}"
            yield TableRecord(name, _label(pk, name, n), columns, bool(marked))

    def _table(self, name: str) -> Table:
        columns_info = list(self.values(f"PRAGMA table_info({quoted(name)})"))
        columns = tuple(column[1] for column in columns_info)
        keys = [quoted(column[1]) for column in columns_info if column[5]]
        if not keys:
            # A copied table has lost its constraint, but not its ids.
            ids = [c for c in columns if c.lower() == "id" and self._is_unique(name, c)]
            keys = [quoted(column) for column in ids]
        return Table(name, columns, " || '.' || ".join(keys) or None)

    def _is_unique(self, table: str, column: str) -> bool:
        """Tell whether a column without a constraint is a key, as in a copied table."""
        quoted_column = quoted(column)
        query = (
            f"SELECT count(*) = count(DISTINCT {quoted_column}) FROM {quoted(table)}"  # noqa: S608 - names are quoted
        )
        return bool(next(self.values(query))[0])


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def plain_value(value: object) -> tuple[object, str | None]:
    """Return a value of SQLite as a message holds it, and what was done to it.

    Numbers keep the digits that were written; bytes that are no text come in base64.
    """
    if isinstance(value, float):
        return _exact_number(value), None
    if isinstance(value, bytes):
        try:
            return value.decode(), None
        except UnicodeDecodeError:
            return base64.b64encode(value).decode(), "binary_value"
    if isinstance(value, str) and not _is_whole(value):
        return value, "invalid_utf8"
    return value, None


def is_blank(values: Sequence[object]) -> bool:
    """Tell whether none of these values says anything."""
    return all(value in (None, "", [], {}) for value in values)


def _exact_number(value: float) -> object:
    if value.is_integer() and abs(value) < _EXACT:
        return int(value)
    number = Decimal(repr(value))
    return number if number.is_finite() else NON_FINITE


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _label(pk: object, name: str, n: int) -> str:
    """Return the key as a report may show it: a person's e-mail is none."""
    is_plain = isinstance(pk, int) or (
        isinstance(pk, str)
        and len(pk) <= _LONGEST_LABEL
        and all(c.isalnum() or c in "-_.:" for c in pk)
    )
    return name if is_plain else f"(row {n})"
