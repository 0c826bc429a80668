"""What a message must have to be taken. Says what is wrong, never with the value."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation

from audit.privacy.invisible import clean_address
from capture.adapters import AMOUNT_KEYS, AMOUNTS, snake
from capture.choices import CaptureType, Trust
from capture.envelope import Envelope, Issue
from customers.money import CURRENCIES
from customers.values.email_address import parse_email

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
# What a person who sent Global Privacy Control does not mean to tell.
_NOT_UNDER_GPC = (CaptureType.PAGE, CaptureType.EVENT, CaptureType.DASHBOARD)
_MAX_AMOUNT = Decimal(10) ** 12
_LONGEST = 255
_TRUTHS: dict[object, bool] = {"true": True, "false": False, 1: True, 0: False}


def find_issue(envelope: Envelope) -> Issue | None:
    """Return the first reason why a message cannot be taken, or None."""
    if envelope.issue is not None:
        return envelope.issue
    for check in (
        _check_gpc,
        _check_identity,
        _check_amounts,
        _check_currency,
        _check_success,
    ):
        issue = check(envelope)
        if issue is not None:
            return issue
    return None


def _check_gpc(envelope: Envelope) -> Issue | None:
    if envelope.gpc and envelope.type in _NOT_UNDER_GPC:
        return Issue(
            "consent_denied_record", "", "The browser asks not to be followed (GPC)."
        )
    return None


def _check_identity(envelope: Envelope) -> Issue | None:
    who = envelope.identity
    # A provider may send its own ids only; such an event is linked later.
    if envelope.trust != Trust.WEBHOOK and not (
        who.email or who.user_id or who.anonymous_id
    ):
        pointer = _pointer(envelope, "email")
        return Issue("no_identity", pointer, "Send user_email or user_id.")
    for name in ("email", "user_id", "anonymous_id", "previous_id"):
        value = getattr(who, name)
        if value and (value.casefold() in ILLEGAL_IDS or len(value) > _LONGEST):
            pointer = _pointer(envelope, name)
            return Issue(
                "illegal_identity", pointer, "This names nobody. Send a real id."
            )
    for name in ("email", "user_id"):
        try:
            # An issue is stored, whoever replays or corrects the message.
            with translation.override(settings.LANGUAGE_CODE):
                clean_address(getattr(who, name) or "")
        except ValidationError as error:
            return Issue(
                "invisible_character", _pointer(envelope, name), *error.messages
            )
    if who.email and not _is_email(who.email):
        return Issue(
            "schema_violation",
            _pointer(envelope, "email"),
            "Enter an e-mail address like name@example.org.",
        )
    return None


def _is_email(text: str) -> bool:
    try:
        return parse_email(text) is not None
    except ValidationError:
        return False


def _check_amounts(envelope: Envelope) -> Issue | None:
    if envelope.type != CaptureType.PAYMENT:
        return None
    for code, key in envelope.warnings:
        if code == "duplicate_key" and snake(key[1:]) in AMOUNT_KEYS:
            return Issue("amount_invalid", key, "This amount came twice. Send one.")
    for name in AMOUNTS:
        value = envelope.fields.get(name)
        if value is None:
            continue
        amount = to_decimal(value)
        if amount is None or not 0 <= amount < _MAX_AMOUNT:
            pointer = _pointer(envelope, name)
            return Issue("amount_invalid", pointer, "Send an amount of zero or more.")
    return None


def _check_currency(envelope: Envelope) -> Issue | None:
    code = envelope.fields.get("currency")
    if envelope.type != CaptureType.PAYMENT or code is None:
        return None
    if isinstance(code, str) and code.upper() in CURRENCIES:
        return None
    pointer = _pointer(envelope, "currency")
    return Issue("currency_unknown", pointer, "Send an ISO 4217 code, like EUR.")


def _check_success(envelope: Envelope) -> Issue | None:
    if envelope.type != CaptureType.LOGIN or is_success(envelope.fields) is not None:
        return None
    pointer = _pointer(envelope, "success")
    return Issue("schema_violation", pointer, "Send true or false.")


def _pointer(envelope: Envelope, name: str) -> str:
    return f"/{envelope.sent_as.get(name, name)}"


def is_success(fields: Mapping[str, object]) -> bool | None:
    """Tell whether a login succeeded, as it does unless it says no; None if unclear."""
    value = fields.get("success", True)
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().lower())
    return _TRUTHS.get(value) if isinstance(value, int | Decimal) else None


def to_decimal(value: object) -> Decimal | None:
    """Return a number that came as a number or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        # A float only comes from Python code; its shortest form is what was meant.
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
