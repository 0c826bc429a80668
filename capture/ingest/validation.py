"""What a message must have to be taken. Says what is wrong, never with the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation

from audit.privacy.invisible import clean_address
from capture.adapters.values import answer
from capture.choices import CaptureType, Trust
from capture.envelope import Envelope, Issue
from capture.ingest.amounts import find_amount_issue, pointer_to
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
_LONGEST = 255


def find_issue(envelope: Envelope) -> Issue | None:
    """Return the first reason why a message cannot be taken, or None."""
    return envelope.issue or next(find_issues(envelope), None)


def find_issues(envelope: Envelope) -> Iterator[Issue]:
    """Yield every reason why a message that can be read cannot be taken."""
    for check in (
        _check_gpc,
        _check_identity,
        find_amount_issue,
        _check_currency,
        _check_success,
        _check_consent,
    ):
        issue = check(envelope)
        if issue is not None:
            yield issue


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
        pointer = pointer_to(envelope, "email")
        key = "email" if pointer == "/email" else "user_email"
        return Issue("no_identity", pointer, f"Send {key} or user_id.")
    for name in ("email", "user_id", "anonymous_id", "previous_id"):
        value = getattr(who, name)
        if value and (value.casefold() in ILLEGAL_IDS or len(value) > _LONGEST):
            pointer = pointer_to(envelope, name)
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
                "invisible_character", pointer_to(envelope, name), *error.messages
            )
    if who.email and not _is_email(who.email):
        return Issue(
            "schema_violation",
            pointer_to(envelope, "email"),
            "Enter an e-mail address like name@example.org.",
        )
    return None


def _is_email(text: str) -> bool:
    try:
        return parse_email(text) is not None
    except ValidationError:
        return False


def _check_currency(envelope: Envelope) -> Issue | None:
    code = envelope.fields.get("currency")
    if envelope.type != CaptureType.PAYMENT or code is None:
        return None
    if isinstance(code, str) and code.upper() in CURRENCIES:
        return None
    pointer = pointer_to(envelope, "currency")
    return Issue("currency_unknown", pointer, "Send an ISO 4217 code, like EUR.")


def _check_success(envelope: Envelope) -> Issue | None:
    if envelope.type != CaptureType.LOGIN or is_success(envelope.fields) is not None:
        return None
    pointer = pointer_to(envelope, "success")
    return Issue("schema_violation", pointer, "Send true or false.")


def _check_consent(envelope: Envelope) -> Issue | None:
    # One that opts out must not be lost because its answer cannot be read.
    consent = answer(envelope.fields.get("marketing_consent"))
    is_gpc = envelope.gpc and envelope.trust == Trust.BROWSER
    if envelope.type != CaptureType.CONSENT or is_gpc or consent is not None:
        return None
    pointer = pointer_to(envelope, "marketing_consent")
    return Issue("schema_violation", pointer, "Send true or false.")


def is_success(fields: Mapping[str, object]) -> bool | None:
    """Tell whether a login succeeded, as it does unless it says no; None if unclear."""
    return answer(fields.get("success", True))
