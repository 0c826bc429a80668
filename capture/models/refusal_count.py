"""How many requests were refused: not sealed, gone after their time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from capture.models.base import UntrackedModel


class RefusalCount(UntrackedModel):
    """How often requests were refused in one hour, for one reason."""

    privacy: ClassVar[dict[str, str]] = {"name": "public", "code": "public"}

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
