"""What captures add to a customer's timeline."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from audit.json_text import JsonObject
from audit.tenancy.actors import Actor
from capture.choices import CaptureType, PaymentState
from capture.ingest.validation import to_decimal
from capture.models import Capture
from customers import services as customers

if TYPE_CHECKING:
    from customers.models import Customer

_CURRENCY = re.compile("[A-Z]{3}")
_TITLES: dict[str, str] = {
    CaptureType.SIGNUP: "Signed up.",
    CaptureType.LOGIN: "Signed in.",
    CaptureType.QUESTIONNAIRE: "Answered the questionnaire.",
    CaptureType.DASHBOARD: "Dashboard state received.",
    CaptureType.PROFILE: "Profile received.",
    CaptureType.PAGE: "Saw a page.",
    CaptureType.EVENT: "Event received.",
    CaptureType.ALIAS: "Two identities joined.",
    CaptureType.CONSENT: "Answer on consent received.",
}
# What a page of the timeline says of a capture; payloads stay where they are.
_COLUMNS = (
    "id",
    "business_id",
    "type",
    "trust",
    "facts",
    "occurred_at",
    "corrects_id",
    "source__slug",
)


def _find(
    customer: Customer, actor: Actor, before: customers.Before | None, limit: int
) -> Iterable[customers.TimelineEntry]:
    captures = customers.list_visible(Capture, actor=actor).filter(
        business=customer.business_id,
        link__business=customer.business_id,
        link__customer=customer.pk,
    )
    captures = captures.select_related("source").only(*_COLUMNS)
    newest = customers.before_place(captures, before, column="occurred_at", limit=limit)
    return map(_entry, newest)


def _entry(capture: Capture) -> customers.TimelineEntry:
    values = capture.facts or {}
    is_payment = capture.type == CaptureType.PAYMENT
    amount = to_decimal(values.get("final_price")) if is_payment else None
    return customers.TimelineEntry(
        capture.pk,
        "capture",
        capture.occurred_at,
        _title(capture, values),
        amount=amount,
        currency=_currency(values) if amount is not None else None,
        data={
            "type": capture.type,
            "source": capture.source.slug,
            "trust": capture.trust,
            "corrects": capture.corrects_id,
        },
    )


def _currency(values: JsonObject) -> str | None:
    code = values.get("currency")
    is_code = isinstance(code, str) and bool(_CURRENCY.fullmatch(code))
    return code if is_code else None


def _title(capture: Capture, values: JsonObject) -> str:
    if capture.type == CaptureType.PAYMENT:
        state = str(values.get("state"))
        is_state = state in PaymentState.values
        label = PaymentState(state).label.lower() if is_state else "received"
        title = f"Payment {label}."
    elif capture.type == CaptureType.LOGIN and values.get("success") is False:
        title = "Failed to sign in."
    else:
        title = _TITLES[capture.type]
    return f"Corrected: {title}" if capture.corrects_id else title


timeline_source = customers.TimelineSource("capture", "capture.view_capture", _find)
