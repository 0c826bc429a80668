"""Which signs are not seen, and what is done about them."""

from __future__ import annotations

import sys
import time
import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from audit.privacy.invisible import (
    bare,
    clean_address,
    name_of,
    with_visible_bidi,
)

# Of a million signs, which take tenths of a second; more than in proportion is minutes.
CPU_SECONDS = 20
# One of each kind: control, format, bidi, tag, line, private, unassigned, filler.
SIGNS = "\x07\u200b\u00ad\ufeff\u202e\U000e0041\u2028\ue000\u0378\u3164\ufe0f\u2800"
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("sign", SIGNS, ids=[name_of(sign) for sign in SIGNS])
def test_an_address_with_it_is_refused_and_the_sign_named(sign):
    with pytest.raises(ValidationError, match=f"U\\+{ord(sign):04X} ") as error:
        clean_address(f"an{sign}na@example.org")
    assert error.value.code == "invisible_character"


@given(st.text())
def test_what_is_let_through_is_seen_as_it_is(text):
    try:
        clean = clean_address(text)
    except ValidationError:
        return
    assert clean == clean_address(clean) == clean.strip()
    hidden = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}
    assert not hidden & set(map(unicodedata.category, clean))


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_what_is_seen_stays(text):
    assert bare(text) in text
    assert clean_address(f"x{text}x") == f"x{text}x"


@pytest.mark.parametrize("sign", BIDI)
def test_a_sign_that_turns_the_direction_is_seen(sign):
    shown = with_visible_bidi(f"an{sign}na")

    assert shown == f"an⟦U+{ord(sign):04X}⟧na"


@given(st.text())
def test_nothing_else_is_shown_otherwise(text):
    kept = "".join(sign for sign in text if sign not in BIDI)
    assert with_visible_bidi(kept) == kept


@pytest.mark.parametrize("act", [bare, with_visible_bidi])
@pytest.mark.parametrize("unit", [" \u200b", "\u202e", "\u0301", "a\ufeff", "\u3164"])
def test_long_texts_take_time_in_proportion(act, unit):
    text = unit * (1_000_000 // len(unit))

    started = time.process_time()
    act(text)

    assert time.process_time() - started < CPU_SECONDS


def test_each_sign_has_a_name():
    for number in range(0, sys.maxunicode, 97):
        assert name_of(chr(number)).startswith("U+")
