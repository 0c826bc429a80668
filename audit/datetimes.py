"""Which times are taken: those that every time zone and both databases can hold."""

from __future__ import annotations

from datetime import UTC, date, datetime

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
OUT_OF_RANGE = "Send a time from 1900 on and before 2200."


def is_in_range(value: date | datetime) -> bool:
    """Tell whether a time that knows its zone, or a day, is one that is taken."""
    if isinstance(value, datetime):
        return EARLIEST <= value < LATEST
    return EARLIEST.date() <= value < LATEST.date()
