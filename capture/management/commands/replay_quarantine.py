"""Take quarantined items after all, once what was wrong here is mended."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.actors import Actor
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

    def handle(self, *, code: str, reason: str, yes: bool, **_: Any) -> None:
        actor = Actor.system("replay_quarantine")
        rows = services.list_quarantined(actor=actor, code=code).order_by("pk")
        total = rows.count()
        if not yes:
            self.stdout.write(f"{total} open items. Add --yes to replay them.")
            return
        taken = services.replay_all(rows.iterator(), actor=actor, reason=reason or None)
        self.stdout.write(f"{taken} of {total} items are captures now.")
