"""Columns that hold the values of `customers.values`, in one way for all that write.

Amounts, answers, names, phone numbers and countries; and how forms read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.core.validators import DecimalValidator
from django.db import models
from django.utils.formats import number_format, sanitize_separators

from audit.fields import CodeField, Deconstructed, NullCharField, TypedField
from customers.money import to_column_decimals
from customers.values.amount import (
    EXAMPLE,
    check_amount,
    invalid_amount,
    parse_number,
)
from customers.values.answer import parse_answer
from customers.values.country_code import parse_country
from customers.values.person_name import parse_name
from customers.values.phone_number import clean_phone

# What the choice of three sends for "nobody was asked".
_UNKNOWN = "unknown"


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
    """An amount in the currency of its row. `currency` is the path to the code."""

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
        if amount is None or model_instance is None:
            return amount
        self.check_of(model_instance, amount)
        return to_column_decimals(amount)

    def check_of(self, instance: models.Model, amount: Decimal) -> None:
        """Raise ValidationError for what is no amount in the currency of a row."""
        check_amount(amount, self.currency_of(instance), is_signed=self.is_signed)

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


class AnswerInput(forms.CheckboxInput):
    """A box to tick. A browser sends `on`; what a program sends is read as text."""

    def value_from_datadict(  # type: ignore[override]  # the field reads it
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> object:
        return data.get(name, False)


class NullAnswerSelect(forms.NullBooleanSelect):
    """A choice of yes, no and unknown; what else a program sends is read as text."""

    def value_from_datadict(  # type: ignore[override]  # the field reads it
        self, data: Mapping[str, Any], files: Any, name: str
    ) -> object:
        value = data.get(name)
        return None if value == _UNKNOWN else value


class _Changing(forms.BooleanField):
    """Counts what cannot be read as a change, so that it is refused, not dropped."""

    def has_changed(self, initial: object, data: object) -> bool:
        try:
            return super().has_changed(initial, data)
        except ValidationError:
            return True


class AnswerFormField(_Changing):
    """A box to tick; one that says nothing is a no."""

    widget = AnswerInput

    def to_python(self, value: object) -> bool:
        return parse_answer(value) is True


class NullAnswerFormField(_Changing, forms.NullBooleanField):
    """A yes, a no, or nothing."""

    widget = NullAnswerSelect

    def to_python(self, value: object) -> bool | None:  # type: ignore[override]  # null is a value of it
        return parse_answer(value)

    def validate(self, value: object) -> None:
        """Take every answer, nothing as well."""


class AnswerField(models.BooleanField):
    """A yes or no, and null where the column may be."""

    def to_python(self, value: object) -> bool | None:
        """Return the answer; raise ValidationError for what is none."""
        answer = parse_answer(value)
        if answer is None and not self.null:
            return super().to_python(None)
        return answer

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        form_class = NullAnswerFormField if self.null else AnswerFormField
        return super().formfield(**{"form_class": form_class, **kwargs})

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """Return Django's own class: nothing differs in the database."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.BooleanField", args, kwargs


class NameField(TypedField, models.CharField):
    """A name that must be there, and seen."""

    @staticmethod
    def cleaned(text: str) -> str:
        return parse_name(text) or ""


class NullNameField(TypedField, NullCharField):
    """A name that may be missing."""

    cleaned = staticmethod(NameField.cleaned)


class PhoneField(CodeField):
    """A phone number as it was typed; whether it can be called is seen beside it."""

    cleaned = staticmethod(clean_phone)


class _CountryText(TypedField):
    """Takes a country in any of its codes; stores the alpha-2 one."""

    # Room for an alpha-3 code with blanks around it.
    typed_length = 10

    @staticmethod
    def cleaned(text: str) -> str:
        return parse_country(text) or ""

    def formfield(self, **kwargs: Any) -> forms.Field | None:
        kwargs = {"max_length": self.typed_length, **kwargs}
        return super().formfield(**kwargs)  # type: ignore[misc]  # of the field it is mixed into


class CountryField(_CountryText, models.CharField):
    """A country, or an empty text."""


class NullCountryField(_CountryText, NullCharField):
    """A country, or null."""
