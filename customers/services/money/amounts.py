"""How figures are written for people."""

from __future__ import annotations

from decimal import Decimal

from customers.money import quantise


def shown_money(amount: Decimal, currency: str) -> str:
    """Return an amount with its currency, in the currency's own decimals."""
    return f"{quantise(amount, currency):,} {currency}"
