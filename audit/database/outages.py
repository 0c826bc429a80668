"""Which errors say that the database cannot be used now; the others are our fault."""

from __future__ import annotations

import sqlite3

from django.db import InterfaceError, OperationalError

# Of the result codes of SQLite: busy, locked, no memory, read only, disk error,
# damaged, full, cannot be opened, locking protocol, no database. All else is a wrong
# statement.
_SQLITE = frozenset({5, 6, 7, 8, 10, 11, 13, 14, 15, 26})
# Of PostgreSQL, which its driver does not call operational: a server that only reads,
# as after a failover, and a transaction that idled for too long.
_POSTGRESQL = frozenset({"25006", "25P03"})
# A statement that no server could take: too many columns, too deep.
_TOO_COMPLEX = "54"
# Two transactions met, and this one had to give way: the next try may pass at once.
_GAVE_WAY = "40"


def is_unavailable(error: BaseException | None) -> bool:
    """Tell whether an error of the database goes away by itself or by its operator.

    Locked, full, away, without connections, too slow, read-only or damaged: the same
    request may pass later. A missing table or a wrong statement will not.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return _state(error) in _POSTGRESQL
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return code is not None and code & 0xFF in _SQLITE
    return not _state(error).startswith(_TOO_COMPLEX)


def gave_way(error: BaseException | None) -> bool:
    """Tell whether a transaction only lost against another one."""
    return _state(error).startswith(_GAVE_WAY)


def _state(error: BaseException | None) -> str:
    """Return the code of PostgreSQL; empty where no server said anything."""
    cause = getattr(error, "__cause__", None)
    return getattr(cause, "sqlstate", None) or ""
