"""What a file would do: the preview of an import, and the rows that it rejects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from audit.database.batches import batched
from audit.tenancy.actors import Actor
from customers.models import ImportFile
from customers.readers import SheetError
from customers.services.imports.checking import RowChecker
from customers.services.imports.rows import IMPORT_OUTCOMES, NEW, REJECTED, CheckedRow
from customers.services.imports.uploads import (
    CONFIRMED,
    FILE_MISSING,
    PREVIEW,
    checker_of,
    decrypt_findings,
    encrypt_findings,
    open_upload,
)

# Rows of one outcome that a preview shows.
IMPORT_SAMPLE_SIZE = 50
# Rejected rows that are kept, to be mended and sent again; with so many letters.
_REJECTS, _REJECTED_LETTERS = 1000, 1_000_000
# Letters of a cell that a preview shows.
_LETTERS = 200
# Rows that a preview looks up at once.
_LOOKED_UP = 500
# The cells that tell a person which row is meant, the best first.
_WHO = ("name", "email", "customer", "reference", "id", "subject")

# Called with rows done, rows in all (0 while nobody knows) and the last row's number.
Step = Callable[[int, int, int], None]


def preview_import(
    upload: ImportFile, *, actor: Actor, step: Step | None = None
) -> dict[str, Any]:
    """Look at what a file would do, and keep the findings with it.

    Reads only, in batches and in no transaction, but for one update of the file's own
    row at the end. `step` is called after each batch. Raises SheetError for a file that
    turns out to be unreadable, ValidationError `confirmed` for one that was confirmed
    meanwhile, after the preview of somebody faster. See `import_findings` for what is
    returned.
    """
    started = timezone.now()
    headers, sheet = open_upload(upload)
    checker = checker_of(upload, headers, actor=actor)
    counts: Counter[str] = Counter(dict.fromkeys(IMPORT_OUTCOMES, 0))
    samples: dict[str, list[Any]] = {outcome: [] for outcome in IMPORT_OUTCOMES}
    rejects: list[Any] = []
    repeats: list[tuple[int, str, int]] = []
    noted = 0
    for batch in batched(sheet.rows, _LOOKED_UP):
        checked_rows = checker.check(batch)
        rejects = with_rejects(rejects, checked_rows)
        for checked in checked_rows:
            counts[checked.outcome] += 1
            noted += bool(checked.notes)
            repeats += [(checked.line, *repeat) for repeat in checked.repeats]
            if len(samples[checked.outcome]) < IMPORT_SAMPLE_SIZE:
                samples[checked.outcome].append(_sample(checked, checker))
        if step is not None:
            step(sum(counts.values()), 0, batch[-1][0])
    findings = {
        "total": sum(counts.values()),
        "counts": dict(counts),
        "noted": noted,
        "used": headers.used,
        "unknown": headers.unknown,
        "unread": headers.unread,
        "shown": samples,
        "header": sheet.columns,
        "rejects": rejects,
        "repeats": repeats,
    }
    preview = encrypt_findings(findings, upload, PREVIEW)
    open_row = ImportFile.objects.filter(pk=upload.pk, confirmed_at=None)
    if not open_row.update(preview=preview, previewed_at=started):
        if ImportFile.objects.filter(pk=upload.pk).exists():
            raise ValidationError(CONFIRMED, code="confirmed")
        raise SheetError(FILE_MISSING)
    upload.preview, upload.previewed_at = preview, started
    return findings


def import_findings(upload: ImportFile) -> dict[str, Any]:
    """Return what the preview found.

    `total` rows and `counts` of each outcome; the columns that are `used`, `unknown`
    and `unread`; the first rows of each outcome under `shown`, each with its `line`,
    the `key`, `business` and `label` of the stored row, `who` the file calls it,
    `changes` (column, before, after), `errors` (column, sentence) and `notes`. They
    hold people: mask `before` for whoever does not see such columns in clear.
    """
    return decrypt_findings(upload.preview, upload, PREVIEW)


def _sample(checked: CheckedRow, checker: RowChecker) -> dict[str, Any]:
    row, stored = checked.row, bool(checked.before)
    columns = checked.changes
    if checked.outcome == NEW:
        cells = checked.cells
        columns = [c for c in checker.table.plain if cells.get(c.name, "").strip()]
    changes = [
        [
            column.name,
            column.cell(checked.before.get(column.name))[:_LETTERS],
            column.cell(getattr(row, column.name))[:_LETTERS],
        ]
        for column in columns
    ]
    return {
        "line": checked.line,
        "key": str(row.pk) if stored else "",
        "business": str(row.business_id) if row is not None else "",
        "label": str(row) if stored else "",
        "who": next((t for n in _WHO if (t := checked.cells.get(n, "").strip())), "")[
            :_LETTERS
        ],
        "changes": changes,
        "errors": _errors_of(checked),
        "notes": checked.notes,
    }


def with_rejects(former: list[Any], checked_rows: list[CheckedRow]) -> list[Any]:
    """Return rejected rows as they are kept, with those of a batch that fit."""
    letters = sum(len(cell) for reject in former for cell in reject["cells"])
    rejects = list(former)
    for checked in checked_rows:
        if checked.outcome != REJECTED:
            continue
        letters += sum(map(len, checked.raw))
        if len(rejects) == _REJECTS or letters > _REJECTED_LETTERS:
            break
        errors = _errors_of(checked)
        rejects.append({"line": checked.line, "errors": errors, "cells": checked.raw})
    return rejects


def _errors_of(checked: CheckedRow) -> list[list[str]]:
    """Return the columns with what is wrong; a sentence may hold a long cell."""
    return [
        [name, " ".join(messages)[: 2 * _LETTERS]]
        for name, messages in checked.errors.items()
    ]
