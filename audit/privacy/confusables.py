"""Texts that look alike have one skeleton (Unicode Technical Standard 39)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from audit.emails import normal_form
from audit.privacy.invisible import is_unseen

_DATA = Path(__file__).parents[1] / "data" / "confusables.txt"
# Of a skeleton, which can be longer than its text: as much as a column holds.
LONGEST_SKELETON = 254
# Of a text that is looked at; a skeleton of it is hardly ever shorter.
_LONGEST_TEXT = 1000


def skeleton(text: str) -> str:
    """Return the skeleton of a text; only texts that can be taken for it share it.

    That of the standard, of the compatible form (so that full width is none), and case
    folded after it: letters that look alike only as capitals are found.
    """
    plain = normal_form("NFKC", text[:_LONGEST_TEXT])
    seen = "".join(sign for sign in plain if not is_unseen(sign))
    replaced = normal_form("NFD", seen).translate(_prototypes())
    folded = normal_form("NFD", replaced.casefold())
    return " ".join(folded.split())[:LONGEST_SKELETON]


def is_look_alike(one: str | None, other: str | None) -> bool:
    """Tell whether two texts look alike and are not the same, letter by letter."""
    if not one or not other or _folded(one) == _folded(other):
        return False
    return skeleton(one) == skeleton(other)


def _folded(text: str) -> str:
    return " ".join(normal_form("NFKC", text).casefold().split())


@cache
def _prototypes() -> dict[int, str]:
    """Return what each sign looks like, by its number."""
    prototypes: dict[int, str] = {}
    for line in _DATA.read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            shape, _, signs = line.partition(":")
            seen = "".join(chr(int(number, 16)) for number in shape.split())
            prototypes |= {int(number, 16): seen for number in signs.split()}
    return prototypes
