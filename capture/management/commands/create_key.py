"""Make a key for a site or a server that sends captures."""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.tenancy.actors import Actor
from capture import services
from capture.choices import SCOPES, KeyKind
from customers import services as customers


class Command(BaseCommand):
    help = (
        "Make a key for a site or a server that sends captures, and print it once. "
        "Makes the source if there is none of that name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--business", required=True, help="Slug or id.")
        parser.add_argument("--source", required=True, help="Name of the source.")
        parser.add_argument(
            "--kind",
            choices=KeyKind.values,
            default=KeyKind.PUBLISHABLE,
            help="publishable for web pages, secret for servers.",
        )
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            help="Origin of a page that may use the key; repeat for several.",
        )
        parser.add_argument(
            "--scope",
            action="append",
            choices=SCOPES,
            default=[],
            help="What the key may do; repeat for several. Without: write.",
        )

    def handle(
        self,
        *,
        business: str,
        source: str,
        kind: str,
        origin: list[str],
        scope: list[str],
        **_: object,
    ) -> None:
        actor = Actor.system("create_key")
        try:
            owner = customers.get_business(business, actor=actor)
        except ObjectDoesNotExist as error:
            msg = f"No business is called {business!r}. Write its slug or id."
            raise CommandError(msg) from error
        try:
            place = services.get_or_create_source(owner, source, actor=actor)
            _key, text = services.create_key(
                place, actor=actor, kind=kind, origins=origin, scopes=scope
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(text)
        self.stderr.write("This key is shown only now. Keep it where it is used.")
