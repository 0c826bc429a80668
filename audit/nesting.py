"""How deep a JSON text is nested, told before a parser calls itself for each level."""

from __future__ import annotations

import re

# Possessive: it never goes back, so a long text takes no memory to walk over.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


def is_nested_deeper(text: str, limit: int) -> bool:
    """Tell whether lists and objects stand in each other more than `limit` deep."""
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > limit:
            return True
    return False
