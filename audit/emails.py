"""Forms by which two spellings of one thing are found equal."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal

# Letters of some scripts carry a handful of marks, decorated ones a few dozen.
_MOST_MARKS = 100


def fold_email(email: str) -> str:
    """Return the key of an e-mail address: NFKC, without outer blanks, case folded."""
    return normal_form("NFKC", email).strip().casefold()


def normal_form(form: Literal["NFC", "NFD", "NFKC"], text: str) -> str:
    """Return a text in a normal form of Unicode, in time proportional to its length.

    The library sorts the marks upon one letter in time that is the square of their
    number: a text with more than a hundred of them in a row stays as it is.
    """
    if len(text) > _MOST_MARKS and not text.isascii() and _piles_marks(text):
        return text
    return unicodedata.normalize(form, text)


def _piles_marks(text: str) -> bool:
    marks = 0
    for sign in text:
        marks = marks + 1 if _is_mark(sign) else 0
        if marks > _MOST_MARKS:
            return True
    return False


@lru_cache(maxsize=4096)
def _is_mark(sign: str) -> bool:
    # Some signs are letters by themselves, and marks once they are taken apart.
    return unicodedata.combining(unicodedata.normalize("NFKD", sign)[0]) != 0
