"""Files to import: stored encrypted, for a day, for their uploader alone."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import accounts, clock, maintenance
from audit.crypto import decrypt, encrypt
from audit.history.querysets import ScopedQuerySet
from audit.ids import uuid7
from audit.json_text import JsonObject
from audit.tenancy.actors import Actor
from customers.models import Business, ImportContent, ImportFile
from customers.readers import Sheet, SheetError, open_sheet
from customers.services.imports.checking import RowChecker
from customers.services.imports.rows import Repeat
from customers.services.imports.tables import (
    IMPORT_TABLES,
    Headers,
    ImportTable,
    read_headers,
)

_CONTENT = "import file"
PREVIEW, REPORT = "import preview", "import report"


def _owner(upload: ImportFile) -> bytes:
    # Bound to the uploader: a write to the database gives no file to another user.
    return upload.pk.bytes + upload.uploaded_by_id.bytes


# Encrypted again under a new HASH_KEY: contents, previews and reports.
KEYED_FILES = [
    maintenance.sealed_column(
        ImportContent.objects.all,
        "content",
        purpose=_CONTENT,
        owner=lambda row: _owner(row.file),
    ),
    *(
        maintenance.sealed_column(
            ImportFile.objects.all, column, purpose=purpose, owner=_owner
        )
        for column, purpose in (("preview", PREVIEW), ("report", REPORT))
    ),
]
# Rows and bytes that are previewed within a request; larger files are for a job.
INLINE_LIMIT = 2000
INLINE_BYTES = 200_000
# Files of one user at a time.
MOST_FILES = 100
FILE_MISSING = _("The file is no longer there. Choose it again.")
CONFIRMED = _("This file was confirmed meanwhile, and is being loaded.")


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
    """Store a file for its uploader, encrypted, for a day; return its row.

    Rows that name no business are of `business`. With `clear_empty` an empty cell
    clears the stored value. Raises SheetError for a file that cannot be read or has no
    column of the table, ValidationError for more files than a user may have,
    PermissionDenied without the permission to import there.
    """
    actor.require_perm(business.pk, table.permission)
    if actor.user_id is None:
        msg = gettext("A file is somebody's. Only people upload files.")
        raise PermissionDenied(msg)
    # Before the file is read for nothing; again when it is stored.
    _check_room(actor.user_id)
    sheet = open_sheet(data, kind)
    if not [c for c in read_headers(table, sheet.columns).columns if c]:
        names = ", ".join(column.name for column in table.columns if column.is_read)
        msg = gettext("No column of this file is known. Known are %(names)s.") % {
            "names": names
        }
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
        content=encrypt(packed, purpose=_CONTENT, owner=_owner(upload)),
    )
    with transaction.atomic():
        accounts.take_turn(actor.user_id)
        _check_room(actor.user_id)
        upload.save(force_insert=True)
        stored.save(force_insert=True)
    return upload


def _check_room(user_id: UUID) -> None:
    if ImportFile.objects.filter(uploaded_by=user_id).count() >= MOST_FILES:
        msg = gettext(
            "You have %(count)s files here. Remove some, or wait for tomorrow."
        ) % {"count": MOST_FILES}
        raise ValidationError(msg, code="too_many_files")


def get_upload(pk: UUID, *, table: ImportTable | None, actor: Actor) -> ImportFile:
    """Return a file that the actor uploaded and that has not expired.

    With a table, for that table and with its permission; a job has None. Raises
    DoesNotExist for every other file.
    """
    return _uploads(table, actor).select_related("business").get(pk=pk)


def list_uploads(*, table: ImportTable, actor: Actor) -> QuerySet[ImportFile]:
    """Return the files of the last day that the actor uploaded for a table."""
    return _uploads(table, actor).defer("preview", "report")


def _uploads(table: ImportTable | None, actor: Actor) -> ScopedQuerySet[ImportFile]:
    uploads = ImportFile.objects.filter(
        uploaded_by=actor.user_id, expires_at__gt=clock.now()
    )
    if table is None:
        return uploads
    return uploads.visible_to(actor, table.permission).filter(table=table.name)


def lock_upload(upload: ImportFile) -> ImportFile:
    """Lock a file's row and return it as it is now, without large columns."""
    rows = ImportFile.objects.defer("preview")
    return rows.select_for_update(no_key=True).get(pk=upload.pk)


@transaction.atomic
def discard_upload(upload: ImportFile) -> None:
    """Remove a file and its findings.

    Raises ValidationError `confirmed` for one that was confirmed meanwhile: it may have
    written rows, which are still to be reported.
    """
    if lock_upload(upload).confirmed_at is not None:
        raise ValidationError(CONFIRMED, code="confirmed")
    ImportContent.objects.filter(file=upload).delete()
    upload.delete()


def is_long(upload: ImportFile) -> bool:
    """Return True for a file whose preview takes too long for a request.

    A large one is not opened for that: a workbook might be read to its end.
    """
    if upload.size > INLINE_BYTES:
        return True
    _, sheet = open_upload(upload)
    return next(islice(sheet.rows, INLINE_LIMIT, None), None) is not None


def open_upload(upload: ImportFile) -> tuple[Headers, Sheet]:
    """Return the columns and rows of a file; raise SheetError if it was removed."""
    stored = ImportContent.objects.filter(file=upload).first()
    if stored is None:
        raise SheetError(FILE_MISSING)
    try:
        packed = decrypt(stored.content, purpose=_CONTENT, owner=_owner(upload))
        # The stored file has this size; no more is unpacked.
        data = zlib.decompressobj().decompress(packed, max_length=upload.size + 1)
    except (InvalidTag, ValueError, zlib.error) as error:
        raise SheetError(FILE_MISSING) from error
    sheet = open_sheet(data, upload.kind)
    return read_headers(IMPORT_TABLES[upload.table], sheet.columns), sheet


def checker_of(
    upload: ImportFile,
    headers: Headers,
    *,
    actor: Actor,
    seen_at: datetime | None = None,
    repeats: Mapping[int, Sequence[Repeat]] | None = None,
) -> RowChecker:
    return RowChecker(
        IMPORT_TABLES[upload.table],
        headers,
        actor=actor,
        business=upload.business,
        clear_empty=upload.clear_empty,
        seen_at=seen_at,
        repeats=repeats,
    )


def encrypt_findings(
    findings: dict[str, object], upload: ImportFile, purpose: str
) -> str:
    text = zlib.compress(json.dumps(findings).encode())
    return encrypt(text, purpose=purpose, owner=_owner(upload))


def decrypt_findings(text: str, upload: ImportFile, purpose: str) -> JsonObject:
    if not text:
        return {}
    try:
        packed = decrypt(text, purpose=purpose, owner=_owner(upload))
    except (InvalidTag, ValueError) as error:
        raise SheetError(FILE_MISSING) from error
    findings: JsonObject = json.loads(zlib.decompress(packed))
    return findings
