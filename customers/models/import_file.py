"""Files to import, from their upload until they are loaded or expire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from audit.fields import NullCharField, NullTextField
from customers.models.base import BusinessModel, UntrackedModel, one_of
from customers.readers import KINDS

_LIFETIME = timedelta(hours=24)


def a_day_from_now() -> datetime:
    """Return when a file expires that is used now."""
    return timezone.now() + _LIFETIME


class ImportFile(UntrackedModel, BusinessModel):
    """An uploaded file, the findings of its preview, and the progress of its load.

    Findings hold personal data, so they are encrypted, and only the uploader can read
    them. The content is a row of its own: this one is written with each batch, and
    SQLite writes a row whole. Rows are removed a day after they were created, confirmed
    or last written by a load. `business` is that of rows that name none. `cursor` is
    the number of the last row of the file that is done, and `batch` that of the last
    committed batch.
    """

    privacy: ClassVar[dict[str, str]] = {
        "table": "public",
        "kind": "public",
        "name": "free_text",
        "sha256": "public",
        "preview": "secret",
        "report": "secret",
        "reason": "free_text",
        "counts": "public",
    }

    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+"
    )
    table = models.CharField(max_length=50)
    kind = models.CharField("format", max_length=10)
    name = NullCharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="Bytes of the file.")
    clear_empty = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=a_day_from_now)
    # Of the preview; null until there is one.
    previewed_at = models.DateTimeField(null=True)
    preview = models.TextField(blank=True)
    # Of the loading; null until the uploader has confirmed it.
    confirmed_at = models.DateTimeField(null=True)
    update_existing = models.BooleanField(default=False)
    reason = NullTextField()
    cursor = models.PositiveIntegerField(default=0)
    batch = models.PositiveIntegerField(default=0)
    # Of each business: outcome to number of rows.
    counts = models.JSONField(default=dict)
    report = models.TextField(blank=True)
    loaded_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "file to import"
        verbose_name_plural = "files to import"
        ordering = ("-id",)
        default_permissions = ()
        constraints: ClassVar = [one_of("kind", list(KINDS), "import_kind_known")]
        indexes: ClassVar = [
            models.Index(fields=["business", "uploaded_by"], name="import_uploader"),
            models.Index(fields=["expires_at"], name="import_expires"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} file"


class ImportContent(UntrackedModel, BusinessModel):
    """The content of a file to import, compressed and encrypted, until it is loaded."""

    privacy: ClassVar[dict[str, str]] = {"content": "secret"}

    file = models.OneToOneField(ImportFile, models.PROTECT, related_name="stored")
    content = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"content of a {self.file.kind} file"
