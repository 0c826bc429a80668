"""Columns and constraints that the models of this app share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.fields import NullTextField
from audit.history.querysets import ScopedQuerySet
from audit.ids import uuid7
from customers.models.fields import MoneyField
from customers.money import check_currency
from customers.values.amount import (
    check_amount,
)

ZERO = Decimal(0)


class AmountsModel(models.Model):
    """A row with amounts in its currency, and with rules about several of them.

    Such a rule is judged where one of its columns differs from the stored row: what
    was stored before the rule keeps nobody from changing another column.
    """

    # Those columns as the database has them; nothing of a new row.
    stored_values: Mapping[str, object] = MappingProxyType({})

    class Meta:
        abstract = True

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        **kwargs: Any,
    ) -> Self:
        instance = super().from_db(db, field_names, values, **kwargs)
        read = instance.__dict__
        instance.stored_values = {
            name: read[name] for name in cls.compared_columns() if name in read
        }
        return instance

    @classmethod
    @cache
    def compared_columns(cls) -> tuple[str, ...]:
        """Return the columns of such rules: amounts, their currency, and lines."""
        fields = cls._meta.concrete_fields
        names = [f.attname for f in fields if isinstance(f, MoneyField)]
        others = {f.attname for f in fields} & {"currency", "lines"}
        return (*names, *sorted(others))

    def judge_all(self) -> None:
        """Let `clean` judge what is stored as if it were new."""
        self.stored_values = {}

    def clean(self) -> None:
        super().clean()
        if "currency" in self.stored_values and self.has_changed("currency"):
            self._check_currency()

    def has_changed(self, *names: str) -> bool:
        """Tell whether one of these columns differs from the stored row."""
        stored = self.stored_values
        return not stored or any(
            name in stored and stored[name] != getattr(self, name) for name in names
        )

    def _check_currency(self) -> None:
        """Raise ValidationError if amounts that stay are too fine for a new currency.

        Those that change are judged by themselves.
        """
        code: str = self.currency  # type: ignore[attr-defined]  # of a row that has one
        for field in self._meta.concrete_fields:
            amount = getattr(self, field.attname)
            is_money = isinstance(field, MoneyField) and isinstance(amount, Decimal)
            if not is_money or self.has_changed(field.attname):
                continue
            try:
                check_amount(amount, code, is_signed=True)
            except ValidationError as error:
                msg = gettext(
                    "%(currency)s has fewer decimals than the amounts. Change these "
                    "first."
                ) % {"currency": code}
                wrong = ValidationError(msg, code="too_many_decimals")
                raise ValidationError({"currency": wrong}) from error


# The options are Django's, and those of the field.
def money(**kwargs: Any) -> MoneyField:
    """Return a money column: three decimals, because some currencies have three."""
    return MoneyField(max_digits=15, decimal_places=3, **kwargs)


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
