"""Phone numbers: E.164 beside what was typed. Pure functions."""

from __future__ import annotations

import phonenumbers


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
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
