"""What stands in the place of a value that is not shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.privacy.masking import (
    is_masked,
    mask,
    mask_instance,
    mask_text,
    mask_within,
)
from tests.factories import CustomerFactory


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        ("", ""),
        ("ada@example.org", "a…@e….org"),
        ("ada@localhost", "a…@l…"),
        ("+49 170 1234567", "…67"),
        ("203.0.113.9", "203.…"),
        ("2001:db8::1", "2001.…"),
        ("Harbour Road 7", "H…"),
        ("DE", "…"),
        (["a"], "…"),
    ],
)
def test_a_value_is_recognised_and_not_told(value, shown):
    assert mask(value) == shown


@given(st.emails())
def test_no_address_survives(address):
    name, _, host = address.rpartition("@")
    for text in (mask(address), mask_text(f"Write to {address} today")):
        assert address not in text
        assert len(name) == 1 or f"{name}@" not in text
        assert len(host) == 1 or f"@{host}" not in text


@given(st.from_regex(r"\+[1-9][0-9]{8,13}", fullmatch=True))
def test_no_international_number_survives(number):
    assert number not in mask_text(f"call {number}.")
    assert number not in str(mask_within({"a": [f"{number}"]}))


@given(
    st.emails(), st.from_regex(r"(\+|00)[1-9][0-9 ()/.-]{5,13}[0-9]", fullmatch=True)
)
def test_inside_a_text_stands_what_stands_for_the_value_alone(address, number):
    address = address.translate(dict.fromkeys(map(ord, "'/"), "x"))

    text = mask_text(f"Write to {address}, call {number}, or {address} again")

    shown = mask(address)
    assert text == f"Write to {shown}, call {mask(number)}, or {shown} again"


def test_dates_and_amounts_stay_readable_inside_texts():
    text = '{"at": "2026-11-21T10:00:00Z", "amount": 12345678.90, "id": 123456789}'

    assert mask_text(text) == text


def test_a_masked_row_is_not_the_stored_one(db):
    customer = CustomerFactory(name="Ada", email="ada@example.org")

    masked = mask_instance(customer)

    assert (masked.name, masked.email) == ("Ada", "a…@e….org")
    assert masked.email_key == "a…@e….org"
    customer.refresh_from_db()
    assert customer.email == "ada@example.org"


@given(st.text(min_size=1) | st.emails() | st.ip_addresses().map(str))
def test_a_masked_value_is_recognised(value):
    assert is_masked(str(mask(value)))


@pytest.mark.parametrize(
    "value", ["ana@example.org", "+47 22 00 00 00", "Wait… what", "Oslo", ""]
)
def test_a_value_is_not_taken_for_a_masked_one(value):
    assert not is_masked(value)
