"""Credentials and card numbers never reach the database, not even as a hash."""

from __future__ import annotations

import re
from typing import Any

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
_SECRET_VALUES = [
    (re.compile(r"\bBearer\s+\S+", re.IGNORECASE), "token"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), "jwt"),
    (
        re.compile(r"-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)", re.DOTALL),
        "key",
    ),
    (re.compile(r"\b(?:sk|rk)_(?:live|test)_\w{8,}"), "key"),
]
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d)")
# Issuer prefix and the lengths it comes with; the check digit alone fits one time in
# milliseconds out of ten.
_ISSUERS = [
    (re.compile(r"4"), {13, 16, 19}),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"6011|64[4-9]|65"), {16, 19}),
    (re.compile(r"35(2[89]|[3-8])"), {16, 19}),
    (re.compile(r"30[0-5]|36|38|39"), {14, 16, 19}),
]


def redact(value: Any) -> tuple[Any, list[str]]:
    """Return the value without secrets, and a JSON pointer for each that was found."""
    found: list[str] = []
    return _clean(value, "", found), found


def _clean(value: Any, pointer: str, found: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: _clean_member(key, item, f"{pointer}/{_escape(key)}", found)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_clean(v, f"{pointer}/{n}", found) for n, v in enumerate(value)]
    if isinstance(value, str):
        return _clean_text(value, pointer, found)
    if isinstance(value, int) and not isinstance(value, bool):
        text = _clean_text(str(value), pointer, found)
        return value if text == str(value) else text
    return value


def _clean_member(key: str, item: Any, pointer: str, found: list[str]) -> Any:
    kind = _SECRET_KEYS.get(re.sub(r"[^a-z]", "", key.lower()))
    if kind is None or item is None:
        return _clean(item, pointer, found)
    found.append(pointer)
    return f"[redacted:{kind}]"


def _clean_text(text: str, pointer: str, found: list[str]) -> str:
    clean = text
    for pattern, kind in _SECRET_VALUES:
        clean = pattern.sub(f"[redacted:{kind}]", clean)
    clean = _CARD.sub(_mask_card, clean)
    if clean != text:
        found.append(pointer)
    return clean


def _mask_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    known = any(p.match(digits) and len(digits) in n for p, n in _ISSUERS)
    return (
        f"[redacted:card:{digits[-4:]}]" if known and _luhn(digits) else match.group()
    )


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + position % 2)
        total += number - 9 * (number > 9)  # noqa: PLR2004 - the digit sum
    return total % 10 == 0


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
