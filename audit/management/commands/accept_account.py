"""Accept an account as it is stored, after an operator has reviewed it."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import accounts
from audit.tenancy.actors import Actor


class Command(BaseCommand):
    help = (
        "Sign an account and its roles as they stand, after they were changed past the "
        "hub: with SQL, or by a restored backup of one table. Shows them, and does it "
        "only with --yes. Sessions and tokens of the account end."
    )

    # What it mends is what a check reports.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="The user name of the account.")
        parser.add_argument("--yes", action="store_true", help="Do it; else only show.")

    def handle(self, *, username: str, yes: bool, **_: object) -> None:
        actor = Actor.system("accept_account")
        user = accounts.list_users(actor=actor).filter(username=username).first()
        if user is None:
            msg = f"No account is called {username!r}. Nothing was changed."
            raise CommandError(msg)
        for fact in accounts.describe_account(user):
            self.stdout.write(fact)
        if not yes:
            self.stdout.write("would accept this as it stands; add --yes")
            return
        accounts.accept_account(user, actor=actor)
        self.stdout.write("accepted; its sessions and tokens have ended")
