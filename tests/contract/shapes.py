"""Shapes of JSON answers: exact keys, and for each the type of its value."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Maybe:
    """A value of this shape, or null."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


class Also:
    """An object that may have these further keys."""

    def __init__(self, shape: dict[str, Any], further: dict[str, Any]) -> None:
        self.shape, self.further = shape, further


def _is_uuid(value: Any) -> bool:
    return isinstance(value, str) and str(UUID(value)) == value


def _is_amount(value: Any) -> bool:
    # Parsed with parse_float=Decimal: a number, and no text.
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


CHECKS: dict[str, Any] = {
    "id": _is_uuid,
    "time": lambda v: isinstance(v, str) and _TIME.fullmatch(v),
    "day": lambda v: isinstance(v, str) and _DAY.fullmatch(v),
    "amount": _is_amount,
    "text": lambda v: isinstance(v, str) and v != "",
    "count": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "flag": lambda v: isinstance(v, bool),
    "any": lambda _: True,
}


def differences(found: Any, shape: Any, at: str = "") -> list[str]:
    """Return where an answer is not of a shape; nothing when it is."""
    if isinstance(shape, Maybe):
        return [] if found is None else differences(found, shape.shape, at)
    if isinstance(shape, Also):
        further = {k: s for k, s in shape.further.items() if k in found}
        return differences(found, shape.shape | further, at)
    if isinstance(shape, dict):
        return _of_object(found, shape, at)
    if isinstance(shape, list):
        if not isinstance(found, list) or not found:
            return [f"{at}: a list with something in it, not {found!r}"]
        return [d for n, row in enumerate(found) for d in _item(row, shape, at, n)]
    return [] if CHECKS[shape](found) else [f"{at}: {shape}, not {found!r}"]


def _item(row: Any, shape: list[Any], at: str, number: int) -> list[str]:
    return differences(row, shape[0], f"{at}/{number}")


def _of_object(found: Any, shape: dict[str, Any], at: str) -> list[str]:
    if not isinstance(found, dict):
        return [f"{at}: an object, not {found!r}"]
    wrong = [f"{at}/{key}: missing" for key in shape.keys() - found.keys()]
    wrong += [f"{at}/{key}: not in the document" for key in found.keys() - shape.keys()]
    for key in shape.keys() & found.keys():
        wrong += differences(found[key], shape[key], f"{at}/{key}")
    return sorted(wrong)
