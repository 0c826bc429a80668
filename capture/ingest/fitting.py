"""Optional values of messages that are not read: each has a warning, `does_not_fit`.

The capture has them all the same, its projection lacks them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.utils.translation import gettext

from audit.json_text import JsonObject
from capture.adapters import snake
from capture.adapters.values import answer, as_object, is_unsaid, misfit
from capture.choices import CaptureType
from capture.envelope import Envelope
from capture.ingest.amounts import (
    is_payment_status,
    read_dispute_status,
    read_refund_status,
)
from capture.ingest.customer_values import STATUSES
from capture.ingest.normalisation import read_time
from capture.ingest.payment_values import TEXTS as PAYMENT_TEXTS
from capture.ingest.projections import (
    ANSWER_LISTS,
    ANSWER_TEXTS,
    COUNTS,
    PERFORMANCE_COLUMNS,
    number,
    text,
    texts,
    whole,
)
from capture.ingest.screenshots import read_mark
from customers.values.answer import SENTENCE

# Returns None for a value that cannot be read.
Reader = Callable[[object], object]
Readers = dict[str, Reader]

_ANSWERS = ("marketing_consent", "email_verified")
_LONGEST_TEXT, _LONGEST_PHONE = 10_000, 50


def find_misfits(envelope: Envelope) -> list[tuple[str, str]]:
    """Return a warning for each value under our names that its column cannot have.

    Required ones are refused instead, with an issue.
    """
    fields, sent_as = envelope.fields, envelope.sent_as
    readers = {**_ANYWHERE, **_READERS.get(CaptureType(envelope.type), {})}
    warnings = []
    for name, read in readers.items():
        value = fields.get(name)
        # Of the time of the message there is a warning already.
        if not is_unsaid(value) and value is not envelope.timestamp:
            warnings += misfit(sent_as.get(name, name), value, read(value))
    phone = envelope.identity.phone
    if phone and len(phone) > _LONGEST_PHONE:
        warnings += misfit(sent_as.get("phone", "phone"), phone, None)
    for name, parts in _PARTS.items() if envelope.type == CaptureType.DASHBOARD else ():
        state = as_object(fields.get(name))
        warnings += _within(state, parts, sent_as.get(name, name))
    if not is_unsaid(envelope.sent_at) and read_time(envelope.sent_at) is None:
        warnings += misfit(sent_as.get("sent_at", "sent_at"), envelope.sent_at, None)
    return list(dict.fromkeys(warnings))


def sentence_for(pointer: str) -> str:
    """Return the fix of a value that does not fit, by its pointer in the message."""
    if snake(pointer.rpartition("/")[2]) in _ANSWERS:
        return str(SENTENCE)
    return gettext(
        "This cannot be read here. Send a value of the kind that belongs here."
    )


def _within(
    state: JsonObject, parts: dict[str, Readers], path: str
) -> Iterator[tuple[str, str]]:
    """Yield the warnings of an object, whose parts may be written in camelCase."""
    direct = parts.get("", {})
    for key, value in state.items():
        name = snake(key)
        if name in direct:
            yield from misfit(f"{path}/{key}", value, direct[name](value))
        if name not in parts:
            continue
        yield from misfit(f"{path}/{key}", value, _object(value))
        for inner, number_sent in as_object(value).items():
            read = parts[name].get(snake(inner), _anything)
            place = f"{path}/{key}/{inner}"
            yield from misfit(place, number_sent, read(number_sent))


def _anything(_: object) -> bool:
    return True


def _text_reader(length: int) -> Reader:
    """Return a reader of texts up to a length; what would be cut is not read."""

    def read(value: object) -> str | None:
        whole_text = text(value, _LONGEST_TEXT + 1)
        return whole_text if whole_text and len(whole_text) <= length else None

    return read


def _number_reader(digits: int, decimals: int) -> Reader:
    return lambda value: number(value, digits, decimals)


def _texts(value: object) -> list[str] | None:
    """Return a list of which every item is a text."""
    items = texts(value)
    is_whole = items is not None and len(items) == len(as_list(value))
    return items if is_whole else None


def as_list(value: object) -> list[object]:
    """Return the list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def _object(value: object) -> JsonObject | None:
    return value if isinstance(value, dict) else None


def _status(value: object) -> str | None:
    return str(value) if value in STATUSES else None


def _payment_status(value: object) -> str | None:
    return str(value) if is_payment_status(value) else None


def _has_account(value: object) -> object:
    return value if isinstance(value, bool) else _text_reader(100)(value)


_ANYWHERE: Readers = {
    "marketing_consent": answer,
    "full_name": _text_reader(255),
    "mobile_number": _text_reader(_LONGEST_PHONE),
}
_PROFILE: Readers = {
    "location": _text_reader(200),
    "signup_method": _text_reader(50),
    "status": _status,
    "source": _text_reader(100),
}
_READERS: dict[str, Readers] = {
    CaptureType.SIGNUP: {
        **_PROFILE,
        "plan": _text_reader(200),
        "signup_date": read_time,
        "signup_source": _text_reader(100),
        "referral_code": _text_reader(100),
        "email_verified": answer,
        "preferred_categories": _texts,
    },
    CaptureType.PROFILE: {**_PROFILE, "last_login_at": read_time},
    CaptureType.LOGIN: {
        "login_time": read_time,
        "login_method": _text_reader(50),
        "device_info": _text_reader(255),
        "failure_reason": _text_reader(2000),
    },
    CaptureType.PAYMENT: {
        **{name: _text_reader(length) for name, length in PAYMENT_TEXTS.items()},
        "plan_name": _text_reader(200),
        "payment_method": _text_reader(50),
        "payment_processor": _text_reader(50),
        "payment_status": _payment_status,
        "payment_date": read_time,
        "transaction_id": _text_reader(255),
        "refund_id": _text_reader(255),
        "refund_status": read_refund_status,
        "dispute_id": _text_reader(255),
        "dispute_status": read_dispute_status,
    },
    CaptureType.QUESTIONNAIRE: {
        **{name: _text_reader(length) for name, length in ANSWER_TEXTS.items()},
        **dict.fromkeys(ANSWER_LISTS, _texts),
        "has_account": _has_account,
        "account_equity": _number_reader(15, 3),
        "account_size": _number_reader(15, 3),
        "risk_percentage": _number_reader(5, 2),
        "account_screenshot": read_mark,
    },
    CaptureType.DASHBOARD: {
        "theme": _text_reader(20),
        "dashboard_state": _object,
        "trading_state": _object,
    },
    CaptureType.PAGE: {"properties": _object},
    CaptureType.EVENT: {"properties": _object},
}
_PERFORMANCE: Readers = {
    **{name: _number_reader(*shape) for name, shape in PERFORMANCE_COLUMNS.items()},
    **dict.fromkeys(COUNTS, whole),
}
# Of the objects of a dashboard: the readers of each part, and under no name its own.
_PARTS: dict[str, dict[str, Readers]] = {
    "dashboard_state": {
        "performance": _PERFORMANCE,
        "account": {"balance": _number_reader(15, 3), "equity": _number_reader(15, 3)},
    },
    "trading_state": {
        "": dict.fromkeys(("initial_equity", "current_equity"), _number_reader(15, 3)),
        "performance_metrics": _PERFORMANCE,
        "risk_settings": {
            **dict.fromkeys(
                ("risk_per_trade", "daily_loss_limit"), _number_reader(5, 2)
            ),
            "consecutive_losses_limit": whole,
        },
    },
}
