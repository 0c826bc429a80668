"""Refunds, credits and invoices, and the rules that they keep."""

from __future__ import annotations
