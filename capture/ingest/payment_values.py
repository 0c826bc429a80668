"""The columns of a payment, computed from all its captures, without a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from audit.json_text import JsonObject
from capture.choices import SETTLED_STATES, TRUST_RANK, PaymentState, Trust
from capture.ingest.amounts import stored_amount
from capture.ingest.projections import ParsedCapture, number, parse_capture, text
from capture.models import Capture, Payment

_RANK = {
    PaymentState.CREATED: 0,
    PaymentState.PENDING: 1,
    PaymentState.AUTHORISED: 2,
    PaymentState.PAID: 3,
    PaymentState.PARTIALLY_REFUNDED: 4,
}
# Columns that are computed; the rest of the row is its identity.
COLUMNS = (
    "customer_id",
    "first_capture_id",
    "latest_capture_id",
    "trust",
    "occurred_at",
    "user_id",
    "user_email",
    "user_name",
    "plan_name",
    "original_price",
    "discount_amount",
    "final_price",
    "coupon_code",
    "payment_method",
    "payment_processor",
    "transaction_id",
    "payment_status",
    "crypto_transaction_hash",
    "crypto_from_address",
    "crypto_amount",
    "crypto_amount_value",
    "currency",
    "currency_assumed",
    "state",
    "verified",
    "amount_refunded",
)
# Of them, the columns of a payment by name.
Columns = dict[str, Any]
# When something happened, when it came, and the id of its capture.
Moment = tuple[datetime, datetime, UUID]
# From the payload, unless it was erased.
TEXTS = {
    "coupon_code": 100,
    "payment_status": 50,
    "crypto_transaction_hash": 128,
    "crypto_from_address": 128,
    "crypto_amount": 64,
}
_AMOUNTS = ("original_price", "discount_amount", "final_price", "amount_refunded")


@dataclass
class PaymentGroup:
    """The captures of one payment, the references they share, and its row if known."""

    captures: dict[UUID, Capture] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)
    payments: dict[UUID, Payment] = field(default_factory=dict)
    customer_id: UUID | None = None
    corrected: dict[UUID, ParsedCapture] = field(default_factory=dict)

    def parsed_captures(self) -> list[ParsedCapture]:
        """Return the captures of the group, corrected where staff corrected them."""
        return [
            self.corrected.get(pk) or parse_capture(capture)
            for pk, capture in self.captures.items()
        ]

    def join(self, other: PaymentGroup) -> None:
        """Take everything of another group."""
        self.captures |= other.captures
        self.references |= other.references
        self.payments |= other.payments


def columns_of(group: PaymentGroup) -> Columns:
    """Return every computed column of the payment of a group."""
    parsed = sorted(group.parsed_captures(), key=_weight)
    ours = [t for t in parsed if t.capture.trust != Trust.BROWSER] or parsed
    strongest = parsed[-1].capture
    by_time = sorted(group.captures.values(), key=moment_of)
    merged: JsonObject = {}
    for item in parsed:
        stated = dict(item.values)
        if stated.get("currency_assumed") and merged.get("currency_assumed") is False:
            # An assumed currency does not replace a stated one.
            del stated["currency"], stated["currency_assumed"]
        merged |= stated
    currency = str(merged["currency"])
    state, refunded = _state(ours, currency)
    amounts = {n: stored_amount(merged, n, currency) for n in _AMOUNTS}
    return {
        "customer_id": group.customer_id,
        "first_capture_id": by_time[0].pk,
        "latest_capture_id": by_time[-1].pk,
        "trust": strongest.trust,
        "occurred_at": _paid_at(ours, by_time),
        **_person(parsed),
        **{name: _text_of(parsed, name, n) for name, n in TEXTS.items()},
        "plan_name": text(merged.get("plan_name"), 200),
        "payment_method": text(merged.get("payment_method"), 50),
        **amounts,
        "payment_processor": text(merged.get("processor"), 50),
        "transaction_id": _main_reference(group)
        or text(merged.get("transaction_id"), 255),
        "crypto_amount_value": number(_text_of(parsed, "crypto_amount", 64), 38, 18),
        "currency": currency,
        "currency_assumed": merged["currency_assumed"],
        "state": _after_refunds(state, amounts["final_price"], refunded),
        "verified": _is_verified(parsed),
        "amount_refunded": refunded,
    }


def moment_of(capture: Capture) -> Moment:
    """Return what orders captures."""
    return capture.occurred_at, capture.received_at, capture.pk


def _weight(parsed: ParsedCapture) -> tuple[int, datetime, datetime, UUID]:
    """Sort key: trust, then event time; the last capture wins."""
    return TRUST_RANK[Trust(parsed.capture.trust)], *moment_of(parsed.capture)


def _state(parsed: list[ParsedCapture], currency: str) -> tuple[str, Decimal | None]:
    """Return the state, and the amount refunded so far.

    Ordinary states rank; refunded, disputed and failed count from their time on.
    """
    ordinary: tuple[int, Moment, str] | None = None
    received: Moment | None = None
    special: tuple[Moment, str] | None = None
    refunds = []
    for item in parsed:
        values = item.values
        state = str(values.get("state", PaymentState.CREATED))
        moment = moment_of(item.capture)
        if state in _RANK:
            candidate = (_RANK[PaymentState(state)], moment, state)
            ordinary = max(ordinary, candidate) if ordinary else candidate
            if _RANK[PaymentState(state)] >= _RANK[PaymentState.PAID]:
                received = max(received, moment) if received else moment
        elif special is None or moment > special[0]:
            special = (moment, state)
        amount = stored_amount(values, "amount_refunded", currency)
        if amount is not None:
            refunds.append(amount)
        elif state == PaymentState.REFUNDED:
            price = stored_amount(values, "final_price", currency)
            refunds.append(price or Decimal(0))
    refunded = max(refunds, default=None)
    # Once received, the last word counts: a dispute that was won is over.
    last = received or (ordinary[1] if ordinary else None)
    if special is not None and (last is None or special[0] > last):
        return special[1], refunded
    return ordinary[2] if ordinary else PaymentState.CREATED.value, refunded


def _after_refunds(state: str, price: Decimal | None, refunded: Decimal | None) -> str:
    """Return the state after the refunds."""
    is_settled = state in (
        PaymentState.PAID,
        PaymentState.PARTIALLY_REFUNDED,
        PaymentState.REFUNDED,
    )
    if not is_settled or not refunded:
        return state
    is_whole = price is None or refunded >= price
    return PaymentState.REFUNDED if is_whole else PaymentState.PARTIALLY_REFUNDED


def _is_verified(parsed: list[ParsedCapture]) -> bool:
    return any(
        t.capture.trust != Trust.BROWSER and t.values.get("state") in SETTLED_STATES
        for t in parsed
    )


def _paid_at(ours: list[ParsedCapture], by_time: list[Capture]) -> datetime:
    paid = [
        t.capture.occurred_at
        for t in ours
        if t.values.get("state") == PaymentState.PAID
    ]
    return min(paid, default=by_time[0].occurred_at)


def _person(parsed: list[ParsedCapture]) -> dict[str, str | None]:
    columns: dict[str, str | None] = dict.fromkeys(
        ("user_id", "user_email", "user_name")
    )
    for item in parsed:
        person = {
            "user_id": item.capture.user_ref,
            "user_email": item.capture.email,
            "user_name": text(item.fields.get("full_name"), 200),
        }
        columns |= {name: value for name, value in person.items() if value}
    return columns


def _text_of(parsed: list[ParsedCapture], name: str, length: int) -> str | None:
    texts = [text(item.fields.get(name), length) for item in parsed]
    return next((value for value in reversed(texts) if value), None)


def _main_reference(group: PaymentGroup) -> str | None:
    """Return the main id of a payment: its intent before all others."""
    names = sorted(name.partition(":")[2] for name in group.references)
    for prefix in ("pi_", "in_", "cs_"):
        number_text = next((name for name in names if name.startswith(prefix)), None)
        if number_text:
            return number_text[:255]
    return None
