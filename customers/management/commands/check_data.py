"""List rows that break a rule of today."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.tenancy.actors import Actor
from customers import services


class Command(BaseCommand):
    help = (
        "List rows that break a rule of today, because they were stored before it, as "
        "CSV: the rule, the table, the id, the business, the column and what to write "
        "there. Changes nothing, and prints no stored value. Exit code 1 if there is "
        "one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rule", help="Only rows that break this one.")
        parser.add_argument(
            "--output", type=Path, help="Write the CSV to this file, not to the screen."
        )

    def handle(self, *, rule: str | None, output: Path | None, **_: Any) -> None:
        try:
            file = output.open("x", encoding="utf-8", newline="") if output else None
        except OSError as error:
            msg = f"{output} cannot be written: {error.strerror}. Name another file."
            raise CommandError(msg) from error
        writer = csv.writer(file or self.stdout)
        writer.writerow(field.name for field in fields(services.BrokenRule))
        broken: Counter[str] = Counter()
        try:
            for one in services.list_broken_rules(actor=Actor.system("check_data")):
                if rule in (None, one.rule):
                    broken[one.rule] += 1
                    writer.writerow(astuple(one))
        finally:
            if file:
                file.close()
        for name, count in sorted(broken.items()):
            self.stderr.write(f"{name}: {count}")
        if broken:
            sys.exit(1)
