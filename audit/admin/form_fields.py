"""Inputs for columns that hold lists and objects, so that nobody types JSON.

What an input cannot hold, because another program wrote it, is drawn as JSON and comes
back as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.forms.boundfield import BoundField
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin.display import json_text
from audit.fields import TypedJSON
from audit.json_text import JsonValue

# Of one field: whoever has mended these sees the next.
_MOST_ERRORS = 20


def parse_json(text: str) -> JsonValue:
    """Return the list or object of a text, None for anything else."""
    if not text.startswith(("[", "{")):
        return None
    try:
        value: JsonValue = json.loads(text, cls=TypedJSON)
    except json.JSONDecodeError:
        return None
    return value


class LinesField(forms.Field):
    """A list of texts, one on each line.

    `line_validator` raises ValidationError for a line; the number of the line is put
    before what it says. With `is_nullable` no lines are stored as null.
    """

    def __init__(
        self,
        *,
        line_validator: Callable[[str], object] | None = None,
        is_nullable: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("widget", forms.Textarea({"rows": 3, "cols": 40}))
        super().__init__(**kwargs)
        self.line_validator = line_validator
        self.is_nullable = is_nullable
        self._bound: BoundField | None = None

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        self._bound = super().get_bound_field(form, field_name)
        return self._bound

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        text = self.join(value)
        return json_text(value) if text is None else text

    def to_python(self, value: Any) -> Any:
        text = _unified(value)
        ProhibitNullCharactersValidator()(text)
        stored = self._bound.initial if self._bound else None
        is_json = isinstance(stored, list | dict) and self.join(stored) is None
        if is_json and json_text(stored) == text:
            # Lines cannot hold it: the form was drawn with its JSON.
            return stored
        parsed = self.parse(_numbered(text))
        return parsed if parsed or not self.is_nullable else None

    def has_changed(self, initial: Any, data: Any) -> bool:
        if self.disabled or _unified(self.prepare_value(initial)) == _unified(data):
            return False
        try:
            value = self.to_python(data)
        except ValidationError:
            return True
        return bool(value != initial and (value or initial))

    def join(self, value: object) -> str | None:
        """Return the text of a value, None for a value that lines cannot hold."""
        if not isinstance(value, list) or not all(isinstance(t, str) for t in value):
            return None
        text = "\n".join(value)
        return text if list(_numbered(text).values()) == value else None

    def parse(self, lines: Mapping[int, str]) -> Any:
        """Return the value of numbered lines. Raises ValidationError for each fault."""
        errors = []
        validate = self.line_validator or str  # Which takes any.
        for number, line in lines.items():
            try:
                validate(line)
            except ValidationError as error:
                errors += [_line_error(number, text) for text in error.messages]
        if errors:
            raise ValidationError(errors[:_MOST_ERRORS])
        # Said twice is meant once.
        return list(dict.fromkeys(lines.values()))


class PairsField(LinesField):
    """An object of texts, as `name = value` on each line; `choices` are the values."""

    def __init__(self, *, choices: Iterable[str], example: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.choices = list(choices)
        self.example = example

    def join(self, value: object) -> str | None:
        if not isinstance(value, dict) or not all(
            isinstance(text, str) for text in value.values()
        ):
            return None
        text = "\n".join(f"{name} = {one}" for name, one in value.items())
        pairs = [_split(line) for line in _numbered(text).values()]
        return text if pairs == list(value.items()) else None

    def parse(self, lines: Mapping[int, str]) -> Any:
        errors: list[ValidationError] = []
        pairs: dict[str, str] = {}
        # Where each name was first; readers take capitals for small letters.
        first_lines: dict[str, int] = {}
        for number, line in lines.items():
            name, value = _split(line)
            first = first_lines.setdefault(name.casefold(), number)
            if "=" not in line or not name:
                text = gettext("Write a name, “=” and a type, like: %(example)s.")
                errors.append(_line_error(number, text % {"example": self.example}))
            elif not name.isascii():
                text = gettext("“%(name)s” has letters beyond those of English.")
                errors.append(_line_error(number, text % {"name": name}))
            elif value.lower() not in self.choices:
                text = gettext("“%(value)s” is no type. Write one of: %(choices)s.")
                words = {"value": value, "choices": ", ".join(self.choices)}
                errors.append(_line_error(number, text % words))
            elif first != number:
                text = gettext(
                    "“%(name)s” has a type in line %(first)s already. Take one away."
                )
                words = {"name": name, "first": str(first)}
                errors.append(_line_error(number, text % words))
            pairs[name] = value.lower()
        if errors:
            raise ValidationError(errors[:_MOST_ERRORS])
        return pairs


class ChecklistWidget(forms.CheckboxSelectMultiple):
    """Boxes to tick, with one more for each stored value that is no choice any more."""

    def __init__(self, attrs: dict[str, Any] | None = None, choices: Any = ()) -> None:
        super().__init__({"class": "checklist", **(attrs or {})}, choices)

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> Any:
        offered = {str(choice) for choice, _label in self.choices}
        others = [one for one in dict.fromkeys(value) if one not in offered]
        choices = self.choices
        self.choices = [*choices, *((one, one) for one in others)]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = choices


class ChecklistField(forms.MultipleChoiceField):
    """A list of known texts. A stored text that is not known keeps a ticked box."""

    widget = ChecklistWidget
    default_error_messages = {
        "invalid_choice": _("“%(value)s” is not known here. Take its tick away."),
    }

    def prepare_value(self, value: Any) -> Any:
        if value is None:
            return []
        values = value if isinstance(value, list) else [value]
        return [one if isinstance(one, str) else json_text(one) for one in values]

    def has_changed(self, initial: Any, data: Any) -> bool:
        if self.disabled:
            return False
        return set(self.prepare_value(initial)) != set(self.prepare_value(data))


def _unified(value: object) -> str:
    """Return a typed text with the ends of lines that Python writes."""
    text = "" if value is None else str(value)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _numbered(text: str) -> dict[int, str]:
    """Return the lines that hold something, by their numbers in the text."""
    lines = enumerate(text.split("\n"), start=1)
    return {number: line.strip() for number, line in lines if line.strip()}


def _split(line: str) -> tuple[str, str]:
    name, _sign, value = line.rpartition("=")
    return name.strip(), value.strip()


def _line_error(number: int, text: str) -> ValidationError:
    values = {"number": number, "text": text}
    return ValidationError(_("Line %(number)s: %(text)s"), params=values)
