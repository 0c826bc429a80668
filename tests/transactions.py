"""What a block of code wrote, transaction by transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

_WRITES = ("INSERT", "UPDATE", "DELETE")


@dataclass
class Written:
    """One transaction: how many statements it ran, and how many rows they wrote."""

    owner: Any
    statements: int = 0
    rows: int = 0


@dataclass
class Watch:
    """The transactions of a block; a statement of autocommit that writes is one, too.

    On SQLite each of them holds the one lock of the database from its first statement
    on, whether it writes or not.
    """

    transactions: list[Written] = field(default_factory=list)

    @property
    def statements(self) -> int:
        """Statements of the longest transaction."""
        return max((one.statements for one in self.transactions), default=0)

    @property
    def rows(self) -> int:
        """Rows that the largest transaction wrote."""
        return max((one.rows for one in self.transactions), default=0)

    def __call__(
        self, execute: Any, sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        result = execute(sql, params, many, context)
        is_write = sql.lstrip().upper().startswith(_WRITES)
        if sql.startswith("BEGIN") or not (connection.in_atomic_block or is_write):
            return result
        # The outermost block; kept, so that its identity is not given to another one.
        owner = connection.atomic_blocks[0] if connection.in_atomic_block else object()
        if not self.transactions or self.transactions[-1].owner is not owner:
            self.transactions.append(Written(owner))
        self.transactions[-1].statements += 1
        if is_write:
            rows = len(params) if many else context["cursor"].rowcount
            self.transactions[-1].rows += max(rows, 0)
        return result


@contextmanager
def watched_writes() -> Iterator[Watch]:
    """Note what the block writes. For a test whose own database has no transaction."""
    watch = Watch()
    with connection.execute_wrapper(watch):
        yield watch
