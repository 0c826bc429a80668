"""What `migrate` left the database like: one row, which the start compares with."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class KeptCatalogue(models.Model):
    """The lines of the catalogue, with a MAC whose key is not in the database."""

    privacy: ClassVar[dict[str, str]] = {"lines": "public", "mac": "public"}

    id = models.SmallIntegerField(primary_key=True, default=1)
    lines = models.TextField()
    mac = models.CharField(max_length=64)
    written_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(pk=1), name="kept_catalogue_is_one"
            ),
        )

    def __str__(self) -> str:
        return "catalogue"
