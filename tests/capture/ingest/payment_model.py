"""What holds of one payment after any set of messages: the model, without a database.

Written before the mechanism, and apart from it. Times are whole numbers; a message that
is not of a payment's price, its refunds or its disputes says nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

PAGE, SERVER, WEBHOOK = 0, 1, 2
# Of two that happened in one second the one further on is the later.
STEPS = ("pending", "succeeded", "cancelled", "failed", "open", "won", "lost", "")
LIVE = ("pending", "succeeded")


@dataclass(frozen=True)
class Told:
    """One message. Without an amount, a refund or a dispute is about all of it.

    `kind` is `pending`, `paid`, `failed`, `refund` (one, by its `name`), `total`
    (of all refunds so far) or `dispute` (by its `name`). `made` is when a refund was
    made, if it is not when the first message about it was.
    """

    trust: int
    at: int
    kind: str
    amount: Decimal | None = None
    name: str = ""
    status: str = ""
    owner: str | None = None
    made: int | None = None


@dataclass(frozen=True)
class Outcome:
    """A payment, and what follows from it for the customer."""

    state: str
    verified: bool
    price: Decimal | None
    refunded: Decimal
    owner: str | None

    @property
    def is_purchase(self) -> bool:
        """Whether there is a booking that counts."""
        settled = self.verified and self.state not in ("pending", "failed")
        return settled and self.price is not None and self.owner is not None

    @property
    def spent(self) -> Decimal:
        """What the customer spent: never less than nothing."""
        left = (self.price or Decimal(0)) - self.refunded
        return max(left, Decimal(0)) if self.is_purchase else Decimal(0)


def outcome(messages: Iterable[Told]) -> Outcome:
    """Return how a payment ends, whatever the order in which it was heard of."""
    every = list(messages)
    # What pages say counts for nothing once a server or a provider has spoken.
    heard = [m for m in every if m.trust != PAGE] or every
    heard.sort(key=lambda m: (m.trust, m.at, STEPS.index(m.status), m.amount or 0))
    paid = [m for m in heard if m.kind == "paid"]
    price = paid[-1].amount if paid else None
    refunded = went_back(strongest(heard, ("refund", "total")), price)
    disputes = by_name(strongest(heard, ("dispute",)))
    lost = [amount_of(words) for words in disputes if words[-1].status == "lost"]
    refunded = sum_of(lost, price or Decimal(0), refunded)
    received = [m for m in heard if m.kind not in ("pending", "failed")]
    going = received or [m for m in heard if m.kind == "pending"]
    state = "paid" if received else "pending"
    if latest([m for m in heard if m.kind == "failed"]) > latest(going):
        state = "failed"
    elif any(
        words[-1].status == "open"
        # One without a name is over once it is paid again.
        and (words[-1].name or latest(paid) <= latest(words))
        for words in disputes
    ):
        state = "disputed"
    elif refunded:
        is_whole = price is not None and refunded >= price
        state = "refunded" if is_whole else "partially_refunded"
    owner = next((m.owner for m in reversed(heard) if m.owner), None)
    verified = bool(received) and heard[0].trust != PAGE
    return Outcome(state, verified, price, refunded, owner)


def latest(messages: list[Told]) -> tuple[int, int]:
    """Return the rank of the last of these; before all others, if there is none."""
    return max(((m.trust, m.at) for m in messages), default=(-1, -1))


def strongest(heard: list[Told], kinds: tuple[str, ...]) -> list[Told]:
    """Leave out what has no name where somebody more trusted speaks of the same."""
    ours = [m for m in heard if m.kind in kinds]
    # A total of nothing is what a payment says while it is new.
    top = max((m.trust for m in ours if m.kind != "total" or m.amount != 0), default=0)
    return [m for m in ours if m.trust >= top or m.name]


def by_name(messages: list[Told]) -> list[list[Told]]:
    """Return the messages about each refund or dispute; the last of each counts.

    A refund without a name is that of its message, and no other.
    """
    groups: dict[str, list[Told]] = {}
    for m in messages:
        name = m.name or (f"at {m.at}" if m.kind == "refund" else "")
        groups.setdefault(name, []).append(m)
    return list(groups.values())


def went_back(heard: list[Told], price: Decimal | None) -> Decimal:
    """Return what refunds took: each once, and what a total says besides."""
    whole = price or Decimal(0)
    totals = [m for m in heard if m.kind == "total"]
    refunds = by_name([m for m in heard if m.kind == "refund"])
    live = [words for words in refunds if words[-1].status in LIVE]
    # Refunds that came back, and from when on.
    over = [words for words in refunds if words[-1].status not in LIVE]
    known = sum_of([amount_of(words) for words in live], whole)
    if not totals:
        return known
    last = totals[-1]
    total = whole if last.amount is None else last.amount
    if last.amount is not None:
        later = [amount_of(words) for words in live if made_at(words) > last.at]
        total += sum_of(later, whole)
    for words in over:
        if ended_at(words) > last.at >= made_at(words):
            amount = amount_of(words)
            total -= whole if amount is None else amount
    return max(known, total)


def sum_of(
    amounts: list[Decimal | None], whole: Decimal, before: Decimal = Decimal(0)
) -> Decimal:
    """Return a sum in which one without an amount is all of it, and not more."""
    total = sum((amount or Decimal(0) for amount in amounts), before)
    return max(total, whole) if None in amounts else total


def amount_of(words: list[Told]) -> Decimal | None:
    """Return the amount that was said last, if one was."""
    return next((m.amount for m in reversed(words) if m.amount is not None), None)


def made_at(words: list[Told]) -> int:
    """Return when a refund was made; long ago, if only its end is heard of."""
    stated = [m.made for m in words if m.made is not None]
    return min(stated or [m.at for m in words if m.status in LIVE], default=0)


def ended_at(words: list[Told]) -> int:
    """Return from when on a refund has not been one any more."""
    ends = []
    for m in words:
        ends = [] if m.status in LIVE else [*ends, m.at]
    return ends[0]
