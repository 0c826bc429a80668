"""Counters of repeated refusals: they keep the trail readable."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RefusalWindow(models.Model):
    """Refusals of one person or key, of one kind, in one business, in a quarter hour.

    A counter that is moved, not an entry: the first refusals of a window are events of
    their own, the others are only counted here, until one event says how many.
    """

    privacy: ClassVar[dict[str, str]] = {
        "name": "public",
        "actor_kind": "public",
        "action": "public",
        "code": "public",
    }

    # A keyed hash of who was refused what, where: nobody's name or address.
    name = models.CharField(primary_key=True, max_length=64)
    business_id = models.UUIDField(null=True)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.UUIDField(null=True)
    key_id = models.UUIDField(null=True)
    action = models.CharField(max_length=100)
    code = models.CharField(max_length=100, blank=True)
    number = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    last_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return "refusal window"
