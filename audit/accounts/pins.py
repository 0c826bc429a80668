"""Which PINs are too easy to guess. Pure functions; nothing here keeps a PIN."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_SHAPE = re.compile(r"[0-9]{6,12}")
_DATA = Path(__file__).parents[1] / "data"
_FEW_DIGITS = 3
_PERSONAL_DIGITS = 4
_DATE_FORMS = {
    6: ("dmy", "mdy", "ymd", "my4", "y4m"),
    8: ("dmy4", "mdy4", "y4md", "y4dm"),
}


@sensitive_variables("pin")
def check_pin(pin: str, *, personal: Iterable[str] = ()) -> None:
    """Raise ValidationError, whose code says why, for a PIN that is easy to guess.

    `own` are texts whose digits others know: the person's user name, address, phone.
    """
    if not _SHAPE.fullmatch(pin):
        msg = gettext("A PIN has 6 to 12 digits and nothing else.")
        raise ValidationError(msg, code="invalid_pin")
    for code, sentence, is_weak in _RULES:
        if is_weak(pin):
            raise ValidationError(sentence, code=code)
    if any(_shares_digits(pin, text) for text in personal):
        msg = gettext("This PIN holds digits of your name or address. Take others.")
        raise ValidationError(msg, code="own_pin")


@sensitive_variables("pin")
def is_denied(pin: str) -> bool:
    """Tell whether a PIN is on the list that names its entries by their hash alone."""
    rounds, salt, *denied = _lines("denied_pins.txt")
    key = hashlib.pbkdf2_hmac(
        "sha256", pin.encode(), bytes.fromhex(salt), int(rounds)
    ).hex()
    return any(hmac.compare_digest(key, entry) for entry in denied)


@cache
def _lines(name: str) -> tuple[str, ...]:
    lines = (_DATA / name).read_text(encoding="ascii").split("\n")
    return tuple(line for line in lines if line and line[0] != "#")


def _is_common(pin: str) -> bool:
    return pin in _lines("common_pins.txt")


def _is_sequence(pin: str) -> bool:
    """Tell whether each digit is as far from the next: 234567, 975319, 444444."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    return len(steps) == 1


def _repeats(pin: str) -> bool:
    """Tell whether a PIN is a short piece again and again: 272727, 583583, 5835835."""
    return any(
        pin == (pin[:n] * len(pin))[: len(pin)] for n in range(1, len(pin) // 2 + 1)
    )


def _is_pattern(pin: str) -> bool:
    """Tell whether few digits, doubled digits or a mirror make it: 223344, 573375."""
    without_repeats = re.sub(r"(.)\1+", r"\1", pin)
    return (
        len(set(pin)) < _FEW_DIGITS
        or pin == pin[::-1]
        or (len(without_repeats) <= len(pin) // 2 and _is_sequence(without_repeats))
    )


def _is_date(pin: str) -> bool:
    return any(_reads_as(pin, form) for form in _DATE_FORMS.get(len(pin), ()))


def _reads_as(pin: str, form: str) -> bool:
    """Tell whether digits are a date in a form like `dmy` or `y4md`."""
    numbers = {"d": 1, "m": 1, "y": 2000}
    rest = pin
    for name, length in re.findall(r"([dmy])(4?)", form):
        size = int(length or 2)
        numbers[name], rest = int(rest[:size]), rest[size:]
    year = numbers["y"] if "4" in form else 2000 + numbers["y"]
    if not 1900 <= year < 2100:  # noqa: PLR2004 - the years people write
        return False
    try:
        date(year, numbers["m"], numbers["d"])
    except ValueError:
        return False
    return True


def _shares_digits(pin: str, text: str) -> bool:
    digits = re.sub(r"[^0-9]", "", text)
    return len(digits) >= _PERSONAL_DIGITS and (pin in digits or digits in pin)


_RULES: tuple[tuple[str, _StrPromise, Callable[[str], bool]], ...] = (
    ("denied_pin", _("This PIN stands in a public document. Take another."), is_denied),
    ("sequence_pin", _("Digits in a row are guessed first. Mix them."), _is_sequence),
    ("repeated_pin", _("Repeated digits are guessed early. Mix them."), _repeats),
    ("pattern_pin", _("This is a pattern. Take digits that make none."), _is_pattern),
    (
        "date_pin",
        _("Dates are guessed early. Take another."),
        _is_date,
    ),
    ("common_pin", _("Many people take this PIN. Take another."), _is_common),
)
