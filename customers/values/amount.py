"""Amounts of money: how they are written, how large they are, and in which decimals."""

from __future__ import annotations

import re
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from customers.money import CURRENCIES, exponent, quantise, to_column_decimals

# The bound of the columns: amounts are below it.
LIMIT = Decimal(10) ** 12
EXAMPLE = "1234.50"
# ASCII digits and one dot. What groups of thousands and a comma mean nobody can tell,
# and a text with an exponent is what a spreadsheet made of another number.
_TEXT = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)")
# A number of JSON has an exponent; no double holds a larger or a smaller one, and what
# no computer holds is none in digits either.
_MAX_EXPONENT = 308


def parse_number(raw: object) -> Decimal | None:
    """Return the number that came as a text or as a number of JSON.

    None where nothing came: null, or a text of blanks. Raises ValidationError
    `amount_invalid`.
    """
    if raw is None:
        return None
    if isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        if not _TEXT.fullmatch(text):
            raise invalid_amount()
        number = Decimal(text)
    elif isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        raise invalid_amount()
    else:
        # A float comes from a JSON parser; its shortest form is what was sent.
        number = Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw)
    if not number.is_finite() or (number and abs(number.adjusted()) > _MAX_EXPONENT):
        raise invalid_amount()
    # There is no -0.
    return number or number.copy_abs()


def parse_amount(
    raw: object, currency: str, *, is_signed: bool = False
) -> Decimal | None:
    """Return what came as an amount in the decimals of its currency, None for nothing.

    Raises ValidationError as `parse_number` and `check_amount` do.
    """
    number = parse_number(raw)
    if number is None:
        return None
    check_amount(number, currency, is_signed=is_signed)
    return quantise(number, currency)


def check_amount(
    amount: Decimal | int, currency: str | None, *, is_signed: bool = False
) -> None:
    """Raise ValidationError unless an amount is a whole number of smallest coins.

    Codes: `amount_too_large`, `too_many_decimals`, and `amount_negative` unless it
    `is_signed`, as entries of credit are. Without a known currency an amount has the
    decimals of the column.
    """
    amount = Decimal(amount)
    is_negative = amount < 0 and not is_signed
    if abs(amount) < LIMIT:
        # One of more digits could not be rounded.
        _check_decimals(amount, currency)
    elif not is_negative:
        raise _too_large()
    if is_negative:
        msg = _("An amount is zero or more. Write it without the minus.")
        raise ValidationError(msg, code="amount_negative")


def round_amount(raw: object, currency: str | None) -> tuple[Decimal | None, bool]:
    """Return what a program sent as an amount, and whether it had to be rounded.

    Rounded once, half to even, to the decimals of the currency, or of the column where
    it is not known. None for nothing.
    Raises ValidationError `amount_invalid` for what is no amount of zero or more, is
    too large, or is so small that nothing would be left of it.
    """
    number = parse_number(raw)
    if number is None:
        return None, False
    if number < 0:
        msg = _("An amount is zero or more. Write it without the minus.")
        raise ValidationError(msg, code="amount_invalid")
    rounded = number
    if number < LIMIT:
        rounded = quantise(number, currency) if currency else to_column_decimals(number)
    if rounded >= LIMIT:
        raise _too_large("amount_invalid")
    if number and not rounded:
        msg = _("This is less than the smallest coin of its currency. Send more.")
        raise ValidationError(msg, code="amount_invalid")
    return rounded, rounded != number


def invalid_amount(example: str = EXAMPLE) -> ValidationError:
    """Return the refusal of what is no number; the example is as its reader writes."""
    msg = _("Write a plain number, like %(example)s.")
    return ValidationError(msg % {"example": example}, code="amount_invalid")


def _check_decimals(amount: Decimal, currency: str | None) -> None:
    if currency is None or currency not in CURRENCIES:
        if to_column_decimals(amount) != amount:
            msg = _("An amount has at most three decimals. Write it with these.")
            raise ValidationError(msg, code="too_many_decimals")
        return
    if quantise(amount, currency) == amount:
        return
    if decimals := exponent(currency):
        msg = _("%(currency)s has %(count)s decimals. Write the amount with these.")
    else:
        msg = _("%(currency)s has no decimals. Write the amount with these.")
    msg %= {"currency": currency, "count": decimals}
    raise ValidationError(msg, code="too_many_decimals")


def _too_large(code: str = "amount_too_large") -> ValidationError:
    msg = _("An amount has at most 12 digits before its decimals. Write a smaller one.")
    return ValidationError(msg, code=code)
