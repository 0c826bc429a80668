"""The amounts of a payment: read by one grammar, rounded once to their currency."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation

from audit.json_text import JsonObject
from capture.adapters import AMOUNT_KEYS, AMOUNTS, ORDER_AMOUNT_KEYS, snake
from capture.adapters.values import is_unsaid
from capture.choices import CaptureType, PaymentState
from capture.envelope import Envelope, Issue
from customers.money import CURRENCIES, quantise
from customers.values.amount import parse_number, round_amount

# What a parser could not take as one number: a key that came twice, and a number that
# no computer holds, which is null by now.
_UNREADABLE = {
    "duplicate_key": "This amount came twice. Send one.",
    "non_finite_number": "This number is none. Send an amount like 12.50.",
}
# Where a message may have its amounts, and their keys there.
_KEYS = {"": AMOUNT_KEYS, "/data": AMOUNT_KEYS, "/properties": ORDER_AMOUNT_KEYS}
_MISSING = "What is paid has an amount. Send it."
_STATES = {
    "paid": ("completed", "complete", "paid", "succeeded", "success", "successful"),
    "pending": ("pending", "processing"),
    "authorised": ("authorised", "authorized"),
    "failed": ("failed", "declined", "cancelled", "canceled", "error"),
    "refunded": ("refunded", "refund"),
    "partially_refunded": ("partially_refunded",),
    "disputed": ("disputed", "chargeback"),
}
_REFUND_STATUSES = {
    "pending": ("pending", "processing", "requires_action", "requested", "created"),
    "succeeded": (
        *("succeeded", "success", "successful", "completed", "complete", "paid"),
        *("refunded", "refund", "partially_refunded", "settled"),
    ),
    "cancelled": ("cancelled", "canceled", "voided", "withdrawn", "refused"),
    "failed": ("failed", "failure", "declined", "denied", "rejected", "error"),
}
_DISPUTE_STATUSES = {
    "open": (
        *("open", "created", "pending", "needs_response", "under_review"),
        *("warning_needs_response", "warning_under_review", "disputed", "chargeback"),
    ),
    "won": ("won", "warning_closed", "prevented", "withdrawn", "cancelled", "canceled"),
    "lost": ("lost", "accepted"),
}
_OF_REFUND = ("refund_id", "refund_amount", "refund_status")
_OF_DISPUTE = ("dispute_id", "dispute_amount", "dispute_status")
# Nothing was paid yet, and nothing went wrong.
_NEW = ("created", "new", "open", "draft", "initiated", "started", "none", "unpaid")


def find_amount_issue(envelope: Envelope, currency: str | None = None) -> Issue | None:
    """Return the first reason why the amounts of a payment cannot be taken, or None.

    `currency` is that of the business, of amounts whose message names none. Without one
    such an amount is judged by what no currency takes.
    """
    if envelope.type != CaptureType.PAYMENT:
        return None
    for code, pointer in envelope.warnings:
        parent, _, key = pointer.rpartition("/")
        if code in _UNREADABLE and snake(key) in _KEYS.get(parent, ()):
            return Issue("amount_invalid", pointer, _UNREADABLE[code])
    code_of = currency_of(envelope.fields, currency)
    price = None
    for name in AMOUNTS:
        try:
            # An issue is stored, whoever replays or corrects the message.
            with translation.override(settings.LANGUAGE_CODE):
                amount, _ = round_amount(envelope.fields.get(name), code_of)
        except ValidationError as error:
            return Issue("amount_invalid", pointer_to(envelope, name), *error.messages)
        price = amount if name == "final_price" else price
    # A provider's event may tell of money that another one has told the amount of.
    is_paid = "state" not in envelope.fields and state_of(envelope.fields) == "paid"
    if is_paid and price is None:
        return Issue("amount_invalid", pointer_to(envelope, "final_price"), _MISSING)
    return None


def rounded_amounts(fields: JsonObject, currency: str) -> dict[str, Decimal]:
    """Return the amounts of a payment without an issue, in their currency's decimals.

    `currency` is that of the business.
    """
    code = currency_of(fields, currency)
    amounts = {name: round_amount(fields.get(name), code)[0] for name in AMOUNTS}
    return {name: amount for name, amount in amounts.items() if amount is not None}


def amount_warnings(envelope: Envelope, currency: str) -> list[tuple[str, str]]:
    """Return a note for each amount that came as text, and for each rounded one."""
    if envelope.type != CaptureType.PAYMENT:
        return []
    notes = []
    code = currency_of(envelope.fields, currency)
    for name in AMOUNTS:
        raw = envelope.fields.get(name)
        amount, is_rounded = round_amount(raw, code)
        if isinstance(raw, str) and amount is not None:
            notes.append(("coerced", pointer_to(envelope, name)))
        if is_rounded:
            notes.append(("amount_rounded", pointer_to(envelope, name)))
    return notes


def currency_of(fields: Mapping[str, object], default: str | None) -> str | None:
    """Return the currency that a payment names, else `default`; None for neither."""
    given = fields.get("currency")
    if given is None:
        return default
    code = given.upper() if isinstance(given, str) else ""
    return code if code in CURRENCIES else None


def stored_amount(
    values: Mapping[str, object], name: str, currency: str
) -> Decimal | None:
    """Return an amount of the facts of a capture, in the decimals of a currency.

    Facts from before the rule have three decimals, whatever the currency.
    """
    amount = parse_number(values.get(name))
    return None if amount is None else quantise(amount, currency)


def readable_number(value: object) -> Decimal | None:
    """Return a number that came as a number or as text; None for anything else."""
    try:
        return parse_number(value)
    except ValidationError:
        return None


def pointer_to(envelope: Envelope, name: str) -> str:
    """Return the JSON pointer of the key under which one of our names was sent."""
    return f"/{envelope.sent_as.get(name, name)}"


def state_of(fields: Mapping[str, object]) -> str:
    """Return how far a payment is, from the words that clients use."""
    if fields.get("state") in PaymentState.values:
        return str(fields["state"])
    # Money that goes back was received; how much of it did, the amounts say.
    if is_about_refund(fields):
        return PaymentState.PARTIALLY_REFUNDED.value
    if is_about_dispute(fields):
        return PaymentState.DISPUTED.value
    return _word_in(_STATES, fields.get("payment_status")) or "created"


def is_about_refund(fields: Mapping[str, object]) -> bool:
    """Tell whether a message, or its facts, are about one refund."""
    return any(not is_unsaid(fields.get(name)) for name in _OF_REFUND)


def is_about_dispute(fields: Mapping[str, object]) -> bool:
    """Tell whether a message, or its facts, are about a dispute by itself."""
    return any(not is_unsaid(fields.get(name)) for name in _OF_DISPUTE)


def refund_status_of(fields: Mapping[str, object]) -> str | None:
    """Return how far a refund is; what a message with its id calls its own status."""
    if not is_about_refund(fields):
        return None
    status = fields.get("refund_status")
    status = fields.get("payment_status") if is_unsaid(status) else status
    return read_refund_status(status) or "succeeded"


def read_refund_status(value: object) -> str | None:
    """Return the status of a refund, from the words that providers use."""
    return _word_in(_REFUND_STATUSES, value)


def dispute_status_of(fields: Mapping[str, object]) -> str | None:
    """Return how a dispute stands, None if the message is about none."""
    if not is_about_dispute(fields):
        return None
    return read_dispute_status(fields.get("dispute_status")) or "open"


def read_dispute_status(value: object) -> str | None:
    """Return how a dispute stands, from the words that providers use."""
    return _word_in(_DISPUTE_STATUSES, value)


def _word_in(words: Mapping[str, tuple[str, ...]], value: object) -> str | None:
    word = _plain_word(value)
    return next((ours for ours, theirs in words.items() if word in theirs), None)


def is_payment_status(value: object) -> bool:
    """Tell whether a status of a payment is a word that clients use."""
    word = _plain_word(value)
    return word in _NEW or any(word in words for words in _STATES.values())


def _plain_word(value: object) -> str:
    return str(value).strip().casefold().replace(" ", "_")
