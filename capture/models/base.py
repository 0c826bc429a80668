"""Columns that the models of this app share."""

from __future__ import annotations

from django.db import models

from audit.history.querysets import ScopedQuerySet
from audit.ids import uuid7


def money() -> models.DecimalField:
    """Return a money column: three decimals, because some currencies have three."""
    return models.DecimalField(max_digits=15, decimal_places=3, null=True)


class UntrackedModel(models.Model):
    """A row of a business that keeps no history."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True


class BusinessModel(models.Model):
    """A row of one business, with which its indexes begin."""

    business = models.ForeignKey(
        "customers.Business", models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        abstract = True
