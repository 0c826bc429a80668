"""Times and days as people, files and programs write them: one grammar, and its bounds.

Taken are those that every time zone and both databases can hold. And how sentences name
the near ones.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import partial

from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
# Clocks differ, and a message takes its time.
FUTURE_ALLOWED = timedelta(minutes=5)

_REFUSALS = {
    "moment_invalid": _(
        "Write a time like 2026-11-21T10:00:00Z or a day like 2026-11-21."
    ),
    "day_invalid": _("Write a day like 2026-11-21."),
    "zone_missing": _(
        "Write a time with its zone (RFC 3339), like 2026-11-21T10:00:00Z."
    ),
    "hour_missing": _(
        "The clocks were put forward then, and left this hour out. Write another time, "
        "or its zone, like +01:00."
    ),
    "hour_twice": _(
        "The clocks were put back then, and this hour was there twice. Write its zone, "
        "like +01:00."
    ),
    "out_of_range": _("Send a time from 1900 on and before 2200."),
    "in_future": _("This is in the future. Write when it happened."),
}
# Where a form offers the two times, or another one can be typed.
_LEFT_OUT = _(
    "The clocks were put forward then, and left this time out. Write another one."
)
_TWICE = _("The clocks were put back then, and had this time twice. Choose which.")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
# RFC 3339, and what programs make of it: without seconds, a comma, no colons.
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"([Zz]| ?[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_SPREAD = r"\1-\2-\3T\4:\5:\6Z"
_LEAP_SECOND, _HOUR = 60, 60
_MINUTE = timedelta(minutes=1)
_LARGEST_OFFSET = timedelta(hours=14)


def parse_moment(
    text: str, zone: tzinfo | None = None, *, takes_first: bool = False
) -> datetime:
    """Return a time in UTC, to the microsecond.

    Without a zone of its own it is in `zone`, and a day is the day's beginning there.
    Raises ValidationError, in English: `moment_invalid`, `out_of_range`, `zone_missing`
    without both zones, and, unless `takes_first`, `hour_missing` and `hour_twice` for
    an hour that the clocks of the zone left out, or had twice.
    """
    text = _COMPACT.sub(_SPREAD, text.strip(), count=1)
    match = _MOMENT.fullmatch(text)
    if match is None:
        local = datetime.combine(_day_of(text, "moment_invalid"), time())
        takes_first = True
    else:
        local = _local_time(match)
    offset = match[8] if match else None
    if offset:
        aware = local.replace(tzinfo=_zone_of(offset))
    elif zone is None:
        raise _refusal("zone_missing")
    else:
        aware = local.replace(tzinfo=zone)
        if not takes_first and (code := _clock_change(aware)):
            raise _refusal(code)
    try:
        moment = aware.astimezone(UTC)
    except OverflowError:
        raise _refusal("out_of_range") from None
    if not is_in_range(moment):
        raise _refusal("out_of_range")
    return moment


def parse_day(text: str) -> date:
    """Return a day. Raises ValidationError `day_invalid` or `out_of_range`."""
    day = _day_of(text.strip(), "day_invalid")
    if not is_in_range(day):
        raise _refusal("out_of_range")
    return day


def names_zone(text: str) -> bool:
    """Tell whether a time that can be read says its zone."""
    match = _MOMENT.fullmatch(_COMPACT.sub(_SPREAD, text.strip(), count=1))
    return match is not None and match[8] is not None


def check_happened(moment: datetime, now: datetime) -> None:
    """Raise ValidationError `in_future` for more than five minutes from now."""
    if moment > now + FUTURE_ALLOWED:
        raise _refusal("in_future")


def is_in_range(value: date | datetime) -> bool:
    """Tell whether a time that knows its zone, or a day, is one that is taken."""
    if isinstance(value, datetime):
        return EARLIEST <= value < LATEST
    return EARLIEST.date() <= value < LATEST.date()


def _refusal(code: str) -> ValidationError:
    return ValidationError(_REFUSALS[code], code=code)


def _day_of(text: str, code: str) -> date:
    match = _DAY.fullmatch(text)
    if match is None:
        raise _refusal(code)
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        raise _refusal(code) from None


def _local_time(match: re.Match[str]) -> datetime:
    *day_and_clock, fraction, _offset = match.groups(default="0")
    year, month, day, hour, minute, second = map(int, day_and_clock)
    after = timedelta()
    if (hour, minute, second) == (24, 0, 0):
        hour, after = 0, timedelta(days=1)
    if second == _LEAP_SECOND:
        # No clock of ours has it.
        second, after = second - 1, timedelta(seconds=1)
    try:
        moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - its zone is set later
        return moment + after + timedelta(microseconds=int(f"{fraction:0<6}"[:6]))
    except (ValueError, OverflowError):
        raise _refusal("moment_invalid") from None


def _zone_of(offset: str) -> tzinfo:
    if offset in "Zz":
        return UTC
    digits = offset.strip().replace(":", "")
    hours, minutes = int(digits[1:3]), int(digits[3:] or 0)
    length = timedelta(hours=hours, minutes=minutes)
    if minutes >= _HOUR or length > _LARGEST_OFFSET:
        raise _refusal("moment_invalid")
    return timezone(-length if digits[0] == "-" else length)


def offsets_at(local: datetime, zone: tzinfo) -> list[timedelta]:
    """Return how far ahead of UTC a clock of a zone is when it shows a time.

    None where the clocks left that time out, two where they had it twice: the one
    before they were put back first.
    """
    first = local.replace(tzinfo=zone, fold=0)
    code = _clock_change(first)
    if code == "hour_missing":
        return []
    moments = [first, first.replace(fold=1)] if code else [first]
    return [moment.utcoffset() or timedelta() for moment in moments]


def offset_text(offset: timedelta) -> str:
    """Return an offset as times have it: `+02:00`."""
    sign, minutes = "-" if offset < timedelta() else "+", abs(offset) // _MINUTE
    return f"{sign}{minutes // _HOUR:02}:{minutes % _HOUR:02}"


def to_moment(local: datetime, zone: tzinfo, offset: str = "") -> datetime:
    """Return when a clock of a zone shows a time.

    `offset` says which one is meant of a time that clocks had twice. Raises
    ValidationError `hour_missing` for a time that they left out, and `hour_twice`
    where nothing says which.
    """
    offsets = offsets_at(local, zone)
    if not offsets:
        raise ValidationError(_LEFT_OUT, code="hour_missing")
    texts = [offset_text(each) for each in offsets]
    if len(texts) > 1 and offset not in texts:
        raise ValidationError(_TWICE, code="hour_twice")
    is_second = len(texts) > 1 and offset == texts[1]
    return local.replace(tzinfo=zone, fold=int(is_second))


def _clock_change(moment: datetime) -> str | None:
    """Return the code of an hour that the clocks of a zone left out or had twice."""
    again = moment.replace(fold=1)
    if moment.utcoffset() == again.utcoffset():
        return None
    there = moment.astimezone(UTC).astimezone(moment.tzinfo)
    is_there = there.replace(tzinfo=None) == moment.replace(tzinfo=None)
    return "hour_twice" if is_there else "hour_missing"


def day_and_time(moment: datetime) -> str:
    """Return a moment of these days as its reader writes it, in its own time zone."""
    day = date_format(moment, "MONTH_DAY_FORMAT")
    return f"{day} {date_format(moment, 'TIME_FORMAT')}"


# For texts of which it is known later who reads them.
day_and_time_lazy = lazy(day_and_time, str)
time_lazy = lazy(partial(date_format, format="TIME_FORMAT"), str)
