"""Normal forms: equal spellings are equal, and no text takes long."""

from __future__ import annotations

import unicodedata

import pytest

from audit.emails import fold_email, normal_form
from capture.parsing import fingerprint
from tests.house.test_patterns import limited

# Two marks in the wrong order, and signs that turn into such marks.
PILES = ["\u0301\u0316", "\u0f73\u0316", "\u0316\uff9e", "\u0301" * 9 + "\u0316"]


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@pytest.mark.parametrize(
    "text", ["e\u0301", "\uff21\u1e0a\u0323 x", "a\u0301\u0316" * 90]
)
def test_a_text_is_in_its_normal_form(form, text):
    assert normal_form(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("pile", PILES)
@pytest.mark.parametrize("letter", ["", "a", "e\u0301"])
def test_piles_of_marks_take_no_time(pile, letter):
    text = letter + pile * 120_000

    with limited(1.0):
        assert normal_form("NFC", text) == text
        assert normal_form("NFKC", text) == text


def test_short_piles_are_sorted_wherever_they_stand():
    text = ("a" + "\u0301\u0316" * 45) * 3000

    with limited(1.0):
        assert normal_form("NFC", text) == unicodedata.normalize("NFC", text)


def test_every_sign_is_known_as_what_it_becomes():
    """None that stands for a letter begins with a mark once it is taken apart."""
    for number in range(0x110000):
        sign = chr(number)
        parts = unicodedata.normalize("NFKD", sign)
        assert sum(map(bool, map(unicodedata.combining, parts))) <= 4


def test_a_message_of_marks_has_a_fingerprint():
    body = {"essay": "a" + "\u0301\u0316" * 120_000}

    with limited(1.0):
        assert fingerprint(body) == fingerprint(dict(body))
        assert fingerprint({"name": "e\u0301"}) == fingerprint({"name": "é"})


def test_an_address_is_folded():
    assert fold_email(" \uff21na@Example.ORG ") == "ana@example.org"
