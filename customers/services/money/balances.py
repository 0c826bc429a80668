"""The balance of a customer's credit today: exact, and without expired credit.

Each issued entry is a pot that is valid until the end of its `expires_on`, in the time
zone of the business. Spending takes from the pots that were valid on that day, the one
that expires first before all others. A reversal of issued credit empties its own pot
first; a reversal of spending refills the same pots, of which some may have expired
meanwhile. The balance is what the valid pots hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from customers.choices import CreditKind
from customers.models import Business, Credit


@dataclass
class _Pot:
    expires_on: date | None
    left: Decimal

    def is_valid(self, day: date) -> bool:
        return self.expires_on is None or self.expires_on >= day


def balances_of(entries: Iterable[Credit], business: Business) -> dict[str, Decimal]:
    """Return the balance in each currency; `entries` are all of one customer."""
    today = business.local_day(timezone.now())
    pots_by_currency: dict[str, _Pots] = defaultdict(_Pots)
    for entry in sorted(entries, key=lambda credit: (credit.created_at, credit.pk)):
        pots_by_currency[entry.currency].add(
            entry, business.local_day(entry.created_at)
        )
    return {code: pots.worth(today) for code, pots in sorted(pots_by_currency.items())}


class _Pots:
    """The pots of one currency, and which of them each entry took from."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, _Pot] = {}
        self.taken: dict[UUID, list[tuple[_Pot, Decimal]]] = {}

    def add(self, entry: Credit, day: date) -> None:
        if entry.kind == CreditKind.ISSUED:
            self.by_id[entry.pk] = _Pot(entry.expires_on, entry.amount)
        elif entry.amount < 0:
            self._take(entry, day)
        else:
            for pot, amount in self.taken.pop(entry.reverses_id, ()):  # type: ignore[arg-type]  # a reversal names its entry
                pot.left += amount

    def worth(self, day: date) -> Decimal:
        valid = (pot.left for pot in self.by_id.values() if pot.is_valid(day))
        return sum(valid, Decimal(0))

    def _take(self, entry: Credit, day: date) -> None:
        """Take from pots: of the reversed entry, else valid, else expired ones."""
        reversed_pot = self.by_id.get(entry.reverses_id) if entry.reverses_id else None
        is_end = entry.kind == CreditKind.EXPIRED

        def rank(pot: _Pot) -> tuple[bool, bool, date]:
            return (pot is not reversed_pot, pot.is_valid(day) == is_end, _end_of(pot))

        need, taken = -entry.amount, []
        for pot in sorted(self.by_id.values(), key=rank):
            part = min(need, pot.left)
            if part > 0:
                pot.left -= part
                need -= part
                taken.append((pot, part))
        self.taken[entry.pk] = taken


def _end_of(pot: _Pot) -> date:
    return pot.expires_on or date.max
