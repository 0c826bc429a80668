"""From an envelope to an unsaved capture: id, times, facts, columns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.core.exceptions import ValidationError

from audit.crypto import hmac_hex
from audit.datetimes import FUTURE_ALLOWED, LATEST, names_zone, parse_moment
from audit.emails import fold_email
from audit.json_text import JsonObject
from audit.tenancy.actors import Actor
from capture.adapters.values import DOES_NOT_FIT, is_unsaid, text
from capture.choices import CaptureType, MessageIdOrigin, Provider, Trust
from capture.envelope import Envelope, Issue
from capture.ingest.amounts import (
    amount_warnings,
    dispute_status_of,
    find_amount_issue,
    refund_status_of,
    rounded_amounts,
    state_of,
)
from capture.ingest.validation import find_issues, is_success
from capture.models import Capture, Source
from capture.parsing import fingerprint, payload_text
from customers.money import to_column_decimals
from customers.values.person_name import captured_name
from customers.values.phone_number import CODE as PHONE_INVALID
from customers.values.phone_number import captured_phone, to_e164

_LONGEST_ID = 128
_MAX_ATTEMPT = 2**31
_BUCKET_SECONDS = 600
_MILLISECONDS_FROM = 10**11
_SKEW_FROM = timedelta(seconds=2)
_OLD = timedelta(days=5 * 365)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_SECOND, _LAST_SECOND = 946_684_800, LATEST.timestamp()
# Seconds or milliseconds that a column or a form made a text of.
_UNIX_TEXT = re.compile(r"[0-9]{9,13}(?:\.[0-9]{1,6})?")
_LONGEST_FACT = 1000
_OF_REFUNDS = (
    *("refund_id", "refund_amount", "refund_status", "amount_refunded"),
    *("dispute_id", "dispute_amount", "dispute_status"),
)
# How ids begin that name a customer at a provider.
_OF_PROVIDERS = tuple(f"{provider}:" for provider in Provider.values)
_STRIPE_IDS = ("pi_", "cs_", "ch_", "in_", "py_")


def issue_of(envelope: Envelope, source: Source) -> Issue | None:
    """Return why a message of a source cannot be taken, or None."""
    # Only here the currency is known of amounts whose message names none.
    return envelope.issue or find_amount_issue(envelope, source.business.currency)


def find_faults(
    envelope: Envelope, source: Source
) -> tuple[list[Issue], list[tuple[str, str]]]:
    """Return all reasons why a message cannot be taken, and the warnings about it.

    What ingest says of it, before it meets what is stored; it names the first reason.
    """
    issue = issue_of(envelope, source)
    if issue is None:
        return [], _warnings(envelope, source)
    issues = list(find_issues(envelope))
    # Of what cannot be read nothing else is said.
    return issues if issue in issues else [issue], list(envelope.warnings)


def _warnings(envelope: Envelope, source: Source) -> list[tuple[str, str]]:
    _occurred, time_source, original, _skew = _times(envelope)
    return [
        *envelope.warnings,
        *_time_warnings(envelope, original, time_source),
        *amount_warnings(envelope, source.business.currency),
        *_foreign_ids(envelope),
        *_status_of_page(envelope),
        *_unseen_name(envelope),
        *_unusable_phone(envelope, source),
    ]


def build_capture(envelope: Envelope, source: Source, actor: Actor) -> Capture:
    """Return the unsaved capture of a message without an issue."""
    message_id, origin = _message_id(envelope, source)
    occurred_at, time_source, original, skew = _times(envelope)
    who = envelope.identity
    return Capture(
        business_id=source.business_id,
        source=source,
        key_id=envelope.key_id,
        operation_id=actor.operation.id,
        adapter=envelope.adapter,
        trust=envelope.trust,
        type=envelope.type,
        schema_version=envelope.schema_version,
        attempt=envelope.attempt if (envelope.attempt or 0) < _MAX_ATTEMPT else None,
        gpc=envelope.gpc,
        message_id=message_id,
        message_id_origin=origin,
        occurred_at=occurred_at,
        received_at=envelope.received_at,
        sent_at=read_time(envelope.sent_at),
        original_timestamp=original,
        time_source=time_source,
        skew_ms=skew,
        replay_of_id=envelope.replay_of,
        corrects_id=envelope.corrects,
        facts=_retained_values(envelope, source),
        payload=payload_text(envelope.body),
        raw=envelope.raw,
        raw_signature=_column(envelope.raw_signature, 2000),
        event_name=_column(envelope.name, 255),
        email=fold_email(storable(who.email)) if who.email else None,
        phone=_column(who.phone, 50),
        user_ref=_column(who.user_id, 255),
        anonymous_ref=_column(_anonymous(envelope), 255),
        previous_ref=_column(_of_visitor(who.previous_id, envelope), 255),
        fingerprint=fingerprint(envelope.body),
        warnings=[
            [code, storable(pointer)] for code, pointer in _warnings(envelope, source)
        ]
        or None,
    )


def read_time(value: object) -> datetime | None:
    """Return a moment of a text, or of (milli)seconds since 1970; None for another.

    A text without a zone is taken for UTC. Seconds before the year 2000 are no time:
    an empty one, or the day of a spreadsheet.
    """
    if isinstance(value, str):
        value = value.strip()
        if not _UNIX_TEXT.fullmatch(value):
            try:
                return parse_moment(value, UTC)
            except ValidationError:
                return None
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    seconds = value / 1000 if value > _MILLISECONDS_FROM else value
    if not _FIRST_SECOND <= seconds < _LAST_SECOND:
        return None
    return _EPOCH + timedelta(microseconds=int(seconds * 10**6))


def _message_id(envelope: Envelope, source: Source) -> tuple[str, str]:
    given = envelope.message_id
    if given:
        return _impersonal(given, envelope, source), MessageIdOrigin.GIVEN
    transaction_id = text(envelope.fields.get("transaction_id"))
    if envelope.type == CaptureType.PAYMENT and transaction_id:
        names = ("payment_processor", "transaction_id", "payment_status")
        parts = [str(envelope.fields.get(name, "")) for name in names]
        # Of one payment there are many refunds.
        parts += [
            f"{name}={envelope.fields[name]}"
            for name in _OF_REFUNDS
            if not is_unsaid(envelope.fields.get(name))
        ]
        derived = f"derived:{':'.join(parts)}"
        return _impersonal(derived, envelope, source), MessageIdOrigin.DERIVED
    bucket = int(envelope.received_at.timestamp()) // _BUCKET_SECONDS
    content = hmac_hex(
        str(source.pk),
        str(envelope.key_id),
        str(bucket),
        envelope.type,
        fingerprint(envelope.body).hex(),
    )
    return f"content:{content}", MessageIdOrigin.CONTENT


def stored_message_id(envelope: Envelope, source: Source) -> str | None:
    """Return the id that the caller gave, in the form that may be stored."""
    given = envelope.message_id
    return _impersonal(given, envelope, source) if given else None


def _impersonal(name: str, envelope: Envelope, source: Source) -> str:
    """Return the id, hashed if it could be personal: it outlives an erasure."""
    who = envelope.identity
    names = {who.email, who.user_id, who.anonymous_id, who.phone}
    is_plain = name.isascii() and name.isprintable() and "@" not in name
    if is_plain and len(name) <= _LONGEST_ID and name not in names:
        return name
    return f"h1:{hmac_hex(str(source.pk), name)}"


def _times(envelope: Envelope) -> tuple[datetime, str, datetime | None, int | None]:
    """Return when it happened, which rule says so, what was sent, and the skew."""
    received = envelope.received_at
    original = read_time(envelope.timestamp)
    if original is None:
        return received, "server", None, None
    occurred, rule, skew = original, "client", None
    sent = read_time(envelope.sent_at)
    if envelope.clock_trusted:
        rule = "provider"
    elif sent is not None:
        behind = received - sent
        skew = round(behind.total_seconds() * 1000)
        if abs(behind) >= _SKEW_FROM:
            occurred, rule = original + behind, "skew_corrected"
    if occurred > received + FUTURE_ALLOWED:
        return received, "clamped", original, skew
    return occurred, rule, original, skew


def _time_warnings(
    envelope: Envelope, original: datetime | None, rule: str
) -> list[tuple[str, str]]:
    codes = []
    if envelope.timestamp is not None and original is None:
        codes.append("unreadable_timestamp")
    if rule == "clamped":
        codes.append("future_timestamp")
    if original is not None and original < envelope.received_at - _OLD:
        codes.append("old_timestamp")
    text = envelope.timestamp
    is_text = isinstance(text, str) and not _UNIX_TEXT.fullmatch(text.strip())
    if is_text and original is not None and not names_zone(str(text)):
        codes.append("naive_timestamp")
    return [(code, "") for code in codes]


def _retained_values(envelope: Envelope, source: Source) -> JsonObject:
    """Return the values that are not personal and must survive an erasure."""
    fields = envelope.fields
    if envelope.type == CaptureType.PAYMENT:
        return _payment_values(fields, source)
    if envelope.type == CaptureType.SIGNUP:
        names = ("plan", "signup_source", "signup_method")
        return {n: storable(str(fields[n]))[:200] for n in names if n in fields}
    if envelope.type == CaptureType.LOGIN:
        return {
            "success": is_success(fields) is True,
            "login_method": storable(str(fields.get("login_method", "password")))[:50],
        }
    return {}


def _payment_values(fields: JsonObject, source: Source) -> JsonObject:
    currency = fields.get("currency")
    values: JsonObject = {
        "processor": processor_of(fields),
        "transaction_id": text(fields.get("transaction_id")),
        "plan_name": text(fields.get("plan_name")),
        "payment_method": text(fields.get("payment_method")),
        "state": state_of(fields),
        "currency": str(currency).upper() if currency else source.business.currency,
        "currency_assumed": currency is None,
        "references": " ".join(sorted(map(str, fields.get("references") or ()))),
        "joins": fields.get("joins"),
        **ledger_fields(fields),
    }
    amounts = rounded_amounts(fields, source.business.currency)
    values |= {name: str(to_column_decimals(amounts[name])) for name in amounts}
    return {
        name: value if isinstance(value, bool) else storable(str(value))[:_LONGEST_FACT]
        for name, value in values.items()
        if value not in (None, "")
    }


def ledger_fields(fields: JsonObject) -> dict[str, str]:
    """Return what a message says of refunds and disputes, but for its amounts."""
    made_at = read_time(fields.get("refunded_at"))
    values = {
        "refund_id": text(fields.get("refund_id")),
        "refund_status": refund_status_of(fields),
        "refunded_at": made_at.isoformat() if made_at else None,
        "dispute_id": text(fields.get("dispute_id")),
        "dispute_status": dispute_status_of(fields),
    }
    return {name: value for name, value in values.items() if value}


def processor_of(fields: dict[str, object]) -> str | None:
    """Return the processor of a payment; without one, guessed by the id."""
    given = fields.get("payment_processor")
    if isinstance(given, str) and given.strip():
        return given.strip()
    number = fields.get("transaction_id")
    is_stripe = isinstance(number, str) and number.startswith(_STRIPE_IDS)
    return "stripe" if is_stripe else None


def _anonymous(envelope: Envelope) -> str | None:
    """Return the anonymous id: of a browser, or of a customer at a provider."""
    who = envelope.identity
    if who.provider_customer_id and not who.anonymous_id:
        return f"{envelope.adapter}:{who.provider_customer_id}"
    return _of_visitor(who.anonymous_id, envelope)


def _of_visitor(name: str | None, envelope: Envelope) -> str | None:
    """Return an id, but for that of a provider's customer: no page says who that is."""
    is_page = envelope.trust == Trust.BROWSER
    return None if is_page and (name or "").startswith(_OF_PROVIDERS) else name


def _foreign_ids(envelope: Envelope) -> list[tuple[str, str]]:
    """Return a note for each id of a page that is a provider's."""
    return [
        (DOES_NOT_FIT, f"/{envelope.sent_as.get(name, name)}")
        for name in ("anonymous_id", "previous_id")
        if (given := getattr(envelope.identity, name))
        and _of_visitor(given, envelope) is None
    ]


def _status_of_page(envelope: Envelope) -> list[tuple[str, str]]:
    """Return a note for the status of a customer of which a page speaks."""
    is_page = envelope.trust == Trust.BROWSER
    if not is_page or is_unsaid(envelope.fields.get("status")):
        return []
    return [(DOES_NOT_FIT, f"/{envelope.sent_as.get('status', 'status')}")]


def _unseen_name(envelope: Envelope) -> list[tuple[str, str]]:
    """Return a note for a name of which something, or all, is not seen: it is cut."""
    _, is_cut = captured_name(envelope.fields.get("full_name"))
    if not is_cut:
        return []
    return [("invisible_name", f"/{envelope.sent_as.get('full_name', 'full_name')}")]


def _unusable_phone(envelope: Envelope, source: Source) -> list[tuple[str, str]]:
    """Return a note for a phone number that nobody can call; the capture keeps it."""
    sent = envelope.fields.get("mobile_number", envelope.identity.phone)
    phone, is_lost = captured_phone(sent)
    if not is_lost and (phone is None or to_e164(phone, source.business.country)):
        return []
    return [(PHONE_INVALID, f"/{envelope.sent_as.get('mobile_number', 'phone')}")]


def _column(value: str | None, length: int) -> str | None:
    return storable(value)[:length] if value else None


def storable(value: str | None) -> str:
    """Return text that both databases take; the payload keeps the exact one."""
    clean = (value or "").replace("\0", "\u2400")
    return clean.encode("utf-8", errors="replace").decode()
