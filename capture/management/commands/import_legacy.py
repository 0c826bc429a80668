"""Load the SQLite database of the system that came before."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify

from audit.progress import Progress
from audit.tenancy.actors import Actor
from capture import services
from capture.services import LegacyReport, LegacyTable
from customers import services as customers


class Command(BaseCommand):
    help = (
        "Load a SQLite database with the tables customer_data_immutable, users, "
        "payment_data, questionnaire_data, dashboard_data or data_capture_audit. "
        "Every row is captured with its own time, none twice; wrong ones go to "
        "quarantine and are listed. The file is never written to."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The SQLite file.")
        parser.add_argument("--business", required=True, help="Slug or id.")
        parser.add_argument(
            "--source",
            default="legacy",
            help="Name of the source, made if there is none (default legacy). "
            "Another file with the same tables needs another name.",
        )
        parser.add_argument(
            "--time-zone",
            help="Zone of times that name none, like Europe/Oslo (default UTC).",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="Read and check everything and write nothing.",
        )

    def handle(
        self,
        *,
        file: Path,
        business: str,
        source: str,
        time_zone: str | None,
        check: bool,
        **_: object,
    ) -> None:
        actor = Actor.system("import_legacy")
        try:
            owner = customers.get_business(business, actor=actor)
        except ObjectDoesNotExist as error:
            msg = f"No business is called {business!r}. Write its slug or id."
            raise CommandError(msg) from error
        zone = find_zone(time_zone)
        if not slugify(source):
            msg = "The name of a source needs a letter or a digit."
            raise CommandError(msg)
        progress = Progress(self.stderr, "rows")
        try:
            with services.open_sqlite(file) as opened:
                report = services.import_legacy(
                    opened,
                    business=owner,
                    source=source,
                    actor=actor,
                    zone=zone,
                    check=check,
                    progress=lambda report: progress.update(report.read, report.total),
                )
        except (services.SQLiteError, ValueError) as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        progress.end()
        self.show_counts(report, is_check=check)

    def show_counts(self, report: LegacyReport, *, is_check: bool) -> None:
        for table in report.tables:
            self.stdout.write(line_of(table, "would be new" if is_check else "new"))
        waiting = sum(table.waiting for table in report.tables)
        if waiting:
            self.stdout.write(
                f"{waiting} messages name an e-mail and an id of different people, or "
                "somebody archived; decide under identity reviews in the admin."
            )
        for problem in report.problems:
            self.stderr.write(
                f"{problem.table} {problem.label}: {problem.code} {problem.pointer}"
            )
        total = sum(table.problems for table in report.tables)
        if total > len(report.problems):
            self.stderr.write(f"and {total - len(report.problems)} more.")
        if total and not is_check:
            self.stdout.write("Problems are in quarantine, in the admin.")
        if is_check:
            self.stdout.write("Nothing was written.")


def line_of(table: LegacyTable, new: str) -> str:
    """Return the line of one table; what did not happen is left out."""
    line = (
        f"{table.name}: {table.read} rows read, {table.new} captures {new}, "
        f"{table.repeated} known already, {table.problems} problems"
    )
    if table.unchanged:
        line += f", {table.unchanged} dashboards unchanged"
    if table.covered:
        line += f", {table.covered} payments told of by payment_data"
    if table.warnings:
        notes = ", ".join(f"{n} {code}" for code, n in sorted(table.warnings.items()))
        line += f" (notes: {notes})"
    return line


def find_zone(name: str | None) -> ZoneInfo | None:
    """Return a time zone by its name."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        msg = f"No time zone is called {name!r}. Write one like Europe/Oslo."
        raise CommandError(msg) from error
