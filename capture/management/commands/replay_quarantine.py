"""Take quarantined items after all, once what was wrong here is mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.progress import Progress
from audit.tenancy.actors import Actor
from capture import services


class Command(BaseCommand):
    help = (
        "Replay the open items in quarantine, each on its own, and say how many are "
        "captures now. Without --yes it only counts them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--code", default="", help="Only items with this code.")
        parser.add_argument("--reason", default="", help="Kept with each decision.")
        parser.add_argument("--yes", action="store_true", help="Do it.")

    def handle(self, *, code: str, reason: str, yes: bool, **_: object) -> None:
        actor = Actor.system("replay_quarantine")
        items = services.list_quarantined(actor=actor, code=code).order_by("pk")
        total = items.count()
        if not yes:
            self.stdout.write(f"{total} open items. Add --yes to replay them.")
            return
        progress = Progress(self.stdout, "items")
        taken = services.replay_all(
            _by_key(items),
            actor=actor,
            reason=reason or None,
            on_each=lambda done: progress.update(done, total),
        )
        progress.end()
        self.stdout.write(f"{taken} of {total} items are captures now.")


def _by_key(queryset: Any) -> Iterator[Any]:
    """Yield rows a hundred at a time: no cursor stays open while they are written."""
    last = None
    while True:
        after = queryset if last is None else queryset.filter(pk__gt=last)
        batch = list(after[:100])
        yield from batch
        if not batch:
            return
        last = batch[-1].pk
