"""Base classes of rows that are written once and kept: guard, salt, commitment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from django.db import models
from django.db.models import Q

from audit.fields import CommitmentField, SaltField
from audit.ids import uuid7


@dataclass(frozen=True)
class AppendOnly:
    """Rows of the model can be added and read, and nothing else.

    `dedupe` names a unique key whose repeats are skipped instead of refused, so that
    `ON CONFLICT DO NOTHING` works on both engines. Read again after such an insert.
    With `apart`, a column and a value, rows that have this value there are no repeats
    of those that have another: the key is unique among either.
    """

    dedupe: tuple[str, ...] = ()
    apart: tuple[str, str] | None = None


def sealed_constraints(table: str, personal: list[str]) -> list[models.CheckConstraint]:
    """Return the rules of a sealed table: a row is complete, or erased, nothing else.

    `personal` are the personal columns; a system check compares them with the
    declaration.
    """
    empty = Q(**{f"{name}__isnull": True for name in personal})
    return [
        models.CheckConstraint(
            condition=Q(salt__isnull=False) | empty, name=f"{table}_salted"
        ),
        models.CheckConstraint(
            condition=Q(salt__isnull=True) | Q(salt__length=32),
            name=f"{table}_salt_length",
        ),
        models.CheckConstraint(
            condition=Q(commitment__length=32), name=f"{table}_commitment_length"
        ),
    ]


class SealedModel(models.Model):
    """A row of evidence: guarded by triggers, its personal columns committed to."""

    guard: ClassVar[AppendOnly] = AppendOnly()
    privacy: ClassVar[dict[str, str]] = {}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    salt = SaltField()
    commitment = CommitmentField()

    class Meta:
        abstract = True

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check the rules of the row; its salt comes with the write and not before."""
        super().validate_constraints(exclude={*(exclude or ()), "salt", "commitment"})


class SealedHistory(models.Model):
    """What every history table has besides the columns of the model it follows."""

    guard: ClassVar[AppendOnly] = AppendOnly()

    operation_id = models.UUIDField(db_index=True, editable=False)
    salt = SaltField()
    commitment = CommitmentField()

    class Meta:
        abstract = True
