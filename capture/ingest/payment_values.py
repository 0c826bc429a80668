"""The columns of a payment, computed from all its captures, without a query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from audit.json_text import JsonObject
from capture.choices import SETTLED_STATES, TRUST_RANK, PaymentState, Trust
from capture.ingest.amounts import stored_amount
from capture.ingest.projections import ParsedCapture, number, parse_capture, text
from capture.ingest.refund_ledger import (
    Ledger,
    is_in_ledger,
    ledger_values,
    read_ledger,
)
from capture.models import Capture, Payment

_RANK = {
    PaymentState.CREATED: 0,
    PaymentState.PENDING: 1,
    PaymentState.AUTHORISED: 2,
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
    "refunds",
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
_AMOUNTS = ("original_price", "discount_amount", "final_price")


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
    """Return every computed column of the payment of a group.

    What pages say counts for nothing once a server or a provider has spoken.
    """
    ours = {capture.pk for capture in trusted(group.captures.values())}
    parsed = [item for item in group.parsed_captures() if item.capture.pk in ours]
    parsed.sort(key=_weight)
    strongest = parsed[-1].capture
    by_time = sorted((item.capture for item in parsed), key=moment_of)
    merged: JsonObject = {}
    for item in parsed:
        merged |= _without_lesser_currency(item.values, merged)
    currency = str(merged["currency"])
    amounts = {n: stored_amount(merged, n, currency) for n in _AMOUNTS}
    ledger = read_ledger(parsed, currency, amounts["final_price"])
    return {
        "customer_id": group.customer_id,
        "first_capture_id": by_time[0].pk,
        "latest_capture_id": by_time[-1].pk,
        "trust": strongest.trust,
        "occurred_at": _paid_at(parsed, by_time),
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
        "state": _state(parsed, ledger, amounts["final_price"]),
        "verified": _is_verified(parsed),
        "amount_refunded": ledger.amount,
        "refunds": ledger.lines(currency) or None,
    }


def trusted(captures: Iterable[Capture]) -> list[Capture]:
    """Leave out what pages claim, unless there are nothing but claims."""
    every = list(captures)
    return [c for c in every if c.trust != Trust.BROWSER] or every


def _without_lesser_currency(values: JsonObject, merged: JsonObject) -> JsonObject:
    """Leave out a currency that is assumed where one is stated, or is of no price."""
    is_stated = merged.get("currency_assumed") is False
    is_assumed = bool(values.get("currency_assumed"))
    is_of_price = "final_price" in values or "final_price" not in merged
    if not is_stated or (is_of_price and not is_assumed):
        return values
    names = ("currency", "currency_assumed")
    return {name: value for name, value in values.items() if name not in names}


def moment_of(capture: Capture) -> Moment:
    """Return what orders captures."""
    return capture.occurred_at, capture.received_at, capture.pk


def _weight(parsed: ParsedCapture) -> tuple[int, datetime, datetime, UUID]:
    """Sort key: trust, then event time; the last capture wins."""
    return TRUST_RANK[Trust(parsed.capture.trust)], *moment_of(parsed.capture)


def _state(parsed: list[ParsedCapture], ledger: Ledger, price: Decimal | None) -> str:
    """Return the state: as far as it came, unless it failed or money went back.

    A failure counts from its time on, unless somebody more trusted says it was paid.
    """
    states = [(_state_of(item), _order_of(item.capture)) for item in parsed]
    received = [order for state, order in states if state in SETTLED_STATES]
    under_way = [order for state, order in states if state in _RANK]
    failed = [order for state, order in states if state == PaymentState.FAILED]
    last = max(received or under_way, default=None)
    if failed and (last is None or max(failed) > last):
        return PaymentState.FAILED.value
    if not received:
        return max((state for state, _ in states), key=_rank).value
    if ledger.is_disputed:
        return PaymentState.DISPUTED.value
    if ledger.is_all:
        return PaymentState.REFUNDED.value
    if ledger.amount:
        is_whole = price is not None and ledger.amount >= price
        return (
            PaymentState.REFUNDED if is_whole else PaymentState.PARTIALLY_REFUNDED
        ).value
    is_in_part = ledger.amount is None and any(
        state == PaymentState.PARTIALLY_REFUNDED and not is_in_ledger(item.values)
        for item, (state, _) in zip(parsed, states, strict=True)
    )
    return (PaymentState.PARTIALLY_REFUNDED if is_in_part else PaymentState.PAID).value


def _state_of(item: ParsedCapture) -> PaymentState:
    """Return what a message says of the payment: money in the ledger was received."""
    state = PaymentState(str(item.values.get("state", PaymentState.CREATED)))
    is_open = state not in SETTLED_STATES and is_in_ledger(ledger_values(item))
    return PaymentState.PARTIALLY_REFUNDED if is_open else state


def _rank(state: PaymentState) -> int:
    return _RANK.get(state, -1)


def _order_of(capture: Capture) -> tuple[int, datetime]:
    return TRUST_RANK[Trust(capture.trust)], capture.occurred_at


def _is_verified(parsed: list[ParsedCapture]) -> bool:
    return any(
        t.capture.trust != Trust.BROWSER and _state_of(t) in SETTLED_STATES
        for t in parsed
    )


def _paid_at(parsed: list[ParsedCapture], by_time: list[Capture]) -> datetime:
    paid = [
        t.capture.occurred_at
        for t in parsed
        if t.values.get("state") == PaymentState.PAID and not is_in_ledger(t.values)
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
