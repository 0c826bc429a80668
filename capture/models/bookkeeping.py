"""Counters and answers with a time to live: not sealed, gone after their time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from audit.fields import NullTextField
from audit.ids import uuid7
from audit.tracking import ScopedQuerySet


class IdempotencyRecord(models.Model):
    """The answer to a request that named an `Idempotency-Key`, kept for seven days."""

    privacy: ClassVar[dict[str, str]] = {
        "name": "public",
        "fingerprint": "public",
        "content_type": "public",
        "body": "public",
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64)
    # Who is at work; a later owner takes over when the time is up.
    owner = models.UUIDField()
    locked_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    content_type = models.CharField(max_length=100, null=True)
    body = NullTextField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return "idempotency record"


class Allowance(models.Model):
    """How far one caller has used its rate: the theoretical arrival time of GCRA.

    Times are whole microseconds since 1970, compared and moved in one UPDATE.
    """

    privacy: ClassVar[dict[str, str]] = {"name": "public", "boot": "public"}

    name = models.CharField(primary_key=True, max_length=120)
    arrives_us = models.BigIntegerField(default=0)
    # How far the clock was ahead of the uptime of the host that used it last, and the
    # start of that host: by them it is seen that the clock was set back since.
    offset_us = models.BigIntegerField(default=0, db_default=0)
    boot = models.CharField(max_length=16, blank=True, default="", db_default="")
    used_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return "allowance"


class RefusalCount(models.Model):
    """How often requests were refused in one hour, for one reason."""

    privacy: ClassVar[dict[str, str]] = {"name": "public", "code": "public"}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    business = models.ForeignKey(
        "customers.Business", models.PROTECT, null=True, related_name="+"
    )
    source = models.ForeignKey(
        "capture.Source", models.PROTECT, null=True, related_name="refusals"
    )
    # The key, or for callers without a valid one the keyed hash of their address.
    name = models.CharField(max_length=64)
    code = models.CharField(max_length=40)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "refused request"
        ordering = ("-hour", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name", "code", "hour"], name="one_count_per_hour"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-hour", "-id"], name="refusal_newest"),
        ]

    def __str__(self) -> str:
        return self.code
