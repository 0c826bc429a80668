"""Phone numbers: which can be called, and by what two are the same."""

from __future__ import annotations

import json

import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from customers.values.phone_number import clean_phone, parse_phone, to_e164
from tests.customers.values.tables import table_of

LINES = table_of("phones")
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def outcome(raw: object, country: str) -> str:
    try:
        return parse_phone(raw, country or None) or ""
    except ValidationError as error:
        return f"!{error.code}"


@pytest.mark.parametrize("line", LINES, ids=lambda x: f"{x['raw'][:40]} {x['country']}")
def test_a_number_is_what_the_table_says(line):
    assert outcome(json.loads(line["raw"]), line["country"]) == line["number"]


@given(st.sampled_from(REGIONS), st.sampled_from(["INTERNATIONAL", "RFC3966", "E164"]))
def test_a_number_of_any_country_is_read_as_it_is_written(region, style):
    number = phonenumbers.example_number(region)
    written = phonenumbers.format_number(
        number, getattr(phonenumbers.PhoneNumberFormat, style)
    )
    key = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    assert parse_phone(written, None) == key == parse_phone(key, "NO")


@given(st.sampled_from(REGIONS))
def test_a_number_is_read_in_its_country(region):
    number = phonenumbers.example_number(region)
    written = phonenumbers.format_number(
        number, phonenumbers.PhoneNumberFormat.NATIONAL
    )

    assert to_e164(written, region) in {
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    }


@given(st.text(max_size=60), st.sampled_from(["NO", "US", "", "??"]))
def test_nothing_else_is_raised(text, country):
    assert outcome(text, country)[:1] in {"", "+", "!"}


@pytest.mark.parametrize("typed", ["4.93E+11", "4,93E+11", "491711234567.0"])
def test_a_damaged_cell_is_refused_with_what_to_do(typed):
    with pytest.raises(ValidationError, match="Make the cell a text") as refused:
        clean_phone(typed)

    assert typed not in refused.value.message


def test_what_cannot_be_called_is_left_to_who_writes_it():
    assert clean_phone(" 22 00\u200b") == "22 00"
    assert to_e164("22 00", "NO") is None
