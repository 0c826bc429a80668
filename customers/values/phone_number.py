"""A phone number as it is dialled from anywhere: E.164, beside what was typed."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from phonenumbers import PhoneNumberFormat, ValidationResult

from audit.privacy.invisible import clean_address, without_unseen

CODE = "phone_invalid"
LONGEST = 50
_ANY_COUNTRY = "GB"
# What a spreadsheet makes of a long number in a cell that is no text: 4.93E+11, also
# where the comma is decimal, and 491711234567.0.
_DAMAGED = re.compile(
    r"(?<![0-9])[+-]?[0-9]{1,20}(?:[.,][0-9]{1,20})?[eE][+-]?[0-9]{1,3}"
    r"|(?<![0-9])[0-9]{7,20}\.0{1,9}"
)
# The apostrophe of a spreadsheet, by which a cell is text.
_QUOTED = re.compile(r"'(?=[+0-9])")
# The zero that is dialled inside of the country alone.
_TRUNK = re.compile(r"\(\s?0\s?\)")
_EXTENSION = re.compile(
    r"(?:;\s?ext\s?=|\bextension\b|\bext\b\.?|#|(?<![a-z])x(?![a-z]))\s{0,3}[0-9]{1,9}\Z",
    re.IGNORECASE,
)
_NUMBER = re.compile("\\(?\\+?[0-9\\s()./\u2010-\u2015\u2212-]+")
_HALVES = re.compile("[\ud800-\udfff]")
# Letters for digits, as on the dials of North America, in numbers that are free.
_LETTERED = re.compile(
    r"(?:\+?1[\s.-]*)?\(?8(?:00|33|44|55|66|77|88)\)?[\s.-]*(?=[A-Z0-9-]{7,})[A-Z0-9-]+"
)
_NORTH_AMERICA = 1


def parse_phone(raw: object, country: str | None) -> str | None:
    """Return the E.164 form of a number, None for an empty value.

    `country` is the ISO alpha-2 one of numbers without a country code. An extension and
    a `(0)` are no part of the key; a whole number is read as its digits. Raises
    ValidationError `phone_invalid`, also for two numbers and for cells that a
    spreadsheet has damaged, or `invisible_character`, which names the sign.
    """
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise _unusable(country)
    text = clean_phone(str(raw))
    if not text:
        return None
    key = _key(text, country)
    if key is None:
        raise _unusable(country)
    return key


def to_e164(typed: str | None, country: str | None) -> str | None:
    """Return the E.164 form of what was typed, or None: nobody is called by it."""
    if not typed:
        return None
    try:
        return _key(clean_phone(typed), country)
    except ValidationError:
        return None


def _key(text: str, country: str | None) -> str | None:
    number = _parsed(text, country or None)
    if number is None:
        return None
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def without_extension(text: str) -> str:
    """Return a number without the extension behind it."""
    return _EXTENSION.sub("", text).rstrip()


def digits_of(text: str) -> str:
    """Return the ASCII digits of what may be a number, or a part of one.

    Without a `(0)` and an extension; of the first hundred characters.
    """
    plain = _TRUNK.sub("", without_extension(_in_ascii(text[: LONGEST * 2])))
    return "".join(sign for sign in plain if sign.isascii() and sign.isdigit())


def captured_phone(raw: object) -> tuple[str | None, bool]:
    """Return a number that a program sent, as typed, and whether one was lost.

    Without the signs that nobody sees. What a spreadsheet has damaged, what is longer
    than a number, and what is neither text nor digits is none.
    """
    if raw is None:
        return None, False
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        return None, True
    phone = without_unseen(str(raw)[: LONGEST * 2]).strip()
    if is_damaged(phone) or len(phone) > LONGEST or _HALVES.search(phone):
        return None, True
    return phone or None, False


def clean_phone(text: str) -> str:
    """Return a number as it was typed, without what copying leaves at its ends.

    Raises ValidationError `phone_invalid` for a cell that a spreadsheet has damaged:
    nobody can say which number it was. Any other is a matter of who writes it.
    """
    if "\0" in text:
        raise _unusable(None)
    text = clean_address(text)
    if is_damaged(text):
        msg = _(
            "A spreadsheet has damaged this number. Make the cell a text, and write "
            "the number with its country code, like +44 121 234 5678."
        )
        raise ValidationError(msg, code=CODE)
    return text


def is_damaged(text: str) -> bool:
    """Tell whether digits of a number were lost, as in 4.93E+11."""
    return _DAMAGED.fullmatch(text.strip()) is not None


def example_number(country: str | None) -> str:
    """Return how a number of a country is written with its code; nobody has it."""
    regions = (country, _ANY_COUNTRY) if country else (_ANY_COUNTRY,)
    number: Any = next(filter(None, map(phonenumbers.example_number, regions)))
    style = PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(number, style))


def _unusable(country: str | None) -> ValidationError:
    msg = _(
        "This is no number that can be called. Write one, with its country code, like "
        "%(example)s."
    )
    return ValidationError(msg % {"example": example_number(country)}, code=CODE)


def _parsed(text: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    if len(text) > LONGEST:
        return None
    plain = without_extension(_in_ascii(text))
    if _NUMBER.fullmatch(plain) is None and not _is_lettered(plain, country):
        return None
    plain = _TRUNK.sub(" ", plain)
    number = _read_number(plain, country)
    if country and plain.isdigit() and _lacks_plus(plain, country):
        coded = _read_number(f"+{plain}", None)
        return coded if coded and phonenumbers.is_valid_number(coded) else number
    return number


def _read_number(text: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    reason = phonenumbers.is_possible_number_with_reason(number)
    return number if reason == ValidationResult.IS_POSSIBLE else None


def _lacks_plus(digits: str, country: str) -> bool:
    """Tell whether digits begin with the country code, and lack the plus alone.

    Where numbers begin with a trunk prefix inside of the country, as with 0.
    """
    prefix = phonenumbers.ndd_prefix_for_region(country, True)  # noqa: FBT003 - the library's signature
    code = str(phonenumbers.country_code_for_region(country))
    return digits.startswith(code) and not digits.startswith(prefix or code)


def _in_ascii(text: str) -> str:
    """Return a number with ASCII digits, and without what says that it is one."""
    text = "".join(str(d) if (d := _digit(sign)) is not None else sign for sign in text)
    text = unicodedata.normalize("NFKC", text)
    return _QUOTED.sub("", text, count=1).removeprefix("tel:").strip()


def _digit(sign: str) -> int | None:
    return None if sign.isascii() else unicodedata.decimal(sign, None)


def _is_lettered(text: str, country: str | None) -> bool:
    code = phonenumbers.country_code_for_region(country) if country else 0
    is_american = code == _NORTH_AMERICA or text.startswith("+1")
    return is_american and _LETTERED.fullmatch(text) is not None
