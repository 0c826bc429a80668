"""Django's backend for PostgreSQL, and connections that do not wait for ever."""

from __future__ import annotations

from typing import TypeVar

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg.abc import PQGen

from config.backends.waiting import WaitsOnce, seconds_left

_T = TypeVar("_T")
# The server ends a statement itself before that, by statement_timeout.
LONGEST_SECONDS = 35.0


class DatabaseWrapper(WaitsOnce, base.DatabaseWrapper):
    """One server, through the pool of the process or directly."""


def forget_reach(connection: Connection) -> None:
    """Let a connection of the pool be told anew for which businesses it reads.

    Each transaction is told so for itself. What some SQL has set for the whole session
    ends here, before somebody else's request gets the connection.
    """
    with connection.transaction():
        connection.execute("SELECT set_config('holdfast.businesses', '', false)")


class BoundedConnection(Connection):
    """A connection that is given up when the server says nothing for too long.

    A host that is gone without a word, or a server that hangs, sends no error, and no
    setting of the server can end the waiting for it.
    """

    def wait(
        self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None
    ) -> _T:
        """Wait for an answer. Raises OperationalError when none comes in time."""
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        left = seconds_left()
        limit = LONGEST_SECONDS if left is None else left
        try:
            return super().wait(gen, interval, limit)
        except OperationalError as error:
            if error.sqlstate is None:
                # The answer may still come, and would be taken for that of another.
                self.pgconn.finish()
            raise
