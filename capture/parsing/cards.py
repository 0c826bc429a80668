"""Card numbers in text: found by issuer, length and check digit, and masked."""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate

# Digits with single blanks or hyphens between them: cards and what is next to them.
# What may not stand before the first digit comes after it: letters are passed fast so.
_DIGITS = re.compile(r"\d(?<!\d\d)(?<!\d\.\d)(?<!\+\d)(?:[ -]?\d){12,}")
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
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


def mask_cards(text: str) -> str:
    """Return a text with the last four digits of each card in place of its number."""
    return _DIGITS.sub(_mask_run, text)


def _mask_run(match: re.Match[str]) -> str:
    """Return a run of digits with every card in it masked.

    A card begins and ends where its group of digits does, so "4111 1111 1111 1111 12"
    is a card and a month, and sixteen digits inside of twenty are none.
    """
    run = match.group()
    digits = run.replace(" ", "").replace("-", "")
    if not digits.isascii():
        digits = "".join([str(int(digit)) for digit in digits])
    if len(digits) == len(run) and len(digits) not in _lengths(digits[:4]):
        # One group, as most numbers and ids are.
        return run
    begins, ends = _groups(run)
    sums = _luhn_sums(digits.encode())
    parts, last, free = [], 0, 0
    for n, begin in begins.items():
        if n < free:
            continue
        for length in _lengths(digits[n : n + 4]):
            end = n + length
            if end in ends and _is_checked(sums[end % 2], n, end):
                parts += [run[last:begin], f"[redacted:card:{digits[end - 4 : end]}]"]
                free, last = end, ends[end]
                break
    return "".join(parts) + run[last:]


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
