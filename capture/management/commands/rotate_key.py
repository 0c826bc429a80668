"""Replace a key by a new one; the old one works on for some days."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.tenancy.actors import Actor
from capture import services


class Command(BaseCommand):
    help = (
        "Make a key like the one that begins with PREFIX, print it once, and let the "
        "old one end after the overlap."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="The beginning that the admin shows.")
        parser.add_argument(
            "--days", type=int, default=7, help="How long the old key works on."
        )

    def handle(self, *, prefix: str, days: int, **_: object) -> None:
        actor = Actor.system("rotate_key")
        try:
            key = services.get_key(prefix, actor=actor)
            overlap = timedelta(days=max(days, 0))
            _new, text = services.rotate_key(key, actor=actor, overlap=overlap)
        except ObjectDoesNotExist as error:
            msg = f"No key begins with {prefix!r}. The admin lists them."
            raise CommandError(msg) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(text)
        self.stderr.write("This key is shown only now. Keep it where it is used.")
