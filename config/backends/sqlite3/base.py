"""Django's backend for SQLite; servers never make a database where there is none."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.db import OperationalError
from django.db.backends.sqlite3 import base

from config.backends.waiting import WaitsOnce, is_in_request

# What takes the lock; inside of a transaction it has been taken.
_TAKES_LOCK = re.compile(r"\A\s*(begin|insert|update|delete|replace)\b", re.IGNORECASE)
# In which SQLite looks five times by itself.
_BUSY_TIMEOUT_MS = 30


class DatabaseWrapper(WaitsOnce, base.DatabaseWrapper):
    """One file. With the option `must_exist`, an error where there is none.

    SQLite would make an empty one in its place, and every table would be missing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Inside of what refuses to ask again after a failure.
        self.execute_wrappers.append(_look_often)

    def get_connection_params(self) -> dict[str, object]:
        params: dict[str, object] = super().get_connection_params()
        if params.pop("must_exist", False):
            params["database"] = f"file:{quote(str(params['database']))}?mode=rw"
        return params


def _look_often(
    execute: Callable[..., object],
    sql: object,
    params: object,
    many: bool,  # noqa: FBT001 - Django's signature
    context: dict[str, Any],
) -> object:
    """Look every few milliseconds whether the lock is free, as long as a request waits.

    SQLite does not hand its lock on in order, and by itself looks every tenth of a
    second only. Beside a job that takes the lock again and again it would find it taken
    each time, though it was free for half of it.
    """
    raw: sqlite3.Connection = context["connection"].connection
    # One of many rows may have been written when the next one finds the lock taken.
    waits = is_in_request() and not many and not raw.in_transaction
    if not waits or not _TAKES_LOCK.match(str(sql)):
        return execute(sql, params, many, context)
    (wait,) = raw.execute("PRAGMA busy_timeout").fetchone()
    deadline = time.monotonic() + wait / 1000
    raw.execute(f"PRAGMA busy_timeout = {min(wait, _BUSY_TIMEOUT_MS)}")
    try:
        while True:
            try:
                return execute(sql, params, many, context)
            except OperationalError as error:
                if not _is_locked(error) or time.monotonic() >= deadline:
                    raise
    finally:
        raw.execute(f"PRAGMA busy_timeout = {wait}")


def _is_locked(error: OperationalError) -> bool:
    code: int = getattr(error.__cause__, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY
