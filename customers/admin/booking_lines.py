"""The lines of a booking as a table of inputs, instead of JSON.

A stored line comes back as it was unless its cells were changed: with it goes a hidden
copy, which has what no column is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import get_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin.display import json_text, short_decimal
from audit.admin.form_fields import parse_json
from audit.fields import TypedJSON

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

COLUMNS: dict[str, _StrOrPromise] = {
    "description": _("Description"),
    "quantity": _("Quantity"),
    "unit_price": _("Unit price"),
    "amount": _("Amount"),
}
_NUMBERS = {
    "quantity": forms.DecimalField(
        max_digits=15, decimal_places=3, min_value=0, localize=True
    ),
    "unit_price": forms.DecimalField(max_digits=15, decimal_places=3, localize=True),
    "amount": forms.DecimalField(max_digits=15, decimal_places=3, localize=True),
}
_EXTRA = 3
# Of more the table would be a page of its own, and the form too large to be read.
_MOST = 500
_LONGEST = 500
_SMALLEST = Decimal("0.001")
# What a German takes for thousands, and Python for a fraction.
_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
# A browser leaves them out of what an input of one line holds.
_UNSENT = re.compile(r"[\r\n\0]")


@dataclass(frozen=True)
class TypedLine:
    """The cells of one line of the table, and the stored line as JSON."""

    cells: Mapping[str, str]
    stored: str = ""

    def __str__(self) -> str:
        return " · ".join(text for text in self.cells.values() if text)


class TypedLines(list[TypedLine]):
    """What the table shows, or what was typed into it."""


def cells_of(line: Mapping[str, object]) -> dict[str, str]:
    """Return the texts of a stored line, as an input can hold them."""
    return {name: _cell(line.get(name)) for name in COLUMNS}


def draw_lines(value: object) -> TypedLines | None:
    """Return the table of a stored value, None for one that is no list of objects."""
    lines = value or []
    if not isinstance(lines, list) or len(lines) > _MOST:
        return None
    # What is nested too deep to be typed could not come back either.
    if not all(
        isinstance(line, dict) and parse_json(json_text(line)) == line for line in lines
    ):
        return None
    return TypedLines(TypedLine(cells_of(line), json_text(line)) for line in lines)


class LinesTable(forms.Widget):
    """A table of inputs: the lines, and some empty ones."""

    template_name = "admin/widgets/lines_table.html"
    use_fieldset = True

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        if not isinstance(value, TypedLines):
            # The name above is that of a group of inputs.
            label = {"aria-label": gettext("Lines")}
            area = forms.Textarea({"rows": 10, "cols": 40, **label})
            context["area"] = area.get_context(name, value, attrs)["widget"]
            return context
        empty = dict.fromkeys(COLUMNS, "")
        filled = [n for n, line in enumerate(value, 1) if line.stored or str(line)]
        lines = value[: max(filled, default=0)]
        lines += [TypedLine(empty)] * min(_EXTRA, max(0, _MOST - len(lines)))
        context["columns"] = COLUMNS.items()
        context["lines"] = [
            _line_context(f"{name}-{number}", number, line)
            for number, line in enumerate(lines, start=1)
        ]
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        if name in data:
            # JSON, of a value that the table cannot show.
            return data[name]
        numbers = sorted(_sent_numbers(data, name))
        if not numbers:
            return None
        return TypedLines(_sent_line(data, f"{name}-{number}") for number in numbers)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data and not _sent_numbers(data, name)

    def id_for_label(self, id_: str) -> str:
        # Each input has a name of its own.
        return ""


class BookingLinesField(forms.JSONField):
    """The lines of a booking. JSON is taken, too: the table cannot show all of it."""

    widget = LinesTable

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(decoder=TypedJSON, **kwargs)

    def bound_data(self, data: Any, initial: Any) -> Any:
        if isinstance(data, TypedLines) and not self.disabled:
            return data
        return super().bound_data(data, initial)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, TypedLines):
            return value
        lines = None if isinstance(value, str) else draw_lines(value)
        return super().prepare_value(value) if lines is None else lines

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, TypedLines):
            return super().to_python(value)
        errors: list[ValidationError] = []
        lines = []
        for number, typed in enumerate(value, start=1):
            try:
                line = read_line(typed, number)
            except ValidationError as error:
                errors.append(error)
                continue
            if line is not None:
                lines.append(line)
        if len(lines) > _MOST:
            msg = gettext("These are %(count)s lines. Leave at most %(most)s.")
            errors.append(ValidationError(msg % {"count": len(lines), "most": _MOST}))
        if errors:
            raise ValidationError(errors)
        return lines or None

    def has_changed(self, initial: Any, data: Any) -> bool:
        if not initial and data in self.empty_values:
            return False
        try:
            value = self.to_python(data)
        except ValidationError:
            return True
        if not value and not initial:
            return False
        return bool(super().has_changed(initial, json_text(value)))


def read_line(typed: TypedLine, number: int) -> dict[str, Any] | None:
    """Return a line to be stored, None for one that was emptied.

    Raises ValidationError that names the line and the column.
    """
    stored = parse_json(typed.stored)
    before = stored if isinstance(stored, dict) else {}
    drawn = cells_of(before)
    texts = {name: _sendable(text).strip() for name, text in typed.cells.items()}
    changed = {name for name in COLUMNS if texts[name] != drawn[name].strip()}
    if not changed:
        return before if isinstance(stored, dict) else None
    if not any(texts.values()):
        return None
    if not texts["description"]:
        raise _fault(number, "description", gettext("Write what was bought."))
    line = _merge(
        before, {name: texts[name] for name in COLUMNS if name in changed}, number
    )
    if not changed & _NUMBERS.keys():
        return line
    amount = _cell(line.get("amount"))
    # An amount that was the product goes on being it; one of another origin stays.
    follows = "amount" not in changed and amount == _product(before)
    if (follows or not amount) and (product := _product(line)) is not None:
        try:
            _NUMBERS["amount"].run_validators(Decimal(product))
        except ValidationError as error:
            raise _fault(number, "amount", " ".join(error.messages)) from error
        line["amount"] = product
    return line


def _merge(
    before: Mapping[str, Any], changes: Mapping[str, str], number: int
) -> dict[str, Any]:
    """Return a stored line with the cells that were changed."""
    line, errors = dict(before), []
    for name, text in changes.items():
        try:
            checked = _checked(name, text, number)
        except ValidationError as error:
            errors.append(error)
            continue
        line[name] = checked
        if not checked:
            del line[name]
    if errors:
        raise ValidationError(errors)
    return line


def _checked(name: str, text: str, number: int) -> str:
    """Return the text to be stored of a cell."""
    if name == "description":
        if len(text) > _LONGEST:
            msg = gettext("Shorten it to %(longest)s characters.")
            raise _fault(number, name, msg % {"longest": _LONGEST})
        return text
    if not text:
        return ""
    if get_format("DECIMAL_SEPARATOR") == "," and _THOUSANDS.fullmatch(text):
        msg = gettext("Write 1234 without a dot, and a fraction with a comma.")
        raise _fault(number, name, msg)
    try:
        value = _NUMBERS[name].clean(text)
    except ValidationError as error:
        raise _fault(number, name, " ".join(error.messages)) from error
    # There is no -0.
    return format(value or abs(value), "f")


def _product(line: Mapping[str, object]) -> str | None:
    """Return quantity times unit price, None where they are no numbers."""
    try:
        quantity = Decimal(_cell(line.get("quantity")) or "1")
        price = Decimal(_cell(line.get("unit_price")))
        amount = (quantity * price).quantize(_SMALLEST, rounding=ROUND_HALF_UP)
    except InvalidOperation:
        return None
    # Infinity has no smallest part, and NaN none of anything.
    if not amount.is_finite():
        return None
    return format(short_decimal(amount or abs(amount)), "f")


def _fault(number: int, name: str, text: str) -> ValidationError:
    values = {"number": number, "column": COLUMNS[name], "text": text}
    msg = _("Line %(number)s, %(column)s: %(text)s")
    return ValidationError(msg, code=name, params=values)


def _faulty_columns(line: TypedLine, number: int) -> set[str | None]:
    try:
        read_line(line, number)
    except ValidationError as error:
        return {each.code for each in error.error_list}
    return set()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json_text(value)
    return _sendable(text)


def _sendable(text: str) -> str:
    return _UNSENT.sub("", text)


def _line_context(prefix: str, number: int, line: TypedLine) -> dict[str, Any]:
    stored = parse_json(line.stored)
    others = stored if isinstance(stored, dict) else {}
    faulty = _faulty_columns(line, number)
    return {
        "prefix": prefix,
        "number": number,
        "stored": line.stored,
        "cells": [
            {
                "name": name,
                "label": label,
                "text": _cell(line.cells[name]),
                "is_faulty": name in faulty,
            }
            for name, label in COLUMNS.items()
        ],
        "others": [
            f"{key}: {_cell(value)}"
            for key, value in others.items()
            if key not in COLUMNS
        ],
    }


def _sent_numbers(data: Mapping[str, Any], name: str) -> set[int]:
    parts = "|".join([*COLUMNS, "stored"])
    pattern = re.compile(rf"{re.escape(name)}-([1-9][0-9]{{0,3}})-(?:{parts})")
    return {int(match[1]) for key in data if (match := pattern.fullmatch(key))}


def _sent_line(data: Mapping[str, Any], prefix: str) -> TypedLine:
    stored = str(data.get(f"{prefix}-stored", ""))
    before = parse_json(stored)
    drawn = cells_of(before if isinstance(before, dict) else {})
    # A cell that was not sent is as it was.
    cells = {name: str(data.get(f"{prefix}-{name}", drawn[name])) for name in COLUMNS}
    return TypedLine(cells, stored)
