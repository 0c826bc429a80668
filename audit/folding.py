"""Forms by which two spellings of one thing are found equal."""

from __future__ import annotations

import unicodedata


def fold_email(email: str) -> str:
    """Return the key of an e-mail address: NFKC, without outer blanks, case folded."""
    return unicodedata.normalize("NFKC", email).strip().casefold()
