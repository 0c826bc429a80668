"""Phone numbers: E.164 beside what was typed. Pure functions."""

from __future__ import annotations

from typing import Any

import phonenumbers

_ANY_COUNTRY = "GB"


def to_e164(typed: str | None, region: str | None) -> str | None:
    """Return the E.164 form of a number, or None for an invalid one.

    `region` is the ISO alpha-2 country of numbers without a country code.
    """
    if not typed:
        return None
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def example_number(region: str | None) -> str:
    """Return how a number of a country is written with its code; nobody has it."""
    regions = (region, _ANY_COUNTRY) if region else (_ANY_COUNTRY,)
    number: Any = next(filter(None, map(phonenumbers.example_number, regions)))
    style = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(number, style))
