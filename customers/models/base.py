"""Columns and constraints that the models of this app share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from audit.fields import NullTextField
from audit.history.querysets import ScopedQuerySet
from audit.ids import uuid7
from customers.money import check_currency

ZERO = Decimal(0)


# The options are Django's.
def money(**kwargs: Any) -> models.DecimalField:
    """Return a money column: three decimals, because some currencies have three."""
    return models.DecimalField(max_digits=15, decimal_places=3, **kwargs)


def currency_code(**kwargs: Any) -> models.CharField:
    """Return a currency column (ISO 4217)."""
    return models.CharField(max_length=3, validators=[check_currency], **kwargs)


def one_of(field: str, values: list[str], name: str) -> models.CheckConstraint:
    """Return the constraint that a column holds one of these values, or null."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": values}),
        name=name,
        violation_error_message=format_lazy(
            _("{field} is not one of {values}."), field=field, values=", ".join(values)
        ),
    )


class UntrackedModel(models.Model):
    """A row of a business that keeps no history."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True


class ArchiveMarks(models.Model):
    """Soft deletion: who archived a row, when and why. Nothing is removed."""

    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    archived_by_id = models.UUIDField(null=True, blank=True, editable=False)
    archive_reason = NullTextField(editable=False)

    class Meta:
        abstract = True

    @property
    def is_archived(self) -> bool:
        """Return True if the row is archived."""
        return self.archived_at is not None


class BusinessModel(models.Model):
    """A row of one business, with which its indexes begin."""

    business = models.ForeignKey(
        "customers.Business", models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        abstract = True
