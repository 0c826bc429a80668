"""Django's own migrate, one at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

# Any number that no other program of the database uses: "holdfast" in ASCII.
LOCK = 0x686F6C6466617374


class Command(migrate.Command):
    help = f"{migrate.Command.help} Waits for another migrate of the same database."

    def handle(self, *args: Any, database: str, **options: Any) -> str | None:
        with one_at_a_time(database, say=self.stderr.write):
            done: str | None = super().handle(*args, database=database, **options)
            return done


@contextlib.contextmanager
def one_at_a_time(alias: str, *, say: Any) -> Iterator[None]:
    """Hold the migration lock of a database; `say` is told once when that must wait.

    PostgreSQL: an advisory lock, on a connection of its own, so that it ends with the
    process, and nothing that a migration does can lose it. SQLite: a lock on a file
    beside the database.
    """
    connection: Any = connections[alias]
    waiting = "Another migrate of this database runs; waiting for its end."
    if connection.vendor == "postgresql":
        with contextlib.closing(connection.copy()) as own, own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                say(waiting)
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            yield
    elif connection.is_in_memory_db():
        yield
    else:
        with _lock_file(Path(f"{connection.settings_dict['NAME']}.migrate")) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(waiting)
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _lock_file(path: Path) -> IO[bytes]:
    try:
        return path.open("wb")
    except OSError as error:
        msg = (
            f"{path} cannot be written ({error.strerror}). Mend the path in "
            "DATABASE_URL, or the rights of its folder."
        )
        raise CommandError(msg) from error
