"""Columns of a yes or no: read in any spelling, in forms as everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from customers.values.answer import parse_answer

# What the choice of three sends for "nobody was asked".
_UNKNOWN = "unknown"


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
