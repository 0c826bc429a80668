"""Amounts: the table of raw values, and what holds of every one."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from customers.money import exponent, quantise
from customers.values.amount import LIMIT, parse_amount, round_amount
from tests.customers.values.tables import table_of

TABLE = table_of("amounts")
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])


def raw_of(line: dict[str, str]) -> Any:
    """Return the value as the parser of captures hands it on."""
    return json.loads(line["raw"], parse_float=Decimal)


def strictly(raw: object, currency: str) -> str:
    try:
        amount = parse_amount(raw, currency)
    except ValidationError as error:
        return f"!{error.code}"
    return "" if amount is None else str(amount)


def captured(raw: object, currency: str) -> str:
    try:
        amount, is_rounded = round_amount(raw, currency)
    except ValidationError as error:
        return f"!{error.code}"
    return "" if amount is None else f"{'~' * is_rounded}{amount}"


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line["raw"][:40])
def test_each_raw_value_becomes_what_the_table_says(line):
    raw, currency = raw_of(line), line["currency"]

    assert strictly(raw, currency) == line["strict"]
    assert captured(raw, currency) == line["captured"]


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line["raw"][:40])
def test_no_refusal_repeats_what_was_sent(line):
    raw = raw_of(line)
    for judge in (parse_amount, round_amount):
        try:
            judge(raw, line["currency"])
        except ValidationError as error:
            [sentence] = error.messages
            assert not isinstance(raw, str) or len(raw) < 3 or raw not in sentence


@given(st.decimals(-LIMIT + 1, LIMIT - 1, places=3), CURRENCIES)
def test_what_is_written_comes_back(amount, currency):
    amount = quantise(amount, currency)

    assert parse_amount(f"{amount:f}", currency, is_signed=True) == amount
    if amount >= 0:
        assert round_amount(f"{amount:f}", currency) == (amount, False)


@given(st.decimals(0, LIMIT - 2, allow_nan=False), CURRENCIES)
def test_an_amount_is_rounded_once_by_at_most_half_a_coin(amount, currency):
    half = Decimal(1).scaleb(-exponent(currency)) / 2
    try:
        rounded, is_rounded = round_amount(f"{amount:f}", currency)
    except ValidationError:
        assert 0 < amount <= half
        return

    assert abs(rounded - amount) <= half
    assert is_rounded == (rounded != amount)
    assert parse_amount(rounded, currency) == rounded


@given(st.text() | st.binary() | st.floats() | st.integers() | st.decimals())
def test_anything_is_an_amount_or_refused(raw):
    """Nothing but a ValidationError is raised, whatever comes."""
    strictly(raw, "EUR")
    captured(raw, "JPY")


def test_an_entry_of_credit_may_be_below_zero():
    assert parse_amount("-5", "EUR", is_signed=True) == -5
    with pytest.raises(ValidationError, match="12 digits"):
        parse_amount("-1000000000000", "EUR", is_signed=True)
