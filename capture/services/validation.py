"""What a message must have to be taken. Says what is wrong, never with the value."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from capture.choices import CaptureType
from capture.envelope import Envelope, Problem
from customers.money import CURRENCIES

ILLEGAL_IDS = frozenset(
    {
        "null",
        "undefined",
        "none",
        "nan",
        "0",
        "anonymous",
        "guest",
        "[object object]",
        "00000000-0000-0000-0000-000000000000",
    }
)
_AMOUNTS = ("original_price", "discount_amount", "final_price")
_MAX_AMOUNT = Decimal(10) ** 12
_LONGEST = 255


def find_problem(envelope: Envelope) -> Problem | None:
    """Return the first reason why a message cannot be taken, or None."""
    for check in (_reported, _identity, _amounts, _currency):
        problem = check(envelope)
        if problem is not None:
            return problem
    return None


def _reported(envelope: Envelope) -> Problem | None:
    return envelope.problem


def _identity(envelope: Envelope) -> Problem | None:
    who = envelope.identity
    if not (who.email or who.user_id or who.anonymous_id):
        return Problem("no_identity", "/user_email", "Send user_email or user_id.")
    for name in ("email", "user_id", "anonymous_id"):
        value = getattr(who, name)
        if value and (value.casefold() in ILLEGAL_IDS or len(value) > _LONGEST):
            return Problem(
                "illegal_identity", f"/{name}", "This names nobody. Send a real id."
            )
    if who.email:
        try:
            validate_email(who.email)
        except ValidationError:
            return Problem(
                "schema_violation",
                "/user_email",
                "Enter an e-mail address like name@example.org.",
            )
    return None


def _amounts(envelope: Envelope) -> Problem | None:
    if envelope.type != CaptureType.PAYMENT:
        return None
    for name in _AMOUNTS:
        value = envelope.fields.get(name)
        if value is None:
            continue
        amount = to_decimal(value)
        if amount is None or not 0 <= amount < _MAX_AMOUNT:
            return Problem(
                "amount_invalid", f"/{name}", "Send an amount of zero or more."
            )
    return None


def _currency(envelope: Envelope) -> Problem | None:
    code = envelope.fields.get("currency")
    if envelope.type != CaptureType.PAYMENT or code is None:
        return None
    if isinstance(code, str) and code.upper() in CURRENCIES:
        return None
    return Problem("currency_unknown", "/currency", "Send an ISO 4217 code, like EUR.")


def to_decimal(value: Any) -> Decimal | None:
    """Return a number that came as a number or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
