"""Which PINs are refused, and that the printed ones are, without naming them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from audit.accounts import pins
from audit.accounts.pins import check_pin, is_denied
from tests.factories.audit import PIN
from tests.long import IS_LONG

RISING = [f"{''.join(str((n + k) % 10) for k in range(6))}" for n in range(10)]


def code_of(pin: str, *own: str) -> str | None:
    try:
        check_pin(pin, personal=own)
    except ValidationError as refused:
        return refused.code
    return None


@pytest.mark.parametrize("pin", [PIN, "82914053", "940618275530"])
def test_a_good_pin_is_taken(pin):
    assert code_of(pin) is None


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("", "invalid_pin"),
        ("40718", "invalid_pin"),
        ("4071829306451", "invalid_pin"),
        ("40718a", "invalid_pin"),
        ("407182\n", "invalid_pin"),
        ("٤٠٧١٨٢", "invalid_pin"),
        ("567890", "sequence_pin"),
        ("876543", "sequence_pin"),
        ("135791", "sequence_pin"),
        ("444444", "sequence_pin"),
        ("292929", "repeated_pin"),
        ("583583", "repeated_pin"),
        ("58358358", "repeated_pin"),
        ("447744", "pattern_pin"),
        ("778899", "pattern_pin"),
        ("573375", "pattern_pin"),
        ("311299", "date_pin"),
        ("123199", "date_pin"),
        ("991231", "date_pin"),
        ("101975", "date_pin"),
        ("29022024", "date_pin"),
        ("19871104", "date_pin"),
        ("314159", "common_pin"),
        ("147258", "common_pin"),
    ],
)
def test_a_pin_that_is_guessed_first_is_refused(pin, code):
    assert code_of(pin) == code


@pytest.mark.parametrize(
    "own", ["ana407182", "+47 40 71 82 00", "ana.0718@example.org"]
)
def test_digits_that_others_know_are_refused(own):
    assert code_of(PIN, own) == "own_pin"
    assert code_of(PIN, "ana", "ana12@example.org") is None


def days(first: int, last: int) -> list[date]:
    start, end = date(first, 1, 1), date(last, 12, 31)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


@pytest.mark.parametrize("form", ["%d%m%y", "%m%d%y", "%y%m%d"])
def test_every_date_of_a_century_is_refused(form):
    dates = {day.strftime(form) for day in days(2000, 2099)}

    assert len(dates) == 36_525
    assert not [pin for pin in dates if not pins._is_date(pin)]


@given(st.text("0123456789", min_size=6, max_size=12))
def test_the_rules_take_any_digits(pin):
    for _, _, rule in pins._RULES[1:]:
        assert rule(pin) in {True, False}


def test_one_printed_pin_is_a_rising_row_and_is_denied_by_its_hash():
    denied = [pin for pin in RISING if is_denied(pin)]

    assert len(denied) == 1
    assert code_of(denied[0]) == "denied_pin"
    assert not is_denied(PIN)


def test_two_hashes_are_listed_and_nothing_in_clear():
    rounds, salt, *hashes = pins._lines("denied_pins.txt")

    assert int(rounds) >= 50_000
    assert len(bytes.fromhex(salt)) == 16
    assert len(set(hashes)) == 2
    assert all(len(bytes.fromhex(text)) == 32 for text in hashes)


@pytest.mark.slow
@pytest.mark.skipif(not IS_LONG, reason="takes a while, for two lines of data")
def test_the_other_printed_pin_is_a_date_and_is_denied_by_its_hash():
    """Tries every day of some years, which takes a while."""
    dates = sorted({day.strftime("%d%m%y") for day in days(2021, 2024)})
    with ThreadPoolExecutor(2) as pool:
        found = [
            p for p, hit in zip(dates, pool.map(is_denied, dates), strict=True) if hit
        ]

    assert len(found) == 1
    assert code_of(found[0]) == "denied_pin"
