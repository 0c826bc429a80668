"""Columns that hold the values of `customers.values`, in one way for all that write."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import models

from audit.fields import CodeField, NullCharField, TypedField
from customers.values.country_code import parse_country
from customers.values.person_name import parse_name
from customers.values.phone_number import clean_phone


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
