"""Names: how they are stored, what is none, and what is left of a program's."""

from __future__ import annotations

import json
import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from audit.privacy.invisible import is_visible
from customers.values.person_name import captured_name, parse_name
from tests.customers.values.tables import table_of

LINES = table_of("names")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["raw"][:40])
def test_a_name_is_what_the_table_says(line):
    raw = json.loads(line["raw"])
    try:
        outcome = parse_name(raw) or ""
    except ValidationError as error:
        outcome = f"!{error.code}"

    assert outcome == line["name"]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["raw"][:40])
def test_a_captured_name_is_what_the_table_says(line):
    name, is_cut = captured_name(json.loads(line["raw"]))

    assert f"{'~' if is_cut else ''}{name or ''}" == line["captured"]


@given(st.text(max_size=300))
def test_a_name_that_is_taken_stays_what_it_is(text):
    try:
        name = parse_name(text)
    except ValidationError:
        return
    if name is None:
        assert not text.strip()
        return
    assert parse_name(name) == name == unicodedata.normalize("NFC", name)
    assert captured_name(name) == (name, False)
    assert " ".join(name.split()) == name


@given(st.text(alphabet=st.characters(), max_size=100))
def test_what_is_captured_is_seen(text):
    name, _ = captured_name(text)

    if name is not None:
        assert is_visible(name)
        assert captured_name(name) == (name, False)


@pytest.mark.parametrize("sign", ["\u202e", "\u200b", "\x1b", "\u2028"])
def test_a_refusal_names_the_sign(sign):
    with pytest.raises(ValidationError, match=f"U\\+{ord(sign):04X}"):
        parse_name(f"Ana{sign}Silva")
