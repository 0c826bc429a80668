"""Credentials and card numbers never reach the database, not even as a hash."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import accumulate
from math import isfinite
from typing import Any

from audit.nesting import bracket_runs
from capture.parsing.marks import NON_FINITE

_SECRET_KEYS = {
    "password": "password",
    "passwd": "password",
    "pwd": "password",
    "passwordhash": "password",
    "pin": "pin",
    "mpin": "pin",
    "cvv": "cvc",
    "cvc": "cvc",
    "cardnumber": "card",
    "pan": "card",
    "clientsecret": "secret",
    "accesstoken": "token",
    "refreshtoken": "token",
    "idtoken": "token",
    "authorization": "token",
    "privatekey": "key",
    "mnemonic": "key",
    "recoveryphrase": "key",
}
# userPassword, password_confirmation; but has_password is a yes or no and may stay.
_PASSWORD_LIKE = re.compile("password|passwd|passphrase")
# One id in thirty of those that count up in sixteen digits would pass for a card.
_NEVER_SCANNED = frozenset({"messageid", "timestamp", "sentat", "originaltimestamp"})
# One German mobile number in ten would pass for an old thirteen-digit card.
_PHONES = frozenset({"phone", "phonenumber", "mobile", "mobilenumber"})
_LONGEST_PHONE = 15
_SECRET_VALUES = [
    (re.compile(r"\bBearer\s+\S+", re.IGNORECASE), "token"),
    # It may not begin inside of a word: every "-eyJ" would be read to its far end.
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "jwt"),
    (
        re.compile(r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)", re.DOTALL),
        "key",
    ),
    (re.compile(r"\b(?:sk|rk)_(?:live|test)_\w{8,}|\bsk_[\w-]{24,}"), "key"),
]
# Digits with single blanks or hyphens between them: cards, and what stands beside them.
_DIGITS = re.compile(r"(?<!\d)(?<!\d\.)(?<!\+)\d(?:[ -]?\d){12,}")
_GROUP = re.compile(r"\d+")
# Issuer prefix and the lengths it comes with; the check digit alone fits one time in
# milliseconds out of ten.
_ISSUERS = [
    (re.compile(r"4"), (19, 16, 13)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"6011|64[4-9]|65"), (19, 16)),
    (re.compile(r"35(2[89]|[3-8])"), (19, 16)),
    (re.compile(r"30[0-5]|36|38|39"), (19, 16, 14)),
]
_LONGEST_NUMBER = 40
# The smallest number of as many digits as the shortest card has.
_SHORTEST_CARD = 10**12
# "Bearer x".
_SHORTEST_SECRET = 8
_MOST_NAMED = 100
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


Warnings = list[tuple[str, str]]

# A key that hides its value, in text that could not be parsed. What stands before the
# word is not matched, and what comes after it ends somewhere: else a long text without
# blanks would be read to its end from each of its letters.
_HIDING = r"""((?:pass(?:word|wd|phrase)|pwd|m?pin|cv[vc]|card_?number|pan|
    client_?secret|(?:access|refresh|id)_?token|authorization|private_?key|mnemonic|
    recovery_?phrase)[\w-]{0,256}+["']?\s*+[:=]\s*+)"""
_SECRET_PAIR = re.compile(
    _HIDING + r"""("(?:[^"\\]|\\.)*+"?|'[^']*+'?|[^\s,&}\]]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_SECRET_OBJECT = re.compile(_HIDING + r"(?=[\[{])", re.IGNORECASE | re.VERBOSE)


def redact(value: Any) -> tuple[Any, Warnings]:
    """Return a value without secrets and marks, and what was done: (code, pointer).

    Codes: `secret_redacted`; `duplicate_key` where a key came twice; and
    `non_finite_number` where a number became null. Of the first and the last at most a
    hundred places are named: a list can hold ten thousands.
    """
    found: Warnings = []
    return _clean(value, "", found), list(_named(found))


def _named(found: Warnings) -> Iterator[tuple[str, str]]:
    seen: Counter[str] = Counter()
    for code, pointer in found:
        seen[code] += 1
        # Which amounts came twice decides about a payment.
        if seen[code] <= _MOST_NAMED or code == "duplicate_key":
            yield code, pointer


def redact_text(text: str) -> str:
    """Return text that was not parsed without anything that looks like a secret."""
    return _mask(_SECRET_PAIR.sub(r'\1"[redacted]"', _without_secret_objects(text)))


def _without_secret_objects(text: str) -> str:
    """Return text without what stands in brackets under the name of a secret."""
    kept, last = [], 0
    while match := _SECRET_OBJECT.search(text, last):
        kept += [text[last : match.end()], '"[redacted]"']
        last = _end_of_object(text, match.end())
    return "".join([*kept, text[last:]])


def _end_of_object(text: str, start: int) -> int:
    depth = 0
    for first, end, is_opening in bracket_runs(text, start):
        if is_opening:
            depth += end - first
        elif depth > end - first:
            depth -= end - first
        else:
            return first + depth
    return len(text)


def _clean(value: Any, pointer: str, found: Warnings) -> Any:
    if isinstance(value, str):
        return _clean_text(value, pointer, found)
    if value is NON_FINITE or (isinstance(value, float) and not isfinite(value)):
        found.append(("non_finite_number", pointer))
        return None
    if isinstance(value, dict):
        for key in getattr(value, "twice", ()):
            found.append(("duplicate_key", f"{pointer}/{_escape(_mask(key))}"))
        return dict(_clean_member(*pair, pointer, found) for pair in value.items())
    if isinstance(value, list):
        return [_clean(v, f"{pointer}/{n}", found) for n, v in enumerate(value)]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _clean_number(value, pointer, found)
    return value


def _clean_number(value: int | Decimal, pointer: str, found: Warnings) -> Any:
    # A card can come as a number, with a fraction of zero or an exponent too.
    if -_SHORTEST_CARD < value < _SHORTEST_CARD:
        return value
    if Decimal(value).adjusted() > _LONGEST_NUMBER:
        return value
    whole = format(Decimal(value), "f").partition(".")[0]
    clean = _clean_text(whole, pointer, found)
    return value if clean == whole else clean


def _clean_member(key: str, item: Any, above: str, found: Warnings) -> tuple[str, Any]:
    name = re.sub(r"[^a-z]", "", key.lower())
    shown = _mask(key)
    pointer = f"{above}/{_escape(shown)}"
    if shown != key:
        found.append(("secret_redacted", pointer))
    kind = _SECRET_KEYS.get(name)
    if kind is None and _PASSWORD_LIKE.search(name) and not isinstance(item, bool):
        kind = "password"
    if kind is not None and item is not None:
        found.append(("secret_redacted", pointer))
        return shown, f"[redacted:{kind}]"
    is_plain = not isinstance(item, dict | list)
    if (name in _NEVER_SCANNED and is_plain) or (
        name in _PHONES and _is_short_number(item)
    ):
        return shown, item
    return shown, _clean(item, pointer, found)


def _is_short_number(item: Any) -> bool:
    is_number = isinstance(item, str | int)
    return is_number and sum(c.isdigit() for c in str(item)) <= _LONGEST_PHONE


def _clean_text(text: str, pointer: str, found: Warnings) -> str:
    clean = _mask(text)
    if clean != text:
        found.append(("secret_redacted", pointer))
    return clean


def _mask(text: str) -> str:
    if len(text) < _SHORTEST_SECRET:
        return text
    for pattern, kind in _SECRET_VALUES:
        text = pattern.sub(f"[redacted:{kind}]", text)
    return _DIGITS.sub(_mask_cards, text)


def _mask_cards(match: re.Match[str]) -> str:
    """Return a run of digits with every card in it masked.

    A card begins and ends where its group of digits does, so "4111 1111 1111 1111 12"
    is a card and a month, and sixteen digits inside of twenty are none.
    """
    run = match.group()
    digits = run.replace(" ", "").replace("-", "")
    if not digits.isascii():
        digits = "".join([str(int(digit)) for digit in digits])
    begins, ends = _groups(run)
    sums = _luhn_sums(digits.encode())
    kept, last, free = [], 0, 0
    for n, begin in begins.items():
        if n < free:
            continue
        for length in _lengths(digits[n : n + 4]):
            end = n + length
            if end in ends and _is_checked(sums[end % 2], n, end):
                kept += [run[last:begin], f"[redacted:card:{digits[end - 4 : end]}]"]
                free, last = end, ends[end]
                break
    return "".join(kept) + run[last:]


def _groups(run: str) -> tuple[dict[int, int], dict[int, int]]:
    """Return where groups of digits begin and end, by their place among all digits."""
    begins, ends, seen = {}, {}, 0
    for group in _GROUP.finditer(run):
        begin, end = group.span()
        begins[seen] = begin
        seen += end - begin
        ends[seen] = end
    return begins, ends


@cache
def _lengths(prefix: str) -> tuple[int, ...]:
    return next((n for issuer, n in _ISSUERS if issuer.match(prefix)), ())


def _luhn_sums(digits: bytes) -> tuple[list[int], list[int]]:
    """Return two running sums, with every other digit as Luhn doubles it.

    In the first those that stand first, third, fifth; in the second all others. So what
    the check digit of any part comes to is a difference, however many parts there are.
    """
    first = bytearray(digits.translate(_PLAIN))
    second = bytearray(digits.translate(_DOUBLED))
    first[::2], second[::2] = second[::2], first[::2]
    return list(accumulate(first, initial=0)), list(accumulate(second, initial=0))


def _is_checked(sums: list[int], start: int, end: int) -> bool:
    return (sums[end] - sums[start]) % 10 == 0


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
