"""Countries: their codes in any spelling, and what is none."""

from __future__ import annotations

import json

import phonenumbers
import pytest
from django.core.exceptions import ValidationError

from customers.values.country_code import ALPHA_3, COUNTRIES, parse_country
from tests.customers.values.tables import table_of

LINES = table_of("countries")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["raw"][:40])
def test_a_country_is_what_the_table_says(line):
    raw = json.loads(line["raw"])
    try:
        outcome = parse_country(raw) or ""
    except ValidationError as error:
        outcome = f"!{error.code}"

    assert outcome == line["country"]


def test_each_country_has_both_codes():
    assert len(ALPHA_3) == len(COUNTRIES) == 249
    assert {len(code) for code in ALPHA_3} == {3}
    # The countries that have numbers, but for what is none of ISO's.
    assert set(phonenumbers.SUPPORTED_REGIONS) - COUNTRIES == {"AC", "TA", "XK"}
