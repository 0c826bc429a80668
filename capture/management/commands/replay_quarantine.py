"""Take quarantined items after all, once what was wrong here is mended."""

from __future__ import annotations

from itertools import chain

from django.core.management.base import BaseCommand, CommandParser

from audit.progress import Progress
from audit.tenancy.actors import Actor
from capture import services
from customers import services as customers


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
        items = services.list_quarantined(actor=actor, code=code)
        total = items.count()
        if not yes:
            self.stdout.write(f"{total} open items. Add --yes to replay them.")
            return
        progress = Progress(self.stdout, "items")
        taken = services.replay_all(
            chain.from_iterable(customers.by_key(items, 100)),
            actor=actor,
            reason=reason or None,
            on_each=lambda done: progress.update(done, total),
        )
        progress.end()
        self.stdout.write(f"{taken} of {total} items are captures now.")
