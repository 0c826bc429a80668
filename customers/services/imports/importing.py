"""Importing a file: keep it, look at what it would do, load it in batches.

Nothing here knows of HTTP: a page calls these functions inside a request, a job calls
the same ones. A file belongs to whoever uploaded it; nobody else finds it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit import accounts, clock, log, maintenance
from audit.crypto import lock_up, unlock
from audit.database.batches import in_batches
from audit.ids import uuid7
from audit.tenancy.actors import Actor
from customers.cells import BYTE_ORDER_MARK, csv_line, escape_cell
from customers.models import Business, ImportContent, ImportFile
from customers.models.import_file import a_day_from_now
from customers.readers import Sheet, SheetError, open_sheet
from customers.services.imports.checking import RowChecker, batches
from customers.services.imports.loading import BATCH, LoadedBatch, load_batch
from customers.services.imports.rows import (
    CHANGED,
    NEW,
    OUTCOMES,
    REJECTED,
    WHOLE,
    CheckedRow,
    Repeat,
)
from customers.services.imports.tables import (
    IMPORT_TABLES,
    Headers,
    ImportTable,
    cell_of,
    read_headers,
)

_CONTENT, _PREVIEW, _REPORT = "import file", "import preview", "import report"


def _owner(upload: ImportFile) -> bytes:
    # Whoever writes to the database gives nobody's file to somebody else.
    return upload.pk.bytes + upload.uploaded_by_id.bytes


# What a new HASH_KEY encrypts again: files, what was found in them, what was refused.
KEYED_FILES = [
    maintenance.sealed_column(
        ImportContent.objects.all,
        "content",
        purpose=_CONTENT,
        owner=lambda row: _owner(row.file),
    ),
    maintenance.sealed_column(
        ImportFile.objects.all, "preview", purpose=_PREVIEW, owner=_owner
    ),
    maintenance.sealed_column(
        ImportFile.objects.all, "report", purpose=_REPORT, owner=_owner
    ),
]
# Rows and bytes whose preview a request can wait for; more is work for a job.
INLINE_ROWS = 2000
INLINE_BYTES = 200_000
# Rows of one outcome that a preview shows.
SHOWN = 50
# Rejected rows that are kept, to be mended and sent again; with so many letters.
REJECTS, _REJECTED_LETTERS = 1000, 1_000_000
# Letters of a cell that a preview shows.
_LETTERS = 200
# Rows that a preview looks up at once.
_LOOKED_UP = 500
_REASON = "imported"
# The cells that tell a person which row is meant, the best first.
_WHO = ("name", "email", "customer", "reference", "id", "subject")
_FILE_MISSING = "The file is no longer there. Choose it again."
_CONFIRMED = "This file was confirmed meanwhile, and is being loaded."
# Files that one person has kept at once; each is kept for a day, unless removed.
MOST_FILES = 100

# Called with rows done, rows in all (0 while nobody knows) and the last row's number.
Step = Callable[[int, int, int], None]


# --- the file ---------------------------------------------------------------------


def keep_upload(
    data: bytes,
    *,
    name: str,
    kind: str,
    table: ImportTable,
    business: Business,
    actor: Actor,
    clear_empty: bool = False,
) -> ImportFile:
    """Keep a file for its uploader, encrypted, for a day; return its row.

    Rows that name no business are of `business`. With `clear_empty` an empty cell
    clears what is stored. Raises SheetError for a file that cannot be read or has no
    column of the table, ValidationError for one file more than a person may keep,
    PermissionDenied without the right to import there.
    """
    actor.require(business.pk, table.right)
    if actor.user_id is None:
        msg = "A file is somebody's. Only people upload files."
        raise PermissionDenied(msg)
    # Before a file is read that cannot be kept; once more where it is kept.
    _check_room(actor.user_id)
    sheet = open_sheet(data, kind)
    if not [c for c in read_headers(table, sheet.columns).columns if c]:
        names = ", ".join(column.name for column in table.columns if column.is_read)
        msg = f"No column of this file is known. Known are {names}."
        raise SheetError(msg)
    upload = ImportFile(
        id=uuid7(),
        business=business,
        uploaded_by_id=actor.user_id,
        table=table.name,
        kind=kind,
        name=name[:255],
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        clear_empty=clear_empty,
    )
    packed = zlib.compress(data, level=1)
    stored = ImportContent(
        business=business,
        file=upload,
        content=lock_up(packed, purpose=_CONTENT, owner=_owner(upload)),
    )
    with transaction.atomic():
        accounts.take_turn(actor.user_id)
        _check_room(actor.user_id)
        upload.save(force_insert=True)
        stored.save(force_insert=True)
    return upload


def _check_room(user_id: UUID) -> None:
    if ImportFile.objects.filter(uploaded_by=user_id).count() >= MOST_FILES:
        msg = f"You have {MOST_FILES} files here. Remove some, or wait for tomorrow."
        raise ValidationError(msg, code="too_many_files")


def get_upload(pk: UUID, *, table: ImportTable, actor: Actor) -> ImportFile:
    """Return a file that the actor uploaded for this table, before its time is over.

    Raises DoesNotExist for every other one.
    """
    rows = ImportFile.objects.select_related("business")
    rows = rows.visible_to(actor, table.right)
    return rows.filter(
        uploaded_by=actor.user_id, table=table.name, expires_at__gt=clock.now()
    ).get(pk=pk)


def get_own_upload(pk: UUID, *, actor: Actor) -> ImportFile:
    """Return a file that the actor uploaded, for whichever table.

    Raises DoesNotExist for every other one.
    """
    rows = ImportFile.objects.filter(uploaded_by=actor.user_id)
    rows = rows.filter(expires_at__gt=clock.now())
    return rows.select_related("business").get(pk=pk)


def list_uploads(*, table: ImportTable, actor: Actor) -> QuerySet[ImportFile]:
    """Return the files of the last day that the actor uploaded for a table."""
    rows = ImportFile.objects.visible_to(actor, table.right).defer("preview", "report")
    return rows.filter(
        uploaded_by=actor.user_id, table=table.name, expires_at__gt=clock.now()
    )


def end_import(upload: ImportFile, *, actor: Actor) -> None:
    """Load no more of a confirmed file: what was written stays, and is reported.

    Raises PermissionDenied for anybody but the uploader.
    """
    _require_uploader(upload, actor)
    _finish(upload, actor=actor)


def _locked_row(upload: ImportFile) -> ImportFile:
    """Lock a file's row and return it afresh, without what is large."""
    rows = ImportFile.objects.defer("preview")
    return rows.select_for_update(no_key=True).get(pk=upload.pk)


@transaction.atomic
def discard_upload(upload: ImportFile) -> None:
    """Remove a file and what was found in it.

    Raises ValidationError `confirmed` for one that was confirmed meanwhile: it may have
    written rows, which are still to be reported.
    """
    if _locked_row(upload).confirmed_at is not None:
        raise ValidationError(_CONFIRMED, code="confirmed")
    ImportContent.objects.filter(file=upload).delete()
    upload.delete()


def _end_old_imports(*, actor: Actor, only_count: bool = False) -> int:
    """End the loads that nobody has gone on with for a day; return how many.

    What was written of them is reported, for one more day; then the files are old.
    """
    keys = list(_abandoned().values_list("pk", flat=True))
    if not only_count:
        for pk in keys:
            _end_abandoned(pk, actor)
    return len(keys)


@transaction.atomic
def _end_abandoned(pk: UUID, actor: Actor) -> None:
    # Under the lock, for a worker may have gone on with it meanwhile.
    row = _abandoned().select_for_update(no_key=True).filter(pk=pk).first()
    if row is not None:
        _finish(row, actor=actor)


def _abandoned() -> QuerySet[ImportFile]:
    rows = ImportFile.objects.filter(expires_at__lt=clock.now())
    return rows.exclude(confirmed_at=None).filter(loaded_at=None).defer("preview")


def forget_old_uploads(*, only_count: bool) -> dict[str, int]:
    """Remove files whose time is over, after their contents; return how many.

    Loads that nobody went on with are reported first, and their files stay a day more.
    """
    ended = _end_old_imports(actor=Actor.system("maintain"), only_count=only_count)
    files = ImportFile.objects.filter(expires_at__lt=clock.now())
    files = files.filter(Q(confirmed_at=None) | ~Q(loaded_at=None))
    kinds: dict[str, QuerySet[Any]] = {
        "contents of files to import": ImportContent.objects.filter(file__in=files),
        "files to import": files,
    }
    counts = maintenance.remove_old(kinds, only_count=only_count)
    return {"loads that nobody went on with": ended} | counts


def is_long(upload: ImportFile) -> bool:
    """Tell whether a file has more rows than a request can wait for.

    A large one is not opened to find out: a workbook may be read to its end for that.
    """
    if upload.size > INLINE_BYTES:
        return True
    _, sheet = _opened(upload)
    return next(islice(sheet.rows, INLINE_ROWS, None), None) is not None


def _opened(upload: ImportFile) -> tuple[Headers, Sheet]:
    """Return the columns and rows of a file; raise SheetError when it is gone."""
    stored = ImportContent.objects.filter(file=upload).first()
    if stored is None:
        raise SheetError(_FILE_MISSING)
    try:
        packed = unlock(stored.content, purpose=_CONTENT, owner=_owner(upload))
        # What was kept has this size; nothing else is unpacked.
        data = zlib.decompressobj().decompress(packed, max_length=upload.size + 1)
    except (InvalidTag, ValueError, zlib.error) as error:
        raise SheetError(_FILE_MISSING) from error
    sheet = open_sheet(data, upload.kind)
    return read_headers(IMPORT_TABLES[upload.table], sheet.columns), sheet


def _checker(
    upload: ImportFile, headers: Headers, *, actor: Actor, **options: Any
) -> RowChecker:
    return RowChecker(
        IMPORT_TABLES[upload.table],
        headers,
        actor=actor,
        business=upload.business,
        clear_empty=upload.clear_empty,
        **options,
    )


# --- the preview ------------------------------------------------------------------


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
    headers, sheet = _opened(upload)
    checker = _checker(upload, headers, actor=actor)
    counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    samples: dict[str, list[Any]] = {outcome: [] for outcome in OUTCOMES}
    rejects: list[Any] = []
    repeats: list[tuple[int, str, int]] = []
    noted = 0
    for batch in batches(sheet.rows, _LOOKED_UP):
        checked_rows = checker.check(batch)
        rejects = _with_rejects(rejects, checked_rows)
        for checked in checked_rows:
            counts[checked.outcome] += 1
            noted += bool(checked.notes)
            repeats += [(checked.line, *repeat) for repeat in checked.repeats]
            if len(samples[checked.outcome]) < SHOWN:
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
    preview = _locked(findings, upload, _PREVIEW)
    open_row = ImportFile.objects.filter(pk=upload.pk, confirmed_at=None)
    if not open_row.update(preview=preview, previewed_at=started):
        if ImportFile.objects.filter(pk=upload.pk).exists():
            raise ValidationError(_CONFIRMED, code="confirmed")
        raise SheetError(_FILE_MISSING)
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
    return _unlocked(upload.preview, upload, _PREVIEW)


def _sample(checked: CheckedRow, checker: RowChecker) -> dict[str, Any]:
    row, stored = checked.row, bool(checked.before)
    columns = checked.changes
    if checked.outcome == NEW:
        cells = checked.cells
        columns = [c for c in checker.table.plain if cells.get(c.name, "").strip()]
    changes = [
        [
            column.name,
            cell_of(column, checked.before.get(column.name))[:_LETTERS],
            cell_of(column, getattr(row, column.name))[:_LETTERS],
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


def _with_rejects(former: list[Any], checked_rows: list[CheckedRow]) -> list[Any]:
    """Return rejected rows as they are kept, with those of a batch that fit."""
    letters = sum(len(cell) for reject in former for cell in reject["cells"])
    rejects = list(former)
    for checked in checked_rows:
        if checked.outcome != REJECTED:
            continue
        letters += sum(map(len, checked.raw))
        if len(rejects) == REJECTS or letters > _REJECTED_LETTERS:
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


def rejected_rows(upload: ImportFile) -> Iterator[str]:
    """Yield lines of a CSV with the rejected rows, as they stood in the file.

    They have two columns more, `row` and `reason`. Those of the load, once there was
    one; the first thousand are kept.
    """
    findings = import_findings(upload)
    rejects = findings.get("rejects", [])
    if upload.confirmed_at is not None:
        rejects = import_report(upload)["rejected"]
    header = findings.get("header", [])
    yield BYTE_ORDER_MARK + csv_line([*map(escape_cell, header), "row", "reason"])
    for reject in rejects:
        reason = " ".join(
            message if name == WHOLE else f"{name}: {message}"
            for name, message in reject["errors"]
        )
        cells = [*reject["cells"][: len(header)], str(reject["line"]), reason]
        yield csv_line(map(escape_cell, cells))


def _locked(findings: dict[str, Any], upload: ImportFile, purpose: str) -> str:
    text = zlib.compress(json.dumps(findings).encode())
    return lock_up(text, purpose=purpose, owner=_owner(upload))


def _unlocked(text: str, upload: ImportFile, purpose: str) -> dict[str, Any]:
    if not text:
        return {}
    try:
        packed = unlock(text, purpose=purpose, owner=_owner(upload))
    except (InvalidTag, ValueError) as error:
        raise SheetError(_FILE_MISSING) from error
    findings: dict[str, Any] = json.loads(zlib.decompress(packed))
    return findings


# --- loading ----------------------------------------------------------------------


@transaction.atomic
def confirm_import(
    upload: ImportFile,
    *,
    actor: Actor,
    update_existing: bool = False,
    reason: str = "",
) -> None:
    """Say that a previewed file is to be loaded, and how; once and for all.

    Raises PermissionDenied for anybody but the uploader, ValidationError `no_preview`
    before there is a preview.
    """
    _require_uploader(upload, actor)
    row = _locked_row(upload)
    if row.previewed_at is None:
        msg = "Look at the preview first."
        raise ValidationError(msg, code="no_preview")
    if row.confirmed_at is None:
        row.confirmed_at = timezone.now()
        row.update_existing = update_existing
        row.reason = f"{_REASON}: {reason.strip()}" if reason.strip() else _REASON
        row.expires_at = a_day_from_now()
        row.save(
            update_fields=["confirmed_at", "update_existing", "reason", "expires_at"]
        )
    _take_over(upload, row)


def load_import(
    upload: ImportFile, *, actor: Actor, step: Step | None = None
) -> ImportFile:
    """Load a confirmed file, batch by batch, from where it was left; return its row.

    Each batch is one short transaction. With its rows it commits the file's `cursor`
    and counts, so a load that was interrupted goes on without doubling a row, and two
    loads of one file do not both write, and one that was ended writes nothing more. A
    rejected row stops nobody else. `step` is called inside the transaction of each
    batch: what it writes is committed with the batch, and what it raises rolls the
    batch back and ends the load, which can go on later. What becomes of a row does not
    depend on where that happens: a batch knows what the preview found and what is
    stored, and nothing of the batches before it.
    All batches are of the actor's one operation. At the end the content is removed and
    one event is written in each business.

    Raises PermissionDenied for anybody but the uploader, ValidationError
    `not_confirmed`, `loaded_elsewhere` when another load of the file goes on, or
    `import_ended` when the uploader ends it meanwhile, SheetError when the file is
    gone.
    """
    _require_uploader(upload, actor)
    upload.refresh_from_db()
    if upload.confirmed_at is None:
        msg = "Confirm the import first."
        raise ValidationError(msg, code="not_confirmed")
    if upload.loaded_at is not None:
        return upload
    headers, sheet = _opened(upload)
    findings = import_findings(upload)
    total = findings.get("total", 0)
    preview_options = {"seen_at": upload.previewed_at, "repeats": _repeats(findings)}
    rows = (row for row in sheet.rows if row[0] > upload.cursor)

    def advance(batch: LoadedBatch) -> None:
        done = _advance(upload, batch)
        if step is not None:
            step(done, total, batch.last_line)

    for _, batch in in_batches(rows, BATCH):
        load_batch(
            batch,
            checker=_checker(upload, headers, actor=actor, **preview_options),
            number=upload.batch + 1,
            reason=upload.reason or _REASON,
            update_existing=upload.update_existing,
            step=advance,
        )
        upload.cursor, upload.batch = batch[-1][0], upload.batch + 1
    _finish(upload, actor=actor)
    return upload


def _repeats(findings: dict[str, Any]) -> dict[int, list[Repeat]]:
    """Return by line what the preview found to stand in the file before."""
    repeats: dict[int, list[Repeat]] = defaultdict(list)
    for line, column, first in findings.get("repeats", ()):
        repeats[line].append((column, first))
    return dict(repeats)


def import_report(upload: ImportFile) -> dict[str, Any]:
    """Return what became of a file: `counts` by outcome, and the first `rejected` rows.

    Each of those has its `line`, `errors` (column, sentence) and `cells`.
    """
    counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    for of_business in upload.counts.values():
        counts.update(of_business)
    report = _unlocked(upload.report, upload, _REPORT)
    return {"counts": dict(counts), "rejected": report.get("rejected", [])}


def _take_over(upload: ImportFile, row: ImportFile) -> None:
    """Let the caller's instance say what the locked row says."""
    missing = row.get_deferred_fields()
    for field in ImportFile._meta.concrete_fields:
        if field.attname not in missing:
            setattr(upload, field.attname, getattr(row, field.attname))


def _require_uploader(upload: ImportFile, actor: Actor) -> None:
    table = IMPORT_TABLES[upload.table]
    actor.require(upload.business_id, table.right)
    if actor.user_id is None or actor.user_id != upload.uploaded_by_id:
        msg = "Only who uploaded a file may load it."
        raise PermissionDenied(msg)


def _advance(upload: ImportFile, batch: LoadedBatch) -> int:
    """Note in the transaction of a batch that it is done; return the rows done."""
    row = _locked_row(upload)
    if row.loaded_at is not None:
        # Its event is written, and says how many rows there are.
        msg = "This import was ended. The rest of the file is not loaded."
        raise ValidationError(msg, code="import_ended")
    if row.cursor != upload.cursor:
        msg = "This file is being loaded already."
        raise ValidationError(msg, code="loaded_elsewhere")
    row.cursor, row.batch = batch.last_line, batch.number
    for business, counts in batch.counts.items():
        before = row.counts.get(business, {})
        row.counts[business] = dict(Counter(before) + Counter(counts))
    if any(checked.outcome == REJECTED for checked in batch.checked):
        rejected = import_report(row)["rejected"]
        rejects = _with_rejects(rejected, batch.checked)
        if rejects != rejected:
            row.report = _locked({"rejected": rejects}, row, _REPORT)
    row.expires_at = a_day_from_now()
    row.save(update_fields=["cursor", "batch", "counts", "report", "expires_at"])
    return sum(sum(counts.values()) for counts in row.counts.values())


@transaction.atomic
def _finish(upload: ImportFile, *, actor: Actor) -> None:
    row = _locked_row(upload)
    if row.loaded_at is None:
        row.loaded_at, row.expires_at = timezone.now(), a_day_from_now()
        row.save(update_fields=["loaded_at", "expires_at"])
        ImportContent.objects.filter(file=row).delete()
        _record_finished(row, actor=actor)
    _take_over(upload, row)


def _record_finished(upload: ImportFile, *, actor: Actor) -> None:
    """Write one event in each business whose rows the file named."""
    by_business: dict[str, Counter[str]] = {}
    for business, counts in upload.counts.items():
        # Who could not be found anywhere is the business's of the file.
        of = by_business.setdefault(business or str(upload.business_id), Counter())
        of.update(counts)
    label = IMPORT_TABLES[upload.table].model._meta.label_lower
    for business, counted in (
        by_business or {str(upload.business_id): Counter()}
    ).items():
        log.record(
            "import.finished",
            actor=actor,
            business_id=UUID(business),
            data={
                "table": label,
                "file": upload.sha256,
                "rows": counted[NEW] + counted[CHANGED],
                **{name: n for name, n in counted.items() if n},
            },
            reason=upload.reason,
        )
