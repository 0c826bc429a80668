"""Texts that look alike share a skeleton, and others do not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.privacy.confusables import LONGEST_SKELETON, skeleton

# Of a million signs, which take tenths of a second; more than in proportion is minutes.
CPU_SECONDS = 20
ALIKE = [
    ("anna@example.org", "\u0430nna@example.org"),
    ("anna@example.org", "anna@ex\u0430mple.org"),
    ("Olga", "\u039flga"),
    ("Boris", "\u0412oris"),
    ("Hanna", "\u0397anna"),
    ("Irina", "\u0406rina"),
    ("Jonas", "\uff2a\uff4f\uff4e\uff41\uff53"),
    ("paypal@example.org", "paypa1@example.org"),
    ("mike@example.org", "rnike@example.org"),
    ("anna@example.org", "an\u200bna@example.org"),
    ("Anna Berg", "Anna\u2003Berg"),
    ("Ren\u00e9", "Rene\u0301"),
]
OTHERS = [
    ("Anna", "Hanna"),
    ("Kai", "Kal"),
    ("Rene", "Ren\u00e9"),
    ("anna@example.org", "anna@example.com"),
    ("\u0410\u043d\u043d\u0430", "\u0410\u043b\u043b\u0430"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE, ids=ascii)
def test_what_looks_alike_has_one_skeleton(one, other):
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), OTHERS, ids=ascii)
def test_what_does_not_has_two(one, other):
    assert skeleton(one) != skeleton(other)


@given(st.text())
def test_a_skeleton_fits_its_column_and_can_be_stored(text):
    found = skeleton(text)

    assert len(found) <= LONGEST_SKELETON
    assert "\0" not in found


@pytest.mark.parametrize("unit", ["\u0301\u0316", "\ufdfa", "a\u200b", "\uff2a"])
def test_long_texts_take_time_in_proportion(unit):
    started = time.process_time()
    skeleton(unit * (1_000_000 // len(unit)))

    assert time.process_time() - started < CPU_SECONDS
