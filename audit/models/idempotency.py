"""Answers that are given again to a repeated request."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from audit.ids import uuid7


class IdempotentResponse(models.Model):
    """What a request with an `Idempotency-Key` was answered, until it expires.

    `name` is a keyed hash of who asked, where, and the key. The response may show
    people, so it is encrypted; it is empty until there is one. `owner` is who works at
    it, where a request takes more than one transaction, and `locked_until` says for
    how long before another may take over.
    """

    changeable: ClassVar = ("response", "expires_at", "owner", "locked_until")
    privacy: ClassVar[dict[str, str]] = {
        "name": "public",
        "fingerprint": "public",
        "response": "secret",
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64)
    response = models.TextField(blank=True)
    owner = models.UUIDField(null=True)
    locked_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "stored answer"
        ordering = ("id",)

    def __str__(self) -> str:
        return "stored answer"
