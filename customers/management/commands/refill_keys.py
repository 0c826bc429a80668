"""Compute the keys of people and accounts anew."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import accounts
from audit.progress import Progress
from audit.tenancy.actors import Actor
from customers import services


class Command(BaseCommand):
    help = (
        "Compute anew by what people are found and compared: the keys of e-mail "
        "addresses, phone numbers and names, of customers, contacts, addresses and "
        "accounts, and the index of searches. Writes those that differ, each with its "
        "history, and lists those that two would have, which stay as they are. Exit "
        "code 1 if there are such, and with --check if one differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Only look; change nothing."
        )

    def handle(self, *, check: bool, **_: object) -> None:
        actor = Actor.system("refill_keys")
        verb = "differs" if check else "refilled"
        count = taken = 0
        progress = Progress(self.stderr, "rows")
        for stale in services.refill_keys(
            repair=not check, actor=actor, progress=progress.update
        ):
            count += 1
            name = f"{stale.table} {stale.object_id}"
            if stale.holder is None:
                self.stdout.write(f"{verb}: {name} {', '.join(stale.columns)}")
            else:
                taken += 1
                self.stdout.write(f"the same person? {name} and {stale.holder}")
        progress.end()
        for user, holder in accounts.refill_account_keys(repair=not check):
            count += 1
            if holder is None:
                self.stdout.write(f"{verb}: audit.User {user.pk} email_key")
            else:
                taken += 1
                self.stdout.write(f"the same address: {user.pk} and {holder.pk}")
        self.stdout.write(f"{count} differed, {taken} of them are of somebody else.")
        if taken:
            msg = (
                "Those stay as they are: archive one of the two, or correct an "
                "address, and run the command again."
            )
            raise CommandError(msg)
        if count and check:
            msg = "Run the command without --check to write them."
            raise CommandError(msg)
