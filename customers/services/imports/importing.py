"""Importing a previewed file: confirm it, load it in batches, report.

Pages and jobs call the same functions. A file is visible to its uploader alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy

from audit import clock, log, maintenance
from audit.database.batches import in_batches
from audit.json_text import JsonObject
from audit.tenancy.actors import Actor
from customers.cells import BYTE_ORDER_MARK, csv_line, escape_cell
from customers.models import ImportContent, ImportFile
from customers.models.import_file import a_day_from_now
from customers.services.imports.loading import BATCH, LoadedBatch, load_batch
from customers.services.imports.previews import Step, import_findings, with_rejects
from customers.services.imports.rows import (
    CHANGED,
    IMPORT_OUTCOMES,
    NEW,
    REJECTED,
    WHOLE,
    Repeat,
)
from customers.services.imports.tables import IMPORT_TABLES
from customers.services.imports.uploads import (
    REPORT,
    checker_of,
    decrypt_findings,
    encrypt_findings,
    lock_upload,
    open_upload,
)

_REASON = "imported"


@transaction.atomic
def confirm_import(
    upload: ImportFile, *, actor: Actor, update_existing: bool = False, reason: str = ""
) -> None:
    """Confirm that a previewed file is to be loaded, and how.

    Raises PermissionDenied for anybody but the uploader, ValidationError `no_preview`
    before there is a preview.
    """
    _require_uploader(upload, actor)
    row = lock_upload(upload)
    if row.previewed_at is None:
        msg = gettext_lazy("Look at the preview first.")
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

    Each batch is one short transaction, which also commits the file's `cursor` and
    counts: an interrupted load continues without loading a row twice, two loads of one
    file do not both write, and an ended one writes nothing more. A rejected row does
    not stop the others. `step` is called in the transaction of each batch: what it
    writes is committed with the batch; if it raises, the batch is rolled back and the
    load stops, and can continue later. The outcome of a row does not depend on that: a
    batch uses the preview and what is stored, and nothing of the batches before it.
    All batches belong to the actor's one operation. At the end the content is removed
    and one event is written in each business. What the report says of rows is in the
    language of stored texts, whoever loads the file.

    Raises PermissionDenied for anybody but the uploader, ValidationError
    `not_confirmed`, `loaded_elsewhere` when another load of the file runs, or
    `import_ended` when the uploader ends it meanwhile, SheetError when the content is
    removed.
    """
    _require_uploader(upload, actor)
    upload.refresh_from_db()
    if upload.confirmed_at is None:
        msg = gettext_lazy("Confirm the import first.")
        raise ValidationError(msg, code="not_confirmed")
    if upload.loaded_at is not None:
        return upload
    headers, sheet = open_upload(upload)
    findings = import_findings(upload)
    total = findings.get("total", 0)
    repeats = _repeats(findings)
    rows = (row for row in sheet.rows if row[0] > upload.cursor)

    def advance(batch: LoadedBatch) -> None:
        done = _advance(upload, batch)
        if step is not None:
            step(done, total, batch.last_line)

    for _, batch in in_batches(rows, BATCH):
        checker = checker_of(
            upload, headers, actor=actor, seen_at=upload.previewed_at, repeats=repeats
        )
        with translation.override(settings.LANGUAGE_CODE):
            load_batch(
                batch,
                checker=checker,
                number=upload.batch + 1,
                reason=upload.reason or _REASON,
                update_existing=upload.update_existing,
                step=advance,
            )
        upload.cursor, upload.batch = batch[-1][0], upload.batch + 1
    _finish(upload, actor=actor)
    return upload


def _repeats(findings: JsonObject) -> dict[int, list[Repeat]]:
    """Return the repeated rows that the preview found, by line."""
    repeats: dict[int, list[Repeat]] = defaultdict(list)
    for line, column, first in findings.get("repeats", ()):
        repeats[line].append((column, first))
    return dict(repeats)


def import_report(upload: ImportFile) -> JsonObject:
    """Return the result of a load: `counts` by outcome, and the first `rejected` rows.

    Each of those has its `line`, `errors` (column, message) and `cells`.
    """
    counts: Counter[str] = Counter(dict.fromkeys(IMPORT_OUTCOMES, 0))
    for of_business in upload.counts.values():
        counts.update(of_business)
    report = decrypt_findings(upload.report, upload, REPORT)
    return {"counts": dict(counts), "rejected": report.get("rejected", [])}


def export_rejects(upload: ImportFile) -> Iterator[str]:
    """Yield lines of a CSV with the rejected rows of the file, a thousand at most.

    With two further columns, `row` and `reason`. Of the preview until a load has begun.
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


def end_import(upload: ImportFile, *, actor: Actor) -> None:
    """End the load of a confirmed file; what was written stays, and is reported.

    Raises PermissionDenied for anybody but the uploader.
    """
    _require_uploader(upload, actor)
    _finish(upload, actor=actor)


def _require_uploader(upload: ImportFile, actor: Actor) -> None:
    table = IMPORT_TABLES[upload.table]
    actor.require_perm(upload.business_id, table.permission)
    if actor.user_id is None or actor.user_id != upload.uploaded_by_id:
        msg = gettext_lazy("Only who uploaded a file may load it.")
        raise PermissionDenied(msg)


def _take_over(upload: ImportFile, row: ImportFile) -> None:
    """Copy the loaded columns of the locked row to the caller's instance."""
    missing = row.get_deferred_fields()
    for field in ImportFile._meta.concrete_fields:
        if field.attname not in missing:
            setattr(upload, field.attname, getattr(row, field.attname))


def _advance(upload: ImportFile, batch: LoadedBatch) -> int:
    """Store the progress in the transaction of a batch; return the rows done."""
    row = lock_upload(upload)
    # What is raised here is lazy: a load runs in English, its page does not.
    if row.loaded_at is not None:
        # Its event, with the number of rows, is written already.
        msg = gettext_lazy("This import was ended. The rest of the file is not loaded.")
        raise ValidationError(msg, code="import_ended")
    if row.cursor != upload.cursor:
        msg = gettext_lazy("This file is being loaded already.")
        raise ValidationError(msg, code="loaded_elsewhere")
    row.cursor, row.batch = batch.last_line, batch.number
    for business, counts in batch.counts.items():
        before = row.counts.get(business, {})
        row.counts[business] = dict(Counter(before) + Counter(counts))
    if any(checked.outcome == REJECTED for checked in batch.checked):
        rejected = import_report(row)["rejected"]
        rejects = with_rejects(rejected, batch.checked)
        if rejects != rejected:
            row.report = encrypt_findings({"rejected": rejects}, row, REPORT)
    row.expires_at = a_day_from_now()
    row.save(update_fields=["cursor", "batch", "counts", "report", "expires_at"])
    return sum(sum(counts.values()) for counts in row.counts.values())


@transaction.atomic
def _finish(upload: ImportFile, *, actor: Actor) -> None:
    row = lock_upload(upload)
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
        # Rows without a business count for that of the file.
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


# --- clean-up -----------------------------------------------------------------------


def forget_old_uploads(*, only_count: bool) -> dict[str, int]:
    """Remove expired files, after their contents; return how many.

    Abandoned loads are reported first, and their files stay a day more.
    """
    ended = _end_old_imports(actor=Actor.system("maintain"), only_count=only_count)
    files = ImportFile.objects.filter(expires_at__lt=clock.now())
    files = files.filter(Q(confirmed_at=None) | ~Q(loaded_at=None))
    contents = ImportContent.objects.filter(file__in=files)
    counts = maintenance.remove_old(
        {"contents of files to import": contents, "files to import": files},
        only_count=only_count,
    )
    return {"loads that nobody went on with": ended} | counts


def _end_old_imports(*, actor: Actor, only_count: bool = False) -> int:
    """End loads without progress for a day; return how many.

    What they wrote is reported; their files expire a day later.
    """
    keys = list(_abandoned().values_list("pk", flat=True))
    if not only_count:
        for pk in keys:
            _end_abandoned(pk, actor)
    return len(keys)


@transaction.atomic
def _end_abandoned(pk: UUID, actor: Actor) -> None:
    # Under the lock: a worker may have continued it meanwhile.
    row = _abandoned().select_for_update(no_key=True).filter(pk=pk).first()
    if row is not None:
        _finish(row, actor=actor)


def _abandoned() -> QuerySet[ImportFile]:
    rows = ImportFile.objects.filter(expires_at__lt=clock.now())
    return rows.exclude(confirmed_at=None).filter(loaded_at=None).defer("preview")
