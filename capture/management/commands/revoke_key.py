"""End a key at once."""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.tenancy.actors import Actor
from capture import services


class Command(BaseCommand):
    help = "End the key that begins with PREFIX at once; what it sends is refused."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="The beginning that the admin shows.")
        parser.add_argument("--reason", required=True, help="Kept in its history.")

    def handle(self, *, prefix: str, reason: str, **_: object) -> None:
        actor = Actor.system("revoke_key")
        try:
            key = services.get_key(prefix, actor=actor)
        except ObjectDoesNotExist as error:
            msg = f"No key begins with {prefix!r}. The admin lists them."
            raise CommandError(msg) from error
        services.revoke_key(key, actor=actor, reason=reason)
        self.stdout.write("Revoked.")
