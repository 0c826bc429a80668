"""Credentials and card numbers never reach the database, not even as a hash."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite

from audit.json_text import JsonObject, JsonValue, bracket_runs
from capture.parsing.cards import mask_cards
from capture.parsing.redaction_marks import NON_FINITE

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
# Each begins with letters, for which texts are looked through many times as fast as for
# a condition; what may not stand before them comes after them.
_SECRET_VALUES = [
    (re.compile(r"Bearer(?<!\wBearer)\s+\S+", re.IGNORECASE), "token"),
    # It may not begin inside of a word: every "-eyJ" would be read to its far end.
    (re.compile(r"eyJ(?<![\w-]eyJ)[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "jwt"),
    (
        re.compile(r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)", re.DOTALL),
        "key",
    ),
    (
        re.compile(r"[sr]k_(?<!\w[sr]k_)(?:(?:live|test)_\w{8,}|(?<=sk_)[\w-]{24,})"),
        "key",
    ),
]
_LONGEST_NUMBER = 40
# The smallest number of as many digits as the shortest card has.
_SHORTEST_CARD = 10**12
# "Bearer x".
_SHORTEST_SECRET = 8
_NUMBERS = frozenset({int, Decimal})
_PLAIN_KINDS = frozenset({bool, type(None)})
_NO_LETTERS = re.compile("[^a-z]+")
_MOST_NAMED = 100


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


def redact(value: object) -> tuple[JsonValue, Warnings]:
    """Return a value without secrets and marks, and what was done: (code, pointer).

    Codes: `secret_redacted`; `duplicate_key` where a key came twice; and
    `non_finite_number` where a number became null. Of the first and the last at most a
    hundred places are named: a list can hold ten thousands.
    """
    cleaner = _Cleaner()
    return cleaner.clean(value), cleaner.warnings


def redact_text(text: str) -> str:
    """Return text that was not parsed without anything that looks like a secret."""
    return _mask(_SECRET_PAIR.sub(r'\1"[redacted]"', _without_secret_objects(text)))


def _without_secret_objects(text: str) -> str:
    """Return text without the lists and objects under the name of a secret."""
    parts, last = [], 0
    while match := _SECRET_OBJECT.search(text, last):
        parts += [text[last : match.end()], '"[redacted]"']
        last = _end_of_object(text, match.end())
    return "".join([*parts, text[last:]])


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


@dataclass
class _Cleaner:
    """Walks over one value, and collects warnings with their pointers.

    It does not call itself, and calls nothing for short texts and small numbers: a body
    has hundreds of thousands of them, and the sender chooses how deep they are nested.
    """

    warnings: Warnings = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    # Of each list and object around: its name in the one above, what is left of its
    # members, and those that are clean.
    path: list[tuple[str | int, Iterator[JsonValue], JsonValue]] = field(
        default_factory=list
    )

    def clean(self, value: object) -> JsonValue:
        """Return a value without secrets and marks."""
        cleaned: list[JsonValue] = []
        self.path.append(("", iter([value]), cleaned))
        while self.path:
            _, members, above = self.path[-1]
            if isinstance(above, dict):
                is_over = self._clean_members(members, above)
            else:
                is_over = self._clean_items(members, above)
            if is_over:
                self.path.pop()
        return cleaned[0]

    def _clean_items(
        self, items: Iterator[JsonValue], cleaned: list[JsonValue]
    ) -> bool:
        """Clean the items of a list up to the next that holds others, or to its end."""
        for item in items:
            kind = type(item)
            if (
                (kind is str and len(item) < _SHORTEST_SECRET)
                or (kind in _NUMBERS and -_SHORTEST_CARD < item < _SHORTEST_CARD)
                or kind in _PLAIN_KINDS
            ):
                cleaned.append(item)
            elif isinstance(item, dict | list):
                cleaned.append(self._enter(len(cleaned), item))
                return False
            else:
                cleaned.append(self._clean_scalar(item, len(cleaned)))
        return True

    def _clean_members(self, members: Iterator[JsonValue], cleaned: JsonObject) -> bool:
        """Clean the members of an object, as those of a list."""
        for key, item in members:
            name = _NO_LETTERS.sub("", key.lower())
            clean_key = key
            if len(key) >= _SHORTEST_SECRET and (clean_key := _mask(key)) != key:
                self._note("secret_redacted", clean_key)
            secret = _SECRET_KEYS.get(name)
            if secret is None and _PASSWORD_LIKE.search(name):
                secret = None if isinstance(item, bool) else "password"
            if secret is not None and item is not None:
                self._note("secret_redacted", clean_key)
                cleaned[clean_key] = f"[redacted:{secret}]"
            elif isinstance(item, dict | list):
                cleaned[clean_key] = self._enter(clean_key, item)
                return False
            elif (
                (type(item) is str and len(item) < _SHORTEST_SECRET)
                or name in _NEVER_SCANNED
                or (name in _PHONES and _is_short_number(item))
            ):
                cleaned[clean_key] = item
            else:
                cleaned[clean_key] = self._clean_scalar(item, clean_key)
        return True

    def _enter(self, place: str | int, value: JsonValue) -> JsonValue:
        """Enter a list or an object inside the present one."""
        is_object = isinstance(value, dict)
        cleaned: JsonValue = {} if is_object else []
        self.path.append((place, iter(value.items() if is_object else value), cleaned))
        for key in getattr(value, "twice", ()):
            self._note("duplicate_key", _mask(key))
        return cleaned

    def _clean_scalar(self, value: object, place: str | int) -> object:
        if value is NON_FINITE or (isinstance(value, float) and not isfinite(value)):
            self._note("non_finite_number", place)
            return None
        clean = value
        if isinstance(value, str):
            clean = _mask(value)
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            clean = _clean_number(value)
        if clean != value:
            self._note("secret_redacted", place)
        return clean

    def _note(self, code: str, place: str | int) -> None:
        self.seen[code] += 1
        # Which amounts came twice decides about a payment.
        if self.seen[code] <= _MOST_NAMED or code == "duplicate_key":
            # The first level holds only the value itself, which has no name.
            names = [*(name for name, _, _ in self.path[1:]), place][1:]
            pointer = "".join(f"/{_escape(str(name))}" for name in names)
            self.warnings.append((code, pointer))


def _clean_number(value: int | Decimal) -> int | Decimal | str:
    # A card can come as a number, with a fraction of zero or an exponent too.
    if -_SHORTEST_CARD < value < _SHORTEST_CARD:
        return value
    if Decimal(value).adjusted() > _LONGEST_NUMBER:
        return value
    is_whole = isinstance(value, int)
    whole = str(value) if is_whole else format(value, "f").partition(".")[0]
    clean = mask_cards(whole)
    return value if clean == whole else clean


def _is_short_number(item: object) -> bool:
    is_number = isinstance(item, str | int)
    return is_number and sum(c.isdigit() for c in str(item)) <= _LONGEST_PHONE


def _mask(text: str) -> str:
    if len(text) < _SHORTEST_SECRET:
        return text
    for pattern, kind in _SECRET_VALUES:
        text = pattern.sub(f"[redacted:{kind}]", text)
    return mask_cards(text)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
