"""Compare every projection with its captures, and repair it."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.progress import Progress
from audit.tenancy.actors import Actor
from capture import services


class Command(BaseCommand):
    help = (
        "Recompute links, typed captures, the figures of customers and the index by "
        "which they are searched, list what differed and repair it. Exit code 1 with "
        "--check when something differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Only look; change nothing."
        )

        parser.add_argument(
            "--capture", type=UUID, help="Only this capture, by its id."
        )

    def handle(self, *, check: bool, capture: UUID | None, **_: object) -> None:
        count = 0
        verb = "differs" if check else "repaired"
        actor = Actor.system("rebuild_projections")
        progress = Progress(self.stderr, "captures")
        for difference in services.rebuild(
            repair=not check, actor=actor, capture_id=capture, progress=progress.update
        ):
            count += 1
            self.stdout.write(
                f"{verb}: {difference.table} {difference.object_id} {difference.column}"
            )
        progress.end()
        self.stdout.write(f"{count} differences.")
        if count and check:
            msg = "Run the command without --check to repair them."
            raise CommandError(msg)
