"""Payload text, fingerprint and redaction."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.parsing import ParseError, fingerprint, parse_body, payload_text, redact

surrogates = st.text(st.characters())
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).filter(
        lambda d: abs(d) < 10**20
    )
    | surrogates
)
values = st.recursive(
    scalars, lambda x: st.lists(x) | st.dictionaries(surrogates, x), max_leaves=15
)


@given(values)
def test_the_payload_reads_back_as_the_same_value(value):
    text = payload_text(value)

    assert json.loads(text, parse_float=Decimal) == value
    text.encode()
    assert "\0" not in text
    assert payload_text(json.loads(text, parse_float=Decimal)) == text


@given(st.binary(max_size=300))
def test_parsing_raises_nothing_but_its_own_error(body):
    with suppress(ParseError):
        assert parse_body(body).warnings is not None


@given(st.dictionaries(st.text(), values, max_size=5))
def test_the_fingerprint_ignores_order_and_sending(body):
    again = dict(reversed(body.items())) | {"sent_at": "later", "_metadata": {"n": 1}}
    first = {k: v for k, v in body.items() if k not in {"sent_at", "_metadata"}}

    assert fingerprint(first) == fingerprint(
        {k: v for k, v in again.items() if k in {*first, "sent_at", "_metadata"}}
    )


def test_numbers_that_are_equal_are_equal():
    assert fingerprint({"a": Decimal("1.50")}) == fingerprint({"a": Decimal("1.5")})
    assert fingerprint({"a": 1}) == fingerprint({"a": Decimal("1.0")})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ({"passwordHash": "x"}, {"passwordHash": "[redacted:password]"}),
        ({"PWD": None}, {"PWD": None}),
        ({"pan": "4111111111111111"}, {"pan": "[redacted:card]"}),
        (["5555 5555 5555 4444"], ["[redacted:card:4444]"]),
        ([4111111111111111], ["[redacted:card:1111]"]),
        ([378282246310005], ["[redacted:card:0005]"]),
        (["1700000000000"], ["1700000000000"]),
        (["4111111111111112"], ["4111111111111112"]),
        (["Bearer abc.def"], ["[redacted:token]"]),
        (["sk_live_abcdefgh12"], ["[redacted:key]"]),
        ({"spinning": "top"}, {"spinning": "top"}),
    ],
)
def test_redaction(value, clean):
    assert redact(value)[0] == clean
