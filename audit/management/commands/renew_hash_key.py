"""Sign and encrypt again what a former HASH_KEY has made."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandParser

from audit import maintenance
from audit.tenancy.actors import Actor


class Command(BaseCommand):
    help = (
        "After HOLDFAST_HASH_KEY was replaced, and the former one moved to "
        "HOLDFAST_HASH_KEY_OLD: sign and encrypt again what the former one has made, a "
        "few rows at a time beside the running server, and say what is left. Without "
        "--yes it only counts. It may be stopped anywhere and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--yes", action="store_true", help="Do it; else only count."
        )
        parser.add_argument(
            "--end-rest",
            action="store_true",
            help="Also end what cannot follow by itself: unused recovery codes, PINs, "
            "and capture keys that were not used since. Their people get a mail.",
        )

    def handle(self, *, yes: bool, end_rest: bool, **_: object) -> None:
        actor = Actor.system("renew_hash_key")
        steps = [maintenance.renew_outdated] if yes else []
        steps += [maintenance.end_outdated] if yes and end_rest else []
        for step in steps:
            for name, done, of in step(actor=actor):
                self.stdout.write(f"{name}: {done} of {of}")
        left = maintenance.count_outdated()
        for name, count in left.items():
            self.stdout.write(f"{name}: {count} still of a former key")
        if not left:
            self.stdout.write("nothing needs HOLDFAST_HASH_KEY_OLD")
        elif not yes:
            self.stdout.write("to sign and encrypt again; add --yes")
