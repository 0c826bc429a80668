"""TEST_RUNNER: makes `manage.py test` and pytest the same thing."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import NoReturn

from django.core.management.base import CommandError, CommandParser


class PytestRunner:
    """Becomes pytest; labels, and arguments after `--`, go to it as they are."""

    def __init__(
        self, *, verbosity: int = 1, failfast: bool = False, **_: object
    ) -> None:
        self.options = {0: ["-q"], 1: []}.get(verbosity, ["-v"])
        if failfast:
            self.options.append("--exitfirst")

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Add the one usual option that Django's own runner brings along."""
        parser.add_argument(
            "--failfast", action="store_true", help="Stop at the first failure."
        )

    def run_tests(self, test_labels: tuple[str, ...], **_: object) -> NoReturn:
        """Replace this process, so that exit status and Ctrl+C are pytest's own."""
        if find_spec("pytest_django") is None:
            msg = "pytest is missing. Install requirements/dev.txt, with its hashes."
            raise CommandError(msg)
        # pytest takes the settings from pyproject.toml, like anybody who calls it.
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        # Parallel for the whole suite; starting workers for a few tests costs more.
        workers = [] if test_labels else ["-n", "auto", "--maxprocesses", "8"]
        command = [sys.executable, "-m", "pytest", *workers, *self.options]
        sys.stdout.flush()
        os.execv(sys.executable, [*command, *test_labels])  # noqa: S606 - no shell, and what the operator typed
