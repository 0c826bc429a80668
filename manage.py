#!/usr/bin/env python3
"""The only entry point. Parses under Python 3.8, to be able to find a newer one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from config import bootstrap

# The commands that need no configuration at all, and what they start with.
SETTINGS = {"test": "tests.settings"}
DEMO_DEFAULTS = {"HOLDFAST_DEBUG": "true", "HOLDFAST_DEMO": "true"}
DATABASE_FIXES = {
    "unable to open database file": "Mend the path or its rights.",
    "readonly database": "Mend the rights of the file and of its folder.",
    "disk is full": "Free some space and run the same command again.",
    "No space left": "Free some space and run the same command again.",
    "file is not a database": "Mend DATABASE_URL, or move that file away.",
    "database is locked": "Stop the other program that writes to it.",
    "failed to resolve host": "Mend the host in DATABASE_URL.",
    "connection": "Start the server, or mend DATABASE_URL.",
}


def main() -> None:
    """Run one command; say what is wrong with the installation in one line."""
    bootstrap.ensure(sys.argv)
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "setup":
        sys.stdout.write("The packages are installed. Next: python3 manage.py demo\n")
        return
    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE", SETTINGS.get(command, "config.settings")
    )
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import DatabaseError
    except ImportError as error:
        sys.exit(f"{error}. Run python3 manage.py setup, then the same command again.")
    try:
        if command == "demo":
            set_demo_defaults()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"configuration error: {one_line(error)}")
    except DatabaseError as error:
        explain_database(error)


def set_demo_defaults() -> None:
    """Let the demo start without configuration; the environment and .env win."""
    from config import env

    env.read_file(Path(__file__).resolve().parent / ".env")
    for name, value in DEMO_DEFAULTS.items():
        os.environ.setdefault(name, value)


def explain_database(error: Exception) -> NoReturn:
    """Exit with one line if the database is out of reach; else it is our fault."""
    message = one_line(error).split(" Is the server running")[0]
    for sign, fix in DATABASE_FIXES.items():
        if sign in message:
            sys.exit(f"The database cannot be used: {message}. {fix}")
    raise error


def one_line(error: Exception) -> str:
    """Return the message without line breaks and without its full stop."""
    return " ".join(str(error).split()).rstrip(".")


if __name__ == "__main__":
    main()
