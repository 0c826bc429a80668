"""Looking into JSON of any shape without stumbling, and exact amounts out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from django.core.exceptions import ValidationError

from audit.json_text import JsonObject, JsonValue
from audit.privacy.invisible import trimmed
from capture.envelope import Issue
from customers.money import CURRENCIES, exponent
from customers.values.amount import parse_number
from customers.values.answer import parse_answer

# The warning for an optional value that is not read: the capture has it all the same.
DOES_NOT_FIT = "does_not_fit"
# Stripe counts these in other units than ISO 4217 shows.
_STRIPE_EXPONENTS = {"ISK": 2, "UGX": 2, "MGA": 0}
# More than any purchase, and far from where decimals lose digits.
_MAX_MINOR = 10**15
_LONGEST_REFERENCE = 200
_T = TypeVar("_T")


class Unfit(Exception):  # noqa: N818 - no error of the program
    """A message that cannot be taken, and why."""

    def __init__(self, code: str, pointer: str, message: str) -> None:
        super().__init__(message)
        self.issue = Issue(code, pointer, message)


@dataclass(frozen=True)
class Place:
    """A value and its path, which an issue names.

    `warnings` are those of the whole message: of values that are no text, or no answer.
    """

    value: JsonValue
    path: str
    warnings: dict[tuple[str, str], None] = field(default_factory=dict, compare=False)

    def at(self, *keys: str | int) -> Place:
        """Return a value further down; None where the way ends."""
        member: JsonValue = self.value
        for key in keys:
            member = _member(member, key)
        path = "/".join([self.path, *map(str, keys)]).lstrip("/")
        return Place(member, path, self.warnings)

    def text(self, *keys: str | int) -> str | None:
        """Return the text further down, if there is some."""
        here = self.at(*keys)
        return here.noted(text(here.value))

    def answer(self, *keys: str | int) -> bool | None:
        """Return the yes or no further down, if there is some."""
        here = self.at(*keys)
        return here.noted(answer(here.value))

    def noted(self, value: _T | None) -> _T | None:
        """Return what was read here; for what could not be read there is a warning."""
        self.warnings.update(dict.fromkeys(misfit(self.path, self.value, value)))
        return value

    def items(self, *keys: str | int) -> list[Place]:
        """Return the items of a list further down."""
        here = self.at(*keys)
        length = len(here.value) if isinstance(here.value, list) else 0
        return [here.at(n) for n in range(length)]


def _member(value: object, key: str | int) -> JsonValue:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def text(value: object) -> str | None:
    """Return a value as text; None for blanks, truths, objects and lists."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    return str(value).strip() or None


def answer(value: object) -> bool | None:
    """Return a yes or no in any spelling; None for anything else."""
    try:
        return parse_answer(value)
    except ValidationError:
        return None


def misfit(path: str, sent: object, value: object) -> list[tuple[str, str]]:
    """Return the warning for what was sent and could not be read as a value."""
    is_read = value is not None or is_unsaid(sent)
    return [] if is_read else [(DOES_NOT_FIT, f"/{path}")]


def is_unsaid(value: object) -> bool:
    """Tell whether a value says nothing: null, or a text of blanks."""
    return value is None or (isinstance(value, str) and not trimmed(value))


def first(*values: _T | None) -> _T | None:
    """Return the first that is not None."""
    return next((value for value in values if value is not None), None)


def as_object(value: object) -> JsonObject:
    """Return the object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def moment(value: object) -> object:
    """Return what may be a time, unparsed: text or a number."""
    is_time = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    return value if is_time else None


def references(ids: Iterable[str | None]) -> list[str]:
    """Return the ids without gaps and repeats; none holds a blank or is very long."""
    names = ("_".join(name.split())[:_LONGEST_REFERENCE] for name in ids if name)
    return list(dict.fromkeys(names))


def without_none(fields: JsonObject) -> JsonObject:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def currency_of(place: Place) -> str | None:
    """Return a currency in upper case; raise Unfit for one that does not exist."""
    if place.value is None:
        return None
    code = (text(place.value) or "").upper()
    if code not in CURRENCIES:
        raise Unfit(
            "currency_unknown", f"/{place.path}", "This is no currency of ISO 4217."
        )
    return code


def from_minor(place: Place, currency: str | None) -> Decimal | None:
    """Return Stripe's whole number of the smallest unit as an amount.

    None if there is none; raises Unfit for anything but a whole number.
    """
    value = place.value
    if value is None:
        return None
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or abs(value) >= _MAX_MINOR:
        raise _bad_amount(place, "Amounts are whole numbers of the smallest unit.")
    if currency is None:
        raise Unfit(
            "currency_unknown", f"/{place.path}", "An amount without its currency."
        )
    return Decimal(value).scaleb(-_STRIPE_EXPONENTS.get(currency, exponent(currency)))


def from_major(place: Place) -> Decimal | None:
    """Return an amount in major units; None if there is none, Unfit for no number."""
    try:
        return parse_number(place.value)
    except ValidationError as error:
        raise _bad_amount(place, "Send an amount like 12.50.") from error


def required(amount: Decimal | None, place: Place) -> Decimal:
    """Return an amount that must be there and not below zero."""
    if amount is None or amount < 0:
        raise _bad_amount(place, "The amount of the payment must be zero or more.")
    return amount


def _bad_amount(place: Place, message: str) -> Unfit:
    return Unfit("amount_invalid", f"/{place.path}", message)
