"""Load a purchase log of a shop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.progress import Progress
from audit.tenancy.actors import Actor
from customers import services
from customers.readers import CsvText, SheetError
from customers.services import BadLine, Purchase, PurchaseColumns, PurchaseReport

if TYPE_CHECKING:
    from customers.models import Business

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": None}


class Command(BaseCommand):
    help = (
        "Load a purchase log: one line for each purchase, with a customer, a date, a "
        "quantity and an amount. Makes missing customers, loads no line twice, lists "
        "the lines that are wrong and loads the others. Exit code 1 if one was wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The file, in UTF-8.")
        parser.add_argument("--business", required=True, help="Slug or id.")
        parser.add_argument(
            "--create-business",
            action="store_true",
            help="Make the business if there is none of that slug.",
        )
        parser.add_argument(
            "--currency",
            help="ISO 4217 code of the amounts. Without: the business's own.",
        )
        parser.add_argument(
            "--delimiter",
            choices=["auto", *_DELIMITERS],
            default="auto",
            help="What separates the columns; auto looks at the first line.",
        )
        parser.add_argument(
            "--no-header",
            action="store_true",
            help="The first line is a purchase; columns are named by position.",
        )
        for name in ("customer", "date", "quantity", "amount"):
            parser.add_argument(
                f"--{name}",
                default=name,
                help=f"Column of the {name}: its name, or its position from 1.",
            )
        parser.add_argument(
            "--date-format",
            default="%Y-%m-%d",
            help="How dates are written (default %%Y-%%m-%%d).",
        )

    def handle(self, *, file: Path, **options: Any) -> None:
        actor = Actor.system("import_purchases")
        try:
            text = CsvText(file.read_bytes())
            if text.assumed:
                self.stderr.write(f"Read as {text.assumed}. Check letters like ä.")
            report = self.load(text, actor, options)
        except OSError as error:
            msg = f"{file} cannot be read: {error.strerror}. Mend the path."
            raise CommandError(msg) from error
        except SheetError as error:
            msg = f"{file}: {error} Nothing was loaded."
            raise CommandError(msg) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        for bad in report.bad:
            self.stderr.write(f"line {bad.line}: {bad.reason}")
        self.stdout.write(
            f"{report.purchases} purchases of {report.customers} new customers loaded, "
            f"{report.repeated} known already, {len(report.bad)} lines left out."
        )
        if report.bad:
            sys.exit(1)

    def load(
        self, text: CsvText, actor: Actor, options: dict[str, Any]
    ) -> PurchaseReport:
        """Read all of it first, so that a file that is wrong leaves nothing behind."""
        names = ("customer", "date", "quantity", "amount")
        choice = options["delimiter"]

        def read(currency: str) -> Iterator[Purchase | BadLine]:
            return services.read_purchases(
                text,
                columns=PurchaseColumns(**{name: options[name] for name in names}),
                delimiter=_DELIMITERS.get(choice, text.delimiter or None),
                has_header=not options["no_header"],
                date_format=options["date_format"],
                currency=currency,
            )

        # Lines are counted whatever their currency says of them.
        total = sum(1 for _ in read("EUR"))
        business = find_business(options, actor)
        currency = options["currency"] or business.currency
        services.check_currency(currency)
        progress = Progress(self.stderr, "lines")
        report = services.load_purchases(
            business,
            read(currency),
            currency=currency,
            actor=actor,
            progress=lambda report: progress.update(report.lines, total),
        )
        progress.end()
        return report


def find_business(options: dict[str, Any], actor: Actor) -> Business:
    """Return the business, made if that was asked for."""
    slug = options["business"]
    try:
        return services.get_business(slug, actor=actor)
    except ObjectDoesNotExist as error:
        if options["create_business"]:
            return services.create_business(
                slug, actor=actor, currency=options["currency"] or "EUR"
            )
        msg = f"No business is called {slug!r}. Add --create-business to make it."
        raise CommandError(msg) from error
