"""Wire formats to envelopes: plain data in, our names out. No rule is decided here."""

from __future__ import annotations

from capture.adapters.requirement import AMOUNT_KEYS, AMOUNTS, read, snake

__all__ = ["AMOUNTS", "AMOUNT_KEYS", "read", "snake"]
