"""Django's own migrate, one at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

# Any number that no other program of the database uses: "holdfast" in ASCII.
LOCK = 0x686F6C6466617374
WAITING = "Another migrate of this database runs; waiting for its end."


class Command(migrate.Command):
    help = f"{migrate.Command.help} Waits for another migrate of the same database."

    def execute(self, *args: Any, **options: Any) -> str | None:
        # Around the checks as well, which look at the database.
        with one_at_a_time(options["database"], say=self.stderr.write):
            done: str | None = super().execute(*args, **options)
            return done


@contextlib.contextmanager
def one_at_a_time(alias: str, *, say: Callable[[str], object]) -> Iterator[None]:
    """Hold the migration lock of a database; `say` is told once when that must wait.

    PostgreSQL: an advisory lock in a transaction on a connection of its own. It ends
    with the process, nothing that a migration does can lose it, and PgBouncer gives the
    connection to nobody else meanwhile. SQLite: a lock on a file beside the database.
    """
    # What only one of the two backends has is asked of it.
    connection: Any = connections[alias]
    if connection.vendor == "postgresql":
        with contextlib.closing(connection.copy()) as other, other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                say(WAITING)
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            yield
    elif connection.is_in_memory_db():
        yield
    else:
        path = Path(connection.settings_dict["NAME"])
        with locked_file(path.with_name(f"{path.name}.migrate"), say):
            # Made by SQLite, it would be readable by everybody of the machine.
            path.touch(0o600)
            yield


@contextlib.contextmanager
def locked_file(path: Path, say: Callable[[str], object]) -> Iterator[None]:
    """Hold a file of our own, made here and left there, or raise CommandError.

    A symbolic link in its place is refused: it could be somebody else's file.
    """
    import fcntl  # noqa: PLC0415 - not on Windows, which has no server of ours

    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(path, flags, 0o600)
    except OSError as error:
        msg = (
            f"{path} cannot be written ({error.strerror}). Fix the path in "
            "DATABASE_URL, or the rights of its folder."
        )
        raise CommandError(msg) from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(WAITING)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
