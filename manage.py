#!/usr/bin/env python3
"""The only entry point. Parses under Python 3.8, to be able to find a newer one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from config import bootstrap

# The commands that need no configuration at all, and what they start with.
SETTINGS = {"test": "tests.settings"}
DEMO_DEFAULTS = {"HOLDFAST_DEBUG": "true", "HOLDFAST_DEMO": "true"}


def main() -> None:
    """Run one command; say what is wrong with the installation in one line."""
    bootstrap.ensure(sys.argv)
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE", SETTINGS.get(command, "config.settings")
    )
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db import DatabaseError

        from config import database_errors, setup
    except ImportError as error:
        sys.exit(f"{error}. Run python3 manage.py setup, then the same command again.")
    try:
        if command == "setup":
            setup.run(sys.argv[2:])
            return
        if command == "demo":
            set_demo_defaults()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"configuration error: {one_line(error)}")
    except DatabaseError as error:
        if sentence := database_errors.explain(error):
            sys.exit(sentence)
        raise  # Our own fault.


def set_demo_defaults() -> None:
    """Let the demo start without configuration; the environment and .env win."""
    from config import env

    env.read_file(Path(__file__).resolve().parent / ".env")
    for name, value in DEMO_DEFAULTS.items():
        os.environ.setdefault(name, value)


def one_line(error: Exception) -> str:
    """Return the message without line breaks and without its full stop."""
    return " ".join(str(error).split()).rstrip(".")


if __name__ == "__main__":
    main()
