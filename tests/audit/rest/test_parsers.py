"""The parser of bodies: what JSON allows and nobody else, and the sizes of things."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.rest.exceptions import ApiError
from audit.rest.parsers import MAX_DEPTH, parse_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_what_a_program_writes_is_read_as_it_was(value):
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"{'a': 1}", "malformed"),
        (b'{"a": 1,}', "malformed"),
        (b'{"a": "\x00"}', "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'{"a": "\xed\xa0\x80"}', "malformed"),
        ('{"a": 1}'.encode("utf-16"), "malformed"),
        (b'{"a": NaN}', "invalid_number"),
        (b'{"a": -Infinity}', "invalid_number"),
        (b'{"a": 1e400}', "invalid_number"),
        (b'{"a": -1e400}', "invalid_number"),
        (b'{"a": 1.00000000000000000001}', "invalid_number"),
        (b'{"a": 9223372036854775808}', "invalid_number"),
        (b'{"a": ' + b"9" * 100_000 + b"}", "invalid_number"),
        (b'{"a": 1.' + b"9" * 100_000 + b"}", "invalid_number"),
        (b'{"a": 1, "a": 1}', "conflicting_keys"),
        (b'{"b": {"a": 1, "\\u0061": 2}}', "conflicting_keys"),
        (b'{"a": "\\u0000"}', "invalid_text"),
        (b'{"a": ["\\ud800"]}', "invalid_text"),
        (b'{"\\udfff": 1}', "invalid_text"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "too_deep"),
        (b"[" * 200_000, "too_deep"),
        (b'{"a":' * 200_000, "too_deep"),
    ],
)
def test_what_others_would_read_otherwise_is_refused(raw, code):
    with pytest.raises(ApiError) as refused:
        parse_json(raw)

    assert (refused.value.status_code, refused.value.default_code) == (400, code)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 12.50}', {"a": 12.5}),
        (b'{"a": 1e2}', {"a": 100.0}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a": "\\\\u0000"}', {"a": "\\u0000"}),
        (b'{"a": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["}', {"a": "[" * 35}),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    ],
)
def test_what_only_looks_strange_is_taken(raw, value):
    found = parse_json(raw)

    assert value is None or found == value
