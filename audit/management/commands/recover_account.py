"""Restore access for a person who was locked out or lost the second factor."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import accounts
from audit.tenancy.actors import Actor

_DISABLED = (
    "the account is disabled, and nobody signs in with it: an owner of the platform "
    "ticks Active under Users. Where no owner is left, make one: "
    "python3 manage.py createsuperuser"
)


class Command(BaseCommand):
    help = (
        "Clear the sign-in locks of a staff account and, if asked, remove its second "
        "factor, which ends its sessions and tokens. Shows what would happen unless "
        "--yes is given. Passwords are changed by changepassword."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="The user name of the account.")
        parser.add_argument(
            "--second-factor",
            action="store_true",
            help="Remove the authenticator, the passkeys and the recovery codes too.",
        )
        parser.add_argument(
            "--pin",
            action="store_true",
            help="Take the PIN away too; a new one can be set at once, also by "
            "somebody who waits for an earlier release.",
        )
        parser.add_argument("--yes", action="store_true", help="Do it; else only show.")

    def handle(
        self, *, username: str, second_factor: bool, pin: bool, yes: bool, **_: object
    ) -> None:
        actor = Actor.system("recover_account")
        user = accounts.list_users(actor=actor).filter(username=username).first()
        if user is None:
            msg = f"No account is called {username!r}. Nothing was changed."
            raise CommandError(msg)
        if not user.is_active:
            self.stdout.write(_DISABLED)
        if not yes:
            more = " and remove its second factor" if second_factor else ""
            more += " and take its PIN away" if pin else ""
            self.stdout.write(f"would clear its locks{more}; add --yes")
            return
        accounts.clear_sign_in_locks(user, actor=actor)
        self.stdout.write("cleared its sign-in locks")
        if pin:
            done = accounts.release_pin(user, actor=actor, at_once=True)
            self.stdout.write("took its PIN away" if done else "it has no PIN")
        if second_factor:
            done = accounts.reset_second_factor(user, actor=actor)
            self.stdout.write(
                "removed its second factor" if done else "it has no second factor"
            )
