"""How fast callers have sent requests."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RateLimitBucket(models.Model):
    """How far one caller has used its rate: the theoretical arrival time of GCRA.

    Times are whole microseconds since 1970, compared and moved in one UPDATE.
    """

    privacy: ClassVar[dict[str, str]] = {"name": "public", "boot": "public"}

    name = models.CharField(primary_key=True, max_length=120)
    tat_us = models.BigIntegerField(default=0)
    # How far the clock was ahead of the uptime of the host that used it last, and the
    # start of that host: by them it is seen that the clock was set back since.
    offset_us = models.BigIntegerField(default=0, db_default=0)
    boot = models.CharField(max_length=16, blank=True, default="", db_default="")
    used_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return "rate limit bucket"
