"""JSON that is read by people: the same text, with one member on each line."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from audit.json_text import indent_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=9,
)


@given(VALUES)
def test_json_is_indented_as_by_the_standard_library(value):
    for text in (json.dumps(value), json.dumps(value, separators=(",", ":"))):
        assert indent_json(text, 100) == json.dumps(value, indent=2)


def test_what_a_parser_would_lose_stands_there():
    assert indent_json('{"a":1.10,"a":1e400}', 5) == '{\n  "a": 1.10,\n  "a": 1e400\n}'


@given(st.text('[]{}",:1 a\\', max_size=12))
def test_what_is_no_json_comes_back_as_it_is(text):
    try:
        json.loads(text)
    except ValueError:
        assert indent_json(text, 5) == text


def test_what_nests_deeper_comes_back_as_it_is():
    assert indent_json("[[[]]]", 3) == "[\n  [\n    []\n  ]\n]"
    assert indent_json("[[[]]]", 2) == "[[[]]]"
