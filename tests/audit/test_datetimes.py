"""Times and days: the tables of raw values, and what the clocks of a zone do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from audit.datetimes import (
    EARLIEST,
    LATEST,
    check_happened,
    names_zone,
    parse_day,
    parse_moment,
)
from tests.customers.values.tables import table_of

OSLO = ZoneInfo("Europe/Oslo")
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def texts(name):
    """Return the lines of a table whose raw value is a text that says something."""
    lines = [(json.loads(line["raw"]), line) for line in table_of(name)]
    return [(raw, line) for raw, line in lines if isinstance(raw, str) and raw.strip()]


def outcome(read, *args, **options):
    try:
        value = read(*args, **options)
    except ValidationError as error:
        return f"!{error.code}"
    text = value.isoformat()
    return text.replace("+00:00", "Z") if isinstance(value, datetime) else text


def happened(text, zone=None):
    moment = parse_moment(text, zone)
    check_happened(moment, NOON)
    return moment


def test_moments_are_those_of_the_table():
    for raw, line in texts("moments"):
        assert outcome(happened, raw) == line["strict"], raw
        assert outcome(happened, raw, OSLO) == line["in_oslo"], raw


def test_days_are_those_of_the_table():
    for raw, line in texts("days"):
        assert outcome(parse_day, raw) == line["day"], raw


@given(
    st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None)),
    st.integers(-14 * 60, 14 * 60),
)
def test_what_python_writes_is_read_again(local, minutes):
    sign, ahead = ("-", -minutes) if minutes < 0 else ("+", minutes)
    text = f"{local.isoformat()}{sign}{ahead // 60:02}:{ahead % 60:02}"
    moment = local.replace(tzinfo=UTC) - timedelta(minutes=minutes)
    if EARLIEST <= moment < LATEST:
        assert parse_moment(text) == moment


@given(st.integers(0, 366 * 24 * 4))
def test_an_hour_of_a_zone_is_read_once_twice_or_never(quarters):
    local = datetime(2026, 1, 1) + quarters * timedelta(minutes=15)  # noqa: DTZ001
    there = {
        utc
        for utc in (local.replace(tzinfo=UTC) - timedelta(hours=h) for h in (1, 2))
        if utc.astimezone(OSLO).replace(tzinfo=None) == local
    }
    code = {0: "!hour_missing", 2: "!hour_twice"}.get(len(there))
    expected = code or outcome(min, there)

    assert outcome(parse_moment, local.isoformat(), OSLO) == expected
    first = parse_moment(local.isoformat(), OSLO, takes_first=True)
    assert not there or first == min(there)


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("Europe/Oslo", "2026-06-20", "2026-06-19T22:00:00Z"),
        ("Pacific/Auckland", "2026-11-21", "2026-11-20T11:00:00Z"),
        # Midnight was left out there, or was there twice.
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
    ],
)
def test_a_day_begins_where_the_business_is(zone, day, start):
    assert outcome(parse_moment, day, ZoneInfo(zone)) == start


def test_what_names_a_zone():
    assert names_zone(" 2026-11-20T10:00Z ")
    assert names_zone("2026-11-20 10:00:00 +0100")
    assert not names_zone("2026-11-20T10:00")
    assert not names_zone("2026-11-20")
    assert not names_zone("Z")
