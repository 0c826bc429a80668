"""Rules that staff write: conditions joined by all and any, read into a filter.

A rule is `{"all": […]}`, `{"any": […]}` or `{"field": …, "op": …, "value": …}`. Times
may be relative: `-30d` is 30 times 24 hours before now, `+7d` after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone

from audit.datetimes import is_in_range, parse_moment
from audit.json_text import JsonValue
from customers.choices import CustomerStatus, CustomerType
from customers.models import Business
from customers.values.amount import check_amount, parse_number

MAX_DEPTH = 5
MAX_PARTS = 50
_RELATIVE = re.compile(r"([+-])(\d{1,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_HUMP = re.compile(r"(?<=[a-z])([A-Z])")
_MAX_CHOICES = 50

_EQUAL = ("eq", "ne")
_ORDERED = (*_EQUAL, "gt", "gte", "lt", "lte")
_LOOKUPS = {"gt": "__gt", "gte": "__gte", "lt": "__lt", "lte": "__lte", "in": "__in"}


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a rule, and where: a JSON pointer within the rule."""

    pointer: str
    code: str
    message: str


class RuleError(ValueError):
    """A rule that cannot be read; `mistakes` name each place."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("The rule cannot be read.")
        self.mistakes = mistakes


@dataclass(frozen=True)
class _Field:
    path: str
    ops: tuple[str, ...]
    read: Callable[[object, _Reading], object]
    hint: str


@dataclass
class _Reading:
    """One rule on its way into a filter."""

    business: Business
    now: datetime
    parts: int = 0
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, pointer: str, code: str, message: str) -> Q:
        self.mistakes.append(Mistake(pointer, code, message))
        return Q()


def read_rule(rule: object, *, business: Business, now: datetime | None = None) -> Q:
    """Return a rule as a filter of customers. Raises RuleError with every mistake.

    A missing value, such as the last login of a customer who never signed in, meets no
    comparison; `is_null` finds it.
    """
    reading = _Reading(business, now or timezone.now())
    condition = _parse_rule(rule, reading, "", 1)
    if reading.mistakes:
        raise RuleError(reading.mistakes)
    return condition


def age_rule(name: str, days: int, *, is_within: bool) -> dict[str, JsonValue]:
    """Return the condition that a time is within the last days, or longer ago.

    A day is 24 hours. Who has no such time meets neither.
    """
    return {"field": name, "op": "gt" if is_within else "lte", "value": f"-{days}d"}


def plain_rule(rule: object) -> JsonValue:
    """Return a rule as the trail keeps it: fractions as text."""
    if isinstance(rule, dict):
        return {str(key): plain_rule(value) for key, value in rule.items()}
    if isinstance(rule, list):
        return [plain_rule(item) for item in rule]
    is_plain = rule is None or isinstance(rule, bool | int | str)
    return rule if is_plain else str(rule)


def _parse_rule(rule: object, reading: _Reading, pointer: str, depth: int) -> Q:
    reading.parts += 1
    if reading.parts > MAX_PARTS:
        if reading.parts == MAX_PARTS + 1:
            text = f"A rule has at most {MAX_PARTS} parts. Make it smaller."
            reading.wrong(pointer, "too_large", text)
        return Q()
    if not isinstance(rule, dict):
        return reading.wrong(pointer, "invalid", "Send an object.")
    names = set(rule)
    if names in ({"all"}, {"any"}):
        if depth > MAX_DEPTH:
            text = f"Rules are nested at most {MAX_DEPTH} deep. Make it flatter."
            return reading.wrong(pointer, "too_deep", text)
        return _joined(rule, reading, pointer, depth)
    if names != {"field", "op", "value"}:
        text = "Send all, any, or field with op and value; nothing else beside them."
        return reading.wrong(pointer, "invalid", text)
    return _condition(rule, reading, pointer)


def _joined(rule: dict[str, object], reading: _Reading, pointer: str, depth: int) -> Q:
    [(name, parts)] = rule.items()
    if not isinstance(parts, list) or not parts:
        text = "Send a list with one condition or more."
        return reading.wrong(f"{pointer}/{name}", "invalid", text)
    conditions = [
        _parse_rule(part, reading, f"{pointer}/{name}/{number}", depth + 1)
        for number, part in enumerate(parts[: MAX_PARTS + 1])
    ]
    joined = conditions[0]
    for part in conditions[1:]:
        joined = joined & part if name == "all" else joined | part
    return joined


def _condition(rule: dict[str, object], reading: _Reading, pointer: str) -> Q:
    name = _HUMP.sub(r"_\1", str(rule["field"])).lower()
    rule_field = _FIELDS.get(name)
    if rule_field is None:
        text = f"Fields are {', '.join(_FIELDS)}."
        return reading.wrong(f"{pointer}/field", "unknown_field", text)
    op, value = rule["op"], rule["value"]
    if op not in rule_field.ops:
        text = f"Operators of this field are {', '.join(rule_field.ops)}."
        return reading.wrong(f"{pointer}/op", "invalid_choice", text)
    at = f"{pointer}/value"
    if op == "is_null":
        if isinstance(value, bool):
            return Q(**{f"{rule_field.path}__isnull": value})
        return reading.wrong(at, "incorrect_type", "Send true or false.")
    if op == "in":
        return _one_of(rule_field, value, reading, at)
    return _compared(rule_field, op, value, reading, at)


def _compared(
    rule_field: _Field, op: str, value: object, reading: _Reading, at: str
) -> Q:
    read = rule_field.read(value, reading)
    if read is None:
        return reading.wrong(at, "invalid", rule_field.hint)
    condition = Q(**{f"{rule_field.path}{_LOOKUPS.get(op, '')}": read})
    has_one = Q(**{f"{rule_field.path}__isnull": False})
    return ~condition & has_one if op == "ne" else condition


def _one_of(rule_field: _Field, value: object, reading: _Reading, at: str) -> Q:
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_CHOICES:
        text = f"Send a list of 1 to {_MAX_CHOICES} values."
        return reading.wrong(at, "incorrect_type", text)
    read = [rule_field.read(item, reading) for item in value]
    wrong = [number for number, item in enumerate(read) if item is None]
    for number in wrong:
        reading.wrong(f"{at}/{number}", "invalid", rule_field.hint)
    return Q(**{f"{rule_field.path}__in": read})


# --- values: what is none of the field's is None ------------------------------------


def _parse_amount(value: object, _: _Reading) -> Decimal | None:
    try:
        amount = parse_number(value)
        if amount is not None:
            check_amount(amount, None, is_signed=True)
    except ValidationError:
        return None
    return amount


def _whole(value: object, reading: _Reading) -> int | None:
    amount = _parse_amount(value, reading)
    limit = 2**31
    if amount is None or amount != int(amount) or not -limit <= amount < limit:
        return None
    return int(amount)


def _parse_time(value: object, reading: _Reading) -> datetime | None:
    if not isinstance(value, str):
        return None
    if match := _RELATIVE.fullmatch(value):
        return _relative_time(reading.now, match)
    try:
        return parse_moment(value, reading.business.zone, takes_first=True)
    except ValidationError:
        return None


def _day(value: object, reading: _Reading) -> date | None:
    moment = _parse_time(value, reading)
    return reading.business.local_day(moment) if moment else None


def _relative_time(now: datetime, match: re.Match[str]) -> datetime | None:
    sign, number, unit = match.groups()
    delta = timedelta(**{_UNITS[unit]: int(number)})
    moment = now - delta if sign == "-" else now + delta
    return moment if is_in_range(moment) else None


def _choice(values: list[str]) -> Callable[[object, _Reading], str | None]:
    return lambda value, _: (
        value if isinstance(value, str) and value in values else None
    )


def _flag(value: object, _: _Reading) -> bool | None:
    return value if isinstance(value, bool) else None


_AMOUNT_HINT = 'Send a number like "100.00", with three decimals at most.'
_WHOLE_HINT = "Send a whole number."
_TIME_HINT = (
    "Send a time (RFC 3339), a day like 2026-11-20, or one like -30d; from 1900 on and "
    "before 2200."
)


def _chosen(path: str, values: list[str], *more: str) -> _Field:
    hint = f"Send one of {', '.join(values)}."
    return _Field(path, (*_EQUAL, "in", *more), _choice(values), hint)


_FIELDS: dict[str, _Field] = {
    "total_spent": _Field("stats__total_spent", _ORDERED, _parse_amount, _AMOUNT_HINT),
    "total_purchases": _Field("stats__total_purchases", _ORDERED, _whole, _WHOLE_HINT),
    "joined_at": _Field("joined_at", _ORDERED, _parse_time, _TIME_HINT),
    "last_login_at": _Field(
        "stats__last_login_at", (*_ORDERED, "is_null"), _parse_time, _TIME_HINT
    ),
    "last_active_at": _Field(
        "stats__last_active_at", (*_ORDERED, "is_null"), _parse_time, _TIME_HINT
    ),
    "last_purchase_date": _Field(
        "stats__last_purchase_date", (*_ORDERED, "is_null"), _day, _TIME_HINT
    ),
    "customer_type": _chosen("customer_type", CustomerType.values, "is_null"),
    "status": _chosen("status", CustomerStatus.values),
    "is_repeat_customer": _Field(
        "stats__is_repeat_customer", _EQUAL, _flag, "Send true or false."
    ),
}
