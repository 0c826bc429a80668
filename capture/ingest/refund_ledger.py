"""What went back of a payment: each refund once, running totals, and lost disputes.

Computed from all messages of a payment, without a query. A refund or a dispute is known
by its provider's id, else by the message that speaks of it; of what is said of one the
latest counts, by trust, time and arrival. A running total is the provider's sum at its
time: refunds made later are added, and those that ended later are taken off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from audit.json_text import JsonObject
from capture.adapters.values import text
from capture.choices import (
    TRUST_RANK,
    DisputeStatus,
    PaymentState,
    ProviderRefundStatus,
    Trust,
)
from capture.ingest.amounts import is_about_refund, readable_number
from capture.ingest.normalisation import ledger_fields, read_time
from capture.ingest.projections import ParsedCapture
from customers.money import amount_text, quantise

REFUND, DISPUTE, _TOTAL = "refund", "dispute", "total"
# When they happen in one second, the one further on is the later.
_STEPS = (
    "",
    *(s.value for s in ProviderRefundStatus),
    *(s.value for s in DisputeStatus),
)
_LIVE = (ProviderRefundStatus.PENDING, ProviderRefundStatus.SUCCEEDED)
_NOTHING = Decimal(0)


class Weight(NamedTuple):
    """What orders the messages about one refund; the last counts."""

    trust: int
    at: datetime
    step: int
    received_at: datetime
    capture_id: UUID


@dataclass(frozen=True)
class _Statement:
    """What one message says of a refund, of all of them, or of a dispute."""

    kind: str
    # Without one nothing else speaks of the same refund.
    provider_id: str | None
    amount: Decimal | None
    currency: str | None
    status: str
    weight: Weight
    made_at: datetime | None = None


@dataclass(frozen=True)
class Entry:
    """One refund or dispute. Without an amount it is about all of the payment.

    `currency` is None for that of the payment. `made_at` is None if only the end of it
    is known, `ended_at` unless it came to nothing.
    """

    kind: str
    provider_id: str | None
    amount: Decimal | None
    currency: str | None
    status: str
    at: datetime
    weight: Weight
    made_at: datetime | None
    ended_at: datetime | None

    @property
    def is_live(self) -> bool:
        """Whether its money went back, or is on its way."""
        return self.status in (*_LIVE, DisputeStatus.LOST)


@dataclass(frozen=True)
class Ledger:
    """Refunds and disputes of a payment, and what went back in all.

    `amount` is None if nobody says anything of it, or if it is all of an unknown price.
    """

    entries: list[Entry] = field(default_factory=list)
    amount: Decimal | None = None
    is_all: bool = False

    @property
    def is_disputed(self) -> bool:
        """Whether a dispute is open."""
        return any(entry.status == DisputeStatus.OPEN for entry in self.entries)

    def lines(self, currency: str) -> list[JsonObject]:
        """Return the entries as JSON, in the order of their time."""
        ordered = sorted(self.entries, key=lambda e: (e.at, e.kind, e.weight))
        return [
            {
                "kind": entry.kind,
                "id": entry.provider_id,
                "amount": None
                if entry.amount is None
                else amount_text(entry.amount, entry.currency or currency),
                "currency": entry.currency or currency,
                "status": entry.status,
                "at": entry.at.isoformat(),
            }
            for entry in ordered
        ]


def ledger_values(parsed: ParsedCapture) -> JsonObject:
    """Return the facts of a capture, with those of refunds and disputes as read today.

    Older captures had fewer of them; erased ones have their facts alone.
    """
    if not parsed.fields:
        return parsed.values
    values = {k: v for k, v in parsed.values.items() if k not in _LEDGER_KEYS}
    amounts = {name: parsed.fields.get(name) for name in _AMOUNTS}
    return {**values, **amounts, **ledger_fields(parsed.fields)}


def is_in_ledger(values: JsonObject) -> bool:
    """Tell whether a message is about a refund or a dispute."""
    return is_about_refund(values) or bool(values.get("dispute_status"))


def read_ledger(
    parsed: Iterable[ParsedCapture], currency: str, price: Decimal | None
) -> Ledger:
    """Return the refunds and disputes of a payment, and what went back in all."""
    statements, paid = [], []
    for item in parsed:
        values = ledger_values(item)
        statements += _statements(item, values, currency)
        if values.get("state") == PaymentState.PAID and not is_in_ledger(values):
            paid.append(_weight_of(item, ""))
    refunds = _of_most_trusted(statements, (REFUND, _TOTAL))
    disputes = _entries(s for s in _of_most_trusted(statements, (DISPUTE,)))
    disputes = [_closed_by(entry, paid) for entry in disputes]
    entries = _entries(s for s in refunds if s.kind == REFUND)
    totals = [s for s in refunds if s.kind == _TOTAL and s.currency is None]
    counted = [e for e in entries if e.currency is None]
    lost = [e for e in disputes if e.is_live and e.currency is None]
    entries += disputes
    if not (counted or totals or lost):
        return Ledger(entries)
    back, is_all = _back(counted, totals, price or _NOTHING)
    back, is_all_lost = _sum_of(lost, price or _NOTHING, back)
    is_all = is_all or is_all_lost
    return Ledger(entries, None if is_all and price is None else back, is_all)


def _back(
    entries: list[Entry], totals: list[_Statement], whole: Decimal
) -> tuple[Decimal, bool]:
    """Return what refunds took, and whether that is all of it by their words."""
    live = [entry for entry in entries if entry.is_live]
    by_ids, is_all = _sum_of(live, whole)
    if not totals:
        return by_ids, is_all
    last = max(totals, key=_total_weight)
    until = last.weight.at
    ended = [e for e in entries if e.ended_at is not None and e.ended_at > until]
    ended = [e for e in ended if e.made_at is None or e.made_at <= until]
    off = sum((whole if e.amount is None else e.amount for e in ended), _NOTHING)
    if last.amount is None:
        return max(by_ids, whole - off), is_all or not off
    later = [e for e in live if e.made_at is not None and e.made_at > until]
    more, _ = _sum_of(later, whole)
    return max(by_ids, last.amount + more - off), is_all


def _sum_of(
    entries: list[Entry], whole: Decimal, before: Decimal = _NOTHING
) -> tuple[Decimal, bool]:
    """Return the sum of entries and of what came before, and if it is all of it."""
    total = sum((entry.amount or _NOTHING for entry in entries), before)
    is_all = any(entry.amount is None for entry in entries)
    return max(total, whole) if is_all else total, is_all


def _total_weight(total: _Statement) -> tuple[int, datetime, Decimal, Weight]:
    """Sort key of running totals: in one second they only grow."""
    amount = Decimal("Infinity") if total.amount is None else total.amount
    return total.weight.trust, total.weight.at, amount, total.weight


def _statements(
    item: ParsedCapture, values: JsonObject, currency: str
) -> list[_Statement]:
    stated = str(values.get("currency") or currency)
    other = (
        stated if stated != currency and not values.get("currency_assumed") else None
    )
    amounts = {
        name: None if number is None else quantise(number, other or currency)
        for name in _AMOUNTS
        for number in [readable_number(values.get(name))]
    }
    statements = []
    if is_about_refund(values):
        status = str(values.get("refund_status") or ProviderRefundStatus.SUCCEEDED)
        statements.append(
            _Statement(
                REFUND,
                text(values.get("refund_id")),
                amounts["refund_amount"],
                other,
                status,
                _weight_of(item, status),
                read_time(values.get("refunded_at")),
            )
        )
    total, dispute = amounts["amount_refunded"], values.get("dispute_status")
    is_whole = values.get("state") == PaymentState.REFUNDED and not statements
    if total is not None or (is_whole and not dispute):
        weight = _weight_of(item, "")
        statements.append(_Statement(_TOTAL, None, total, other, "", weight))
    if dispute or values.get("state") == PaymentState.DISPUTED:
        status = str(dispute or DisputeStatus.OPEN)
        number = text(values.get("dispute_id"))
        amount, weight = amounts["dispute_amount"], _weight_of(item, status)
        # Without an id it is the one dispute that a payment has.
        statements.append(_Statement(DISPUTE, number, amount, other, status, weight))
    return statements


def _weight_of(item: ParsedCapture, status: str) -> Weight:
    capture = item.capture
    return Weight(
        TRUST_RANK[Trust(capture.trust)],
        capture.occurred_at,
        _STEPS.index(status),
        capture.received_at,
        capture.pk,
    )


def _of_most_trusted(
    statements: list[_Statement], kinds: tuple[str, ...]
) -> list[_Statement]:
    """Return the statements of some kinds that can be about different refunds.

    What has no id may be the same as what somebody more trusted speaks of. That nothing
    went back yet, as a payment says while it is new, is no such word.
    """
    ours = [s for s in statements if s.kind in kinds]
    spoken = (s for s in ours if s.kind != _TOTAL or s.amount != 0)
    most = max((s.weight.trust for s in spoken), default=0)
    return [s for s in ours if s.weight.trust >= most or s.provider_id]


def _entries(statements: Iterable[_Statement]) -> list[Entry]:
    """Return each refund or dispute as it is now, from all that is said of it."""
    groups: dict[object, list[_Statement]] = defaultdict(list)
    for statement in statements:
        is_alone = statement.kind == REFUND and not statement.provider_id
        key = statement.weight.capture_id if is_alone else statement.provider_id
        groups[key].append(statement)
    return [_entry(group) for group in groups.values()]


def _entry(statements: list[_Statement]) -> Entry:
    statements.sort(key=lambda s: s.weight)
    last = statements[-1]
    amounts = [s for s in statements if s.amount is not None]
    made = [s.made_at for s in statements if s.made_at is not None]
    made = made or [s.weight.at for s in statements if s.status in _LIVE]
    ended_at = None
    for statement in statements:
        is_over = statement.status not in _LIVE
        ended_at = (ended_at or statement.weight.at) if is_over else None
    return Entry(
        kind=last.kind,
        provider_id=last.provider_id,
        amount=amounts[-1].amount if amounts else None,
        currency=amounts[-1].currency if amounts else last.currency,
        status=last.status,
        at=last.weight.at,
        weight=last.weight,
        made_at=min(made, default=None),
        ended_at=ended_at,
    )


def _closed_by(dispute: Entry, paid: list[Weight]) -> Entry:
    """Return a dispute without an id as it is once the payment is paid again."""
    is_open = dispute.status == DisputeStatus.OPEN and not dispute.provider_id
    after = [w for w in paid if w[:2] > dispute.weight[:2]] if is_open else []
    return replace(dispute, status=DisputeStatus.WON.value) if after else dispute


_AMOUNTS = ("amount_refunded", "refund_amount", "dispute_amount")
_LEDGER_KEYS = frozenset(
    (
        *_AMOUNTS,
        "refund_id",
        "refund_status",
        "refunded_at",
        "dispute_id",
        "dispute_status",
    )
)
