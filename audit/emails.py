"""Forms by which two spellings of one thing are found equal."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal

import idna

# Letters of some scripts carry a handful of marks, decorated ones a few dozen.
_MOST_MARKS = 100
_LONGEST_DOMAIN = 253
_ENCODED = "xn--"


def fold_email(email: str) -> str:
    """Return the key of an e-mail address, by which two spellings are one mailbox.

    NFKC, without outer blanks, case folded; the domain as the name system has it, so
    that `bücher.example` and `xn--bcher-kva.example` are one. Whatever is no address
    has a key, too: a domain that cannot be encoded is folded like the rest.
    """
    text = normal_form("NFKC", email).strip()
    local, sign, domain = text.rpartition("@")
    if not sign:
        return text.casefold()
    return local.casefold() + sign + (encode_domain(domain) or domain.casefold())


def email_parts(word: str) -> set[str]:
    """Return what a part of an address may be in the key: its letters, or encoded."""
    folded = fold_email(word)
    is_domain = "@" not in folded and "." in folded
    return {folded, encode_domain(folded) or folded} if is_domain else {folded}


def fold_username(name: str) -> str:
    """Return the key of a user name, which may look like an address and is none."""
    return normal_form("NFKC", name).strip().casefold()


def email_spellings(email: str) -> set[str]:
    """Return the keys that an address may have in what is never written anew.

    Captures of before domains were encoded have the letters of theirs.
    """
    key = fold_email(email)
    local, sign, domain = key.rpartition("@")
    if _ENCODED not in domain:
        return {key}
    try:
        letters = idna.decode(domain)
    except UnicodeError:
        return {key}
    # Letters that were folded then, as ß was, led to another domain.
    return {key, local + sign + letters} if letters == letters.casefold() else {key}


def mail_address(email: str) -> str:
    """Return an address as a mail server takes it: with an encoded domain."""
    local, sign, domain = email.rpartition("@")
    return local + sign + (encode_domain(domain) or domain)


def encode_domain(domain: str) -> str | None:
    """Return a domain in A-labels and lower case; None for one that has none.

    IDNA 2008, with the mapping of UTS 46 and without its transitional part: ß stays.
    """
    if domain.isascii() and _ENCODED not in domain.lower():
        return domain.lower()
    if len(domain) > _LONGEST_DOMAIN:
        return None
    return _encoded(domain)


@lru_cache(maxsize=4096)
def _encoded(domain: str) -> str | None:
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode()
    except UnicodeError:
        return None


def normal_form(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
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
