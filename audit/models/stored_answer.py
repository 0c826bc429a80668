"""Answers that are given again to whoever repeats a request."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from audit.ids import uuid7


class StoredAnswer(models.Model):
    """What a request with an `Idempotency-Key` was answered, kept for a day.

    `name` is a keyed hash of who asked, where, and the key. The answer may show people,
    so it lies encrypted.
    """

    changeable: ClassVar = ("answer", "expires_at")
    privacy: ClassVar[dict[str, str]] = {
        "name": "public",
        "fingerprint": "public",
        "answer": "secret",
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64)
    answer = models.TextField(blank=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return "stored answer"
