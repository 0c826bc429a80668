"""What captures add to a customer's timeline."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.json_text import JsonObject
from audit.tenancy.actors import Actor
from capture.choices import (
    CaptureType,
    DisputeStatus,
    PaymentState,
    ProviderRefundStatus,
)
from capture.ingest.amounts import readable_number
from capture.models import Capture
from customers import services as customers

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from customers.models import Customer

_CURRENCY = re.compile("[A-Z]{3}")
_TITLES: dict[str, _StrPromise] = {
    CaptureType.SIGNUP: _("Signed up."),
    CaptureType.LOGIN: _("Signed in."),
    CaptureType.QUESTIONNAIRE: _("Answered the questionnaire."),
    CaptureType.DASHBOARD: _("Dashboard state received."),
    CaptureType.PROFILE: _("Profile received."),
    CaptureType.PAGE: _("Saw a page."),
    CaptureType.EVENT: _("Event received."),
    CaptureType.ALIAS: _("Told that two ids are of one person."),
    CaptureType.CONSENT: _("Answer on consent received."),
}
_PAYMENTS: dict[str, _StrPromise] = {
    PaymentState.CREATED: _("Payment created."),
    PaymentState.PENDING: _("Payment pending."),
    PaymentState.AUTHORISED: _("Payment authorised."),
    PaymentState.PAID: _("Payment paid."),
    PaymentState.PARTIALLY_REFUNDED: _("Payment partially refunded."),
    PaymentState.REFUNDED: _("Payment refunded."),
    PaymentState.DISPUTED: _("Payment disputed."),
    PaymentState.FAILED: _("Payment failed."),
}
_REFUNDS: dict[str, _StrPromise] = {
    ProviderRefundStatus.PENDING: _("Refund pending."),
    ProviderRefundStatus.SUCCEEDED: _("Refund succeeded."),
    ProviderRefundStatus.CANCELLED: _("Refund cancelled."),
    ProviderRefundStatus.FAILED: _("Refund failed."),
}
_DISPUTES: dict[str, _StrPromise] = {
    DisputeStatus.OPEN: _("Dispute open."),
    DisputeStatus.WON: _("Dispute won."),
    DisputeStatus.LOST: _("Dispute lost."),
}
# The amount that a payment's message is about: the first that it has.
_AMOUNTS = ("refund_amount", "dispute_amount", "final_price")
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
    amounts = (readable_number(values.get(name)) for name in _AMOUNTS if is_payment)
    amount = next((number for number in amounts if number is not None), None)
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
        title = _payment_title(values)
    elif capture.type == CaptureType.LOGIN and values.get("success") is False:
        title = _("Failed to sign in.")
    else:
        title = _TITLES[capture.type]
    if capture.corrects_id:
        return gettext("Corrected: %(title)s") % {"title": title}
    return str(title)


def _payment_title(values: JsonObject) -> _StrPromise:
    refund, dispute = values.get("refund_status"), values.get("dispute_status")
    title = _REFUNDS.get(str(refund)) or _DISPUTES.get(str(dispute))
    return title or _PAYMENTS.get(str(values.get("state")), _("Payment received."))


# Payloads stay where they are.
timeline_source = customers.TimelineSource(
    "capture",
    ("capture.view_capture",),
    _select,
    "occurred_at",
    _entries,
    {name: name for name in _COLUMNS} | {"source": "source__slug"},
)
