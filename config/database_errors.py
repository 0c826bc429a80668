"""What a database says when it cannot be used: one sentence, no trace in the log."""

from __future__ import annotations

import logging
import re

_FULL = (
    "Raise max_connections of the server or the limit of the role, or lower "
    "HOLDFAST_DATABASE_POOL and the number of workers."
)
# The first pattern that matches decides; the general ones come last.
_FIXES = [
    ("unable to open database file", "Fix the path or its rights."),
    ("readonly database", "Fix the rights of the file and of its folder."),
    ("disk is full|No space left", "Free some space and run the same command again."),
    ("file is not a database", "Fix DATABASE_URL, or move that file away."),
    (
        "disk image is malformed",
        "The file is damaged. Stop the server, keep a copy of the file and put back "
        "the last backup; `sqlite3 FILE .recover` reads what is left of it.",
    ),
    ("database is locked", "Stop the other program that writes to it."),
    (
        "failed to resolve host|could not translate host name",
        "Fix the host in DATABASE_URL.",
    ),
    (
        "password authentication failed|no password supplied",
        "Fix the user or the password in DATABASE_URL.",
    ),
    (
        "authentication failed|no pg_hba.conf entry",
        "Fix the user in DATABASE_URL, or pg_hba.conf of the server.",
    ),
    (
        'FATAL: role ".*" does not exist',
        "Make the role with createuser, or fix the user in DATABASE_URL.",
    ),
    (
        'FATAL: database ".*" does not exist',
        "Make the database with createdb, or fix DATABASE_URL.",
    ),
    ("FATAL: (?:sorry, )?too many|remaining connection slots", _FULL),
    (
        "system is starting up|in recovery mode",
        "Wait until the server is up and run the same command again.",
    ),
    ("connection|timeout expired", "Start the server, or fix DATABASE_URL."),
]


def explain(error: Exception) -> str | None:
    """Return what keeps the database from being used; None if it is our own fault.

    The sentence names user, host and database as the server does, and no password.
    """
    message = " ".join(str(error).split(" Is the server running")[0].split())
    for pattern, fix in _FIXES:
        if re.search(pattern, message):
            return f"The database cannot be used: {message.rstrip('.')}. {fix}"
    return None


class LoggedErrorFilter(logging.Filter):
    """Drops the trace of an error that config.unavailable logs in one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        from audit.database.outages import is_unavailable  # noqa: PLC0415 - log lines are set up before there are apps

        return not (record.exc_info and is_unavailable(record.exc_info[1]))
