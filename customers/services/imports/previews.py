"""The preview of an import: what a file would change, and which rows it rejects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from audit.database.batches import batched
from audit.json_text import JsonObject
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
# Rejected rows that are stored, to be fixed and sent again; and their characters.
_REJECTS, _REJECTED_LETTERS = 1000, 1_000_000
# Letters of a cell that a preview shows.
_LETTERS = 200
# Rows that a preview looks up at once.
_LOOKED_UP = 500
# The cells that identify a row for a reader, the best first.
_WHO = ("name", "email", "customer", "reference", "id", "subject")

# Called with rows done, rows in all (0 while unknown) and the last row's number.
Step = Callable[[int, int, int], None]


def preview_import(
    upload: ImportFile, *, actor: Actor, step: Step | None = None
) -> JsonObject:
    """Check a file without loading it, and store the findings with it.

    Reads in batches and in no transaction; writes one update of the file's row at the
    end, in the language of stored texts. `step` is called after each batch. Raises
    SheetError for an unreadable file,
    ValidationError `confirmed` for one that was confirmed meanwhile. See
    `import_findings` for what is returned.
    """
    started = timezone.now()
    headers, sheet = open_upload(upload)
    checker = checker_of(upload, headers, actor=actor)
    counts: Counter[str] = Counter(dict.fromkeys(IMPORT_OUTCOMES, 0))
    samples: dict[str, list[JsonObject]] = {outcome: [] for outcome in IMPORT_OUTCOMES}
    rejects: list[JsonObject] = []
    repeats: list[tuple[int, str, int]] = []
    noted = 0
    for batch in batched(sheet.rows, _LOOKED_UP):
        with translation.override(settings.LANGUAGE_CODE):
            checked_rows = checker.check(batch)
            rejects = with_rejects(rejects, checked_rows)
            for checked in checked_rows:
                counts[checked.outcome] += 1
                noted += bool(checked.notes)
                repeats += [(checked.line, *repeat) for repeat in checked.repeats]
                sample = samples[checked.outcome]
                # Those with a note are shown, wherever in the file they are.
                is_noted = bool(checked.notes) and noted <= IMPORT_SAMPLE_SIZE
                if is_noted or len(sample) < IMPORT_SAMPLE_SIZE:
                    sample.append(_sample(checked, checker))
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
        "assumed": sheet.assumed,
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


def import_findings(upload: ImportFile) -> JsonObject:
    """Return the findings of the preview.

    `total` rows and `counts` of each outcome; the columns that are `used`, `unknown`
    and `unread`; the encoding that is `assumed`, if it is; under `shown` the first rows
    of each outcome and the first ones with a note, each with its `line`,
    the `key`, `business` and `label` of the stored row, `who` (its name in the file),
    `changes` (column, before, after), `errors` (column, message) and `notes`. They hold
    personal data: mask `before` for users who see such columns masked.
    """
    return decrypt_findings(upload.preview, upload, PREVIEW)


def _sample(checked: CheckedRow, checker: RowChecker) -> JsonObject:
    instance, stored = checked.instance, bool(checked.before)
    columns = checked.changes
    if checked.outcome == NEW:
        cells = checked.cells
        columns = [c for c in checker.table.plain if cells.get(c.name, "").strip()]
    changes = [
        [
            column.name,
            column.cell(checked.before.get(column.name))[:_LETTERS],
            column.cell(getattr(instance, column.name))[:_LETTERS],
        ]
        for column in columns
    ]
    return {
        "line": checked.line,
        "key": str(instance.pk) if stored else "",
        "business": str(instance.business_id) if instance is not None else "",
        "label": str(instance) if stored else "",
        "who": next((t for n in _WHO if (t := checked.cells.get(n, "").strip())), "")[
            :_LETTERS
        ],
        "changes": changes,
        "errors": _errors_of(checked),
        "notes": checked.notes,
    }


def with_rejects(
    former: list[JsonObject], checked_rows: list[CheckedRow]
) -> list[JsonObject]:
    """Return the stored rejects with those of a batch, as far as they fit."""
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
    """Return the errors by column, shortened: a message may quote a long cell."""
    return [
        [name, " ".join(messages)[: 2 * _LETTERS]]
        for name, messages in checked.errors.items()
    ]
