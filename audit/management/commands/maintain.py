"""Remove what has served its time: answers, buckets, counters, tokens."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from audit import maintenance


class Command(BaseCommand):
    help = (
        "Remove stored answers of idempotency keys, rate buckets, counters of sign-in "
        "tries, expired tokens and files to import whose time is over. "
        "Nothing that was captured is touched. For a timer, once a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--yes", action="store_true", help="Do it; else only count."
        )

    def handle(self, *, yes: bool, **_: object) -> None:
        for name, count in maintenance.run_cleanups(only_count=not yes).items():
            verb = "removed" if yes else "to remove; add --yes"
            self.stdout.write(f"{name}: {count} {verb}")
