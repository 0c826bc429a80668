"""A body is cut into its items, whatever some of them hold."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from capture.parsing import ParseError, parse_items, parse_lines

scalars = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text('[]{}",\\é\n a')
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["batch", "a", "x]", '"']), inner, max_size=4)
    ),
    max_leaves=25,
)


names = st.text('ab"\\[', max_size=3)


@given(
    st.lists(values, max_size=6),
    st.dictionaries(names, values),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_valid_json_is_cut_into_what_it_holds(items, frame, indent, is_first):
    whole = {"batch": items, **frame} if is_first else {**frame, "batch": items}
    parsed = parse_items(json.dumps(whole, indent=indent).encode(), "batch", most=99)

    assert parsed.items is not None
    assert [item.value for item in parsed.items] == items
    assert not any(item.error for item in parsed.items)
    assert parsed.value == whole


@given(st.lists(values, max_size=4), st.text("nul.1-e:;'x", min_size=1, max_size=9))
def test_what_is_no_json_between_items_leaves_them_whole(items, word):
    texts = [json.dumps(item) for item in items]
    for place in range(len(texts) + 1):
        body = ",".join([*texts[:place], f"?{word}", *texts[place:]])
        found = parse_items(f"[{body}]".encode(), "batch", most=99).items or []

        assert found.pop(place).error is not None
        assert [item.value for item in found] == items


@given(
    st.binary(max_size=60) | st.text('[]{}",:\\ abtch1', max_size=60).map(str.encode)
)
def test_cutting_raises_nothing_but_its_own_error(body):
    with suppress(ParseError):
        for item in parse_items(b'{"batch":[' + body, "batch", most=9).items or ():
            assert item.error or item.text


@given(values)
def test_any_valid_json_has_the_value_that_it_has(value):
    parsed = parse_items(json.dumps(value).encode(), "batch", most=99)

    assert parsed.value == value


@given(st.lists(values, max_size=6))
def test_lines_are_items(items):
    body = "\n".join(json.dumps(item) for item in items).encode()
    parsed = parse_lines(body, most=99)

    assert [item.value for item in parsed.items or ()] == items
