"""What captures add to a customer's timeline."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import QuerySet

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
_COLUMNS = ("type", "trust", "facts", "corrects_id")


def _select(customer: Customer, actor: Actor) -> QuerySet[Capture]:
    return customers.list_visible(Capture, actor=actor).filter(
        business=customer.business_id,
        link__business=customer.business_id,
        link__customer=customer.pk,
    )


def _entries(
    _customer: Customer, records: list[customers.TimelineRecord]
) -> Iterable[customers.TimelineEntry]:
    return map(_entry, records)


def _entry(record: customers.TimelineRecord) -> customers.TimelineEntry:
    capture = customers.instance_of(Capture, record, _COLUMNS)
    values = capture.facts or {}
    is_payment = capture.type == CaptureType.PAYMENT
    amount = to_decimal(values.get("final_price")) if is_payment else None
    return customers.TimelineEntry(
        record.key,
        "capture",
        record.at,
        _title(capture, values),
        amount=amount,
        currency=_currency(values) if amount is not None else None,
        data={
            "type": capture.type,
            "source": record.data["source"],
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


# Payloads stay where they are.
timeline_source = customers.TimelineSource(
    "capture",
    ("capture.view_capture",),
    _select,
    "occurred_at",
    _entries,
    {name: name for name in _COLUMNS} | {"source": "source__slug"},
)
