"""Django's backend for SQLite; servers never make a database where there is none."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.db.backends.sqlite3 import base

from config.backends.waiting import WaitsOnce


class DatabaseWrapper(WaitsOnce, base.DatabaseWrapper):
    """One file. With the option `must_exist`, an error where there is none.

    SQLite would make an empty one in its place, and every table would be missing.
    """

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        if params.pop("must_exist", False):
            params["database"] = f"file:{quote(str(params['database']))}?mode=rw"
        return params
