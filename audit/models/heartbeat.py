"""When the hub last did what it does again and again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Heartbeat(models.Model):
    """A row for each thing that is done again and again, written over each time."""

    privacy: ClassVar[dict[str, str]] = {"name": "public", "filler": "public"}

    # `maintain` has run; the database could be written.
    name = models.CharField(primary_key=True, max_length=40)
    at = models.DateTimeField()
    # Makes the row need a page of its own: a full disk is found out.
    filler = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
