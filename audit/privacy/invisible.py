"""Invisible characters: refused in addresses, and shown to staff.

Two addresses that look the same must be the same, so no sign without a shape may stand
in one. What of them names are made of, `customers.values.person_name` says.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit.json_text import JsonValue

# Drawn as nothing, and of other categories than those below: the fillers of Hangul and
# Khmer, the grapheme joiner, selectors of variants, Braille's blank.
_BLANK = frozenset(
    [
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *range(0x180B, 0x1810),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    ]
)
# Control, format, ends of lines and of paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})
# Without a shape that everybody sees alike: surrogates, private, unassigned.
_SHAPELESS = _UNSEEN | {"Cs", "Co", "Cn"}
# What copying leaves at the ends of a text, and no language ends a name with.
_LEFT_BY_COPYING = "\u00ad\u200b\u2060\ufeff"
_BLANKS = "".join(sign for sign in map(chr, range(sys.maxunicode)) if sign.isspace())
# Everything that changes the direction of the signs around it.
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Characters of Unicode that have no name of their own.
_UNNAMED = {"Cc": "CONTROL CHARACTER", "Co": "PRIVATE CHARACTER", "Cs": "HALF A PAIR"}

CODE = "invisible_character"


def name_of(sign: str) -> str:
    """Return how a sentence names a sign, like `U+200B ZERO WIDTH SPACE`."""
    other = _UNNAMED.get(unicodedata.category(sign), "UNASSIGNED CHARACTER")
    return f"U+{ord(sign):04X} {unicodedata.name(sign, other)}"


@lru_cache(maxsize=4096)
def is_unseen(sign: str) -> bool:
    """Tell whether a sign is drawn as nothing, and is no blank either."""
    return ord(sign) in _BLANK or unicodedata.category(sign) in _UNSEEN


def bare(text: str) -> str:
    """Return a text without blanks and unseen signs at its ends.

    Copying from documents and chats leaves them around addresses and numbers.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    start, end = 0, len(text)
    while start < end and _is_nothing(text[start]):
        start += 1
    while start < end and _is_nothing(text[end - 1]):
        end -= 1
    return text[start:end]


def clean_address(text: str) -> str:
    """Return an address, a number or an id, without what copying leaves at its ends.

    Raises ValidationError, which names the sign, for one in between that nobody sees.
    """
    text = bare(text)
    if text.isascii() and text.isprintable():
        return text
    for sign in text:
        if ord(sign) in _BLANK or unicodedata.category(sign) in _SHAPELESS:
            msg = _("This holds %(sign)s, which nobody sees. Type it anew.")
            raise ValidationError(msg % {"sign": name_of(sign)}, code=CODE)
    return text


def trimmed(text: str) -> str:
    """Return a text without blanks and what copying leaves at its ends."""
    return text.strip(_BLANKS + _LEFT_BY_COPYING)


def without_unseen(text: str) -> str:
    """Return what is seen of a phone number that a machine sent."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign for sign in text if not is_unseen(sign)).strip()


def is_visible(text: str) -> bool:
    """Tell whether a text is visible: a combining mark alone is not."""
    return any(not _is_nothing(s) and not _is_mark(s) for s in text)


def with_visible_bidi(text: str) -> str:
    """Return a text in which signs that turn its direction are seen, as `⟦U+202E⟧`.

    So they turn nothing any more, neither in the text nor beside it.
    """
    if text.isascii():
        return text
    return _BIDI.sub(lambda match: f"⟦U+{ord(match.group()):04X}⟧", text)


def bidi_within(value: object) -> JsonValue:
    """Return a value with such signs shown in every text in it; keys stay."""
    if isinstance(value, str):
        return with_visible_bidi(value)
    if isinstance(value, Mapping):
        return {key: bidi_within(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [bidi_within(item) for item in value]
    return value


def _is_nothing(sign: str) -> bool:
    return sign.isspace() or is_unseen(sign)


def _is_mark(sign: str) -> bool:
    return unicodedata.category(sign).startswith("M")
