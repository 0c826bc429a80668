"""Fill a demo with made-up people."""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from audit.tenancy.actors import Actor
from config import seeding
from customers import services


class Command(BaseCommand):
    help = (
        "Make two businesses and the five customers of the demo, with --full a whole "
        "hub in use, and any number of generated customers besides, the same for the "
        "same numbers. Refuses on a database that is no demo or has customers, unless "
        "--force is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--customers",
            type=int,
            default=0,
            metavar="N",
            help="Generate N customers besides the five (default 0).",
        )
        parser.add_argument(
            "--seed",
            type=int,
            default=1,
            metavar="S",
            help="Where what is made up starts from (default 1).",
        )
        parser.add_argument(
            "--full",
            action="store_true",
            help="Make some two hundred people with captures, tickets, refunds, staff "
            "and whatever else a page shows, in both businesses.",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Fill this database although it is no demo or has customers.",
        )

    def handle(
        self, *, customers: int, seed: int, full: bool, force: bool, **_: object
    ) -> None:
        actor = Actor.system("seed")
        if services.list_businesses(actor=actor).filter(slug=seeding.BAKERY).exists():
            how = seeding.how_to_add_more(customers)
            msg = f"The demo is in this database already. {how}"
            raise CommandError(msg)
        if not force:
            require_demo(actor)
        with transaction.atomic():
            bakery, rival = seeding.make_businesses(actor)
            seeding.make_named_customers(bakery, rival, actor)
            total = seeding.fill_hub(bakery, rival, seed, actor) if full else 0
            for done in seeding.make_customers(bakery, customers, seed, actor):
                if self.stdout.isatty():
                    self.stdout.write(f"\r{done} of {customers} customers", ending="")
        made = f"a hub of {total}" if full else f"{len(seeding.NAMED)} demo"
        self.stdout.write(f"Made {made} customers and {customers} generated ones.")


def require_demo(actor: Actor) -> None:
    """Raise CommandError on a database that real people may be in."""
    if not settings.DEMO:
        msg = (
            "This is no demo: HOLDFAST_DEMO is not true. Set it, or add --force to put "
            "made-up people into this database."
        )
        raise CommandError(msg)
    customer = apps.get_model("customers", "Customer")
    if services.list_visible(customer, actor=actor).exists():
        msg = (
            "The database has customers. Name an empty one in DATABASE_URL, or add "
            "--force to put made-up people beside them."
        )
        raise CommandError(msg)
