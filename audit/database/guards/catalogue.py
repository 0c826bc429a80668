"""What the database says of itself, as plain lines that can be compared and named.

One line for each table, column, constraint, index, trigger and so on: `what: how`. Free
of everything that differs between a database and its restored copy (numbers of rows in
the catalogue, places on disk, statistics, values of sequences), so that two copies have
the same lines and a difference has a name.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from audit.database.guards import catalogue_postgresql

# Tables first: what is said of a table that is not there is not said again.
_ORDER = ("table", "view", "rule", "inheritance", "trigger", "policy", "function")
_TABLES = _ORDER[:2]
_LONGEST = 100
# Text of a statement that white space may not be taken from.
_QUOTED = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])""")


def catalogue(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Return the sorted lines of a database."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        with transaction.atomic(using=using), connection.cursor() as cursor:
            pairs = catalogue_postgresql.definitions(cursor)
    else:
        # Without a transaction, which would wait for the lock of a writer.
        with connection.cursor() as cursor:
            pairs = _sqlite_definitions(cursor)
    return sorted(f"{_one_line(what)}: {_one_line(how)}" for what, how in pairs)


def missing_migrations(using: str = DEFAULT_DB_ALIAS) -> set[tuple[str, str]]:
    """Return the migrations of this code that the database lacks."""
    applied = MigrationRecorder(connections[using]).applied_migrations()
    return set(_migrations_of_code() - set(applied))


def compare(stored: list[str], current: list[str]) -> list[str]:
    """Return one sentence for each line that went, came or changed; none if equal."""
    lost, new = _by_object({*stored} - {*current}), _by_object({*current} - {*stored})
    # All of a table goes and comes with it.
    tables = {_table_of(what) for what in lost.keys() ^ new.keys() if _is_table(what)}
    sentences = {}
    for what in lost.keys() | new.keys():
        if _table_of(what) in tables and not _is_table(what):
            continue
        if what not in new:
            sentences[what] = f"{what} is missing."
        elif what not in lost:
            sentences[what] = f"{what} is not ours ({_short(new[what])})."
        else:
            before, now = _short_both(lost[what], new[what])
            sentences[what] = f"{what} was altered: {before} became {now}."
    return [sentences[what] for what in sorted(sentences, key=_rank)]


@cache
def _migrations_of_code() -> frozenset[tuple[str, str]]:
    # Reads a hundred files, which stay the same as long as this process runs.
    return frozenset(MigrationLoader(None).graph.nodes)


def _by_object(lines: set[str]) -> dict[str, str]:
    return {what: how for what, _, how in (line.partition(": ") for line in lines)}


def _rank(what: str) -> tuple[int, str]:
    kind = what.partition(" ")[0]
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), what)


def _is_table(what: str) -> bool:
    return what.partition(" ")[0] in _TABLES


def _table_of(what: str) -> str:
    return what.partition(" ")[2].partition(".")[0]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _short_both(before: str, now: str) -> tuple[str, str]:
    """Return two texts from a little before where they begin to differ."""
    pairs = zip(before, now, strict=False)
    same = next((n for n, (a, b) in enumerate(pairs) if a != b), len(before))
    start = max(0, same - _LONGEST // 4)
    lead = "…" if start else ""
    return lead + _short(before[start:]), lead + _short(now[start:])


def _one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


# --- SQLite -----------------------------------------------------------------------


def _sqlite_definitions(cursor: CursorWrapper) -> list[tuple[str, str]]:
    # What is called sqlite_… follows from the tables, or is statistics.
    cursor.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master "
        "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    )
    pairs = []
    for kind, name, table, sql in cursor.fetchall():
        what = name if kind in _TABLES else f"{table}.{name}"
        pairs.append((f"{kind} {what}", _digest(_without_spaces(sql))))
    cursor.execute(
        'SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden '
        "FROM sqlite_master m, pragma_table_xinfo(m.name) c WHERE m.type = 'table' "
        "AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY m.name, c.cid"
    )
    order: dict[str, list[str]] = {}
    for table, name, kind, is_set, default, key, hidden in cursor.fetchall():
        order.setdefault(table, []).append(name)
        parts = [
            kind,
            "not null" if is_set else "",
            f"default {default}" if default is not None else "",
            f"key {key}" if key else "",
            f"hidden {hidden}" if hidden else "",
        ]
        pairs.append((f"column {table}.{name}", ", ".join(p for p in parts if p)))
    return pairs + [(f"columns {table}", ", ".join(n)) for table, n in order.items()]


def _without_spaces(sql: str) -> str:
    parts = _QUOTED.split(sql)
    parts[::2] = [re.sub(r"\s+", " ", part) for part in parts[::2]]
    return "".join(parts).strip()


def _digest(text: str) -> str:
    return f"text {hashlib.sha256(text.encode()).hexdigest()[:32]}"
