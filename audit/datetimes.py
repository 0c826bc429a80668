"""Which times are taken: those that every time zone and both databases can hold.

And how sentences name the near ones.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from functools import partial

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.functional import lazy

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
OUT_OF_RANGE = "Send a time from 1900 on and before 2200."


def is_in_range(value: date | datetime) -> bool:
    """Tell whether a time that knows its zone, or a day, is one that is taken."""
    if isinstance(value, datetime):
        return EARLIEST <= value < LATEST
    return EARLIEST.date() <= value < LATEST.date()


def parse_local(text: str, zone: tzinfo) -> datetime | None:
    """Return a time, or a day's midnight; in `zone` unless the text has another."""
    try:
        moment = parse_datetime(text)
        if moment is None and (day := parse_date(text)):
            moment = datetime.combine(day, time())
    except ValueError:
        return None
    is_naive = moment is not None and moment.tzinfo is None
    return moment.replace(tzinfo=zone) if moment and is_naive else moment


def day_and_time(moment: datetime) -> str:
    """Return a moment of these days as its reader writes it, in its own time zone."""
    day = date_format(moment, "MONTH_DAY_FORMAT")
    return f"{day} {date_format(moment, 'TIME_FORMAT')}"


# For texts of which it is known later who reads them.
day_and_time_lazy = lazy(day_and_time, str)
time_lazy = lazy(partial(date_format, format="TIME_FORMAT"), str)
