"""Columns and constraints that the models of this app share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Self

from django import forms
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.validators import DecimalValidator
from django.db import models
from django.db.models import Q
from django.utils.formats import number_format, sanitize_separators
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.fields import Deconstructed, NullTextField
from audit.history.querysets import ScopedQuerySet
from audit.ids import uuid7
from customers.money import check_currency, to_column_decimals
from customers.values.amount import (
    EXAMPLE,
    check_amount,
    invalid_amount,
    parse_number,
)

ZERO = Decimal(0)


class AmountFormField(forms.DecimalField):
    """An amount in a form.

    Where the form is in the reader's language, so are its numbers: a German who types
    10,50 means what others write as 10.50.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # The digits are those of the currency, which the column judges.
        self.validators = [
            check
            for check in self.validators
            if not isinstance(check, DecimalValidator)
        ]

    def to_python(self, value: Any) -> Any:
        if not self.localize:
            return parse_number(value)
        try:
            return parse_number(sanitize_separators(value))
        except ValidationError as error:
            raise invalid_amount(number_format(Decimal(EXAMPLE))) from error


class MoneyField(models.DecimalField):
    """An amount in the currency of its row, checked where it is written.

    `currency` is the path to the code. What was stored before a rule stays.
    """

    def __init__(
        self,
        *args: Any,
        currency: str = "currency",
        is_signed: bool = False,
        **kwargs: Any,
    ) -> None:
        self.currency_path, self.is_signed = currency.split("."), is_signed
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Deconstructed:
        # For a migration it is the column of Django's that stores it.
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.DecimalField", args, kwargs

    @cached_property
    def validators(self) -> list[Any]:
        # The digits are those of the currency, and not of the column.
        return [*self.default_validators, *self._validators]  # type: ignore[attr-defined]  # not in the stubs

    def to_python(self, value: Any) -> Any:
        return parse_number(value)

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        amount = super().clean(value, model_instance)
        if amount is None or not isinstance(model_instance, AmountsModel):
            return amount
        model_instance.check_column(self, amount)
        return to_column_decimals(amount)

    def currency_of(self, instance: models.Model) -> str | None:
        """Return the currency of the amount of a row; None where there is none yet."""
        value: Any = instance
        for name in self.currency_path:
            try:
                value = getattr(value, name)
            except ObjectDoesNotExist:
                return None
        return str(value)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": AmountFormField, **kwargs})


class AmountsModel(models.Model):
    """A row with amounts, each a whole number of the smallest coins of its currency.

    Only what differs from the stored row is judged: an amount from before the rule
    keeps nobody from changing another column.
    """

    # The stored amounts and their currency, by column; empty for a new row.
    stored_amounts: Mapping[str, object] = MappingProxyType({})

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
        instance.stored_amounts = {
            name: read[name] for name in cls._amount_columns() if name in read
        }
        return instance

    @classmethod
    @cache
    def _amount_columns(cls) -> tuple[str, ...]:
        fields = [f for f in cls._meta.concrete_fields if isinstance(f, MoneyField)]
        return ("currency", *(field.attname for field in fields))

    def check_column(self, field: MoneyField, amount: Decimal) -> None:
        """Raise ValidationError for an amount that is new, and breaks a rule."""
        if self._is_stored(field.attname, amount):
            return
        check_amount(amount, field.currency_of(self), is_signed=field.is_signed)

    def clean(self) -> None:
        super().clean()
        self._check_currency()

    def _check_currency(self) -> None:
        """Raise ValidationError for another currency that has fewer decimals."""
        stored = self.stored_amounts
        code: str | None = getattr(self, "currency", None)
        if "currency" not in stored or self._is_stored("currency", code):
            return
        for name in stored.keys() - {"currency"}:
            amount = getattr(self, name)
            if not isinstance(amount, Decimal) or not self._is_stored(name, amount):
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

    def _is_stored(self, name: str, value: object) -> bool:
        return name in self.stored_amounts and self.stored_amounts[name] == value


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
