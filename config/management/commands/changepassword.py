"""Django's changepassword, but as the hub changes passwords: an event, sessions end."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.contrib.auth.management.commands import changepassword
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from audit import accounts
from audit.database.signed import AccountAltered
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from audit.models import User

_TRIES = 3


class Command(changepassword.Command):
    help = (
        "Give a staff account a new password, which is asked for twice. Its sessions "
        "and tokens end."
    )

    _get_pass: Callable[..., str]

    def handle(self, *, username: str | None, **_: object) -> str:
        username = username or getpass.getuser()
        actor = Actor.system("changepassword")
        user = accounts.list_users(actor=actor).filter(username=username).first()
        if user is None:
            msg = f"user {username!r} does not exist"
            raise CommandError(msg)
        self.stdout.write(f"Changing password for user '{user}'")
        password = self._ask(user)
        try:
            accounts.change_password(user, password, actor=actor)
        except AccountAltered as error:
            raise CommandError(str(error)) from error
        return f"Password changed successfully for user '{user}'"

    def _ask(self, user: User) -> str:
        """Return a password that was typed twice and is allowed."""
        for _ in range(_TRIES):
            password = self._get_pass()
            if password != self._get_pass("Password (again): "):
                self.stdout.write("Passwords do not match. Please try again.")
                continue
            try:
                validate_password(password, user)
            except ValidationError as error:
                self.stderr.write("\n".join(error.messages))
                continue
            return password
        msg = f"Aborting password change for user '{user}' after {_TRIES} attempts"
        raise CommandError(msg)
