"""How deep a JSON text is nested, told before a parser calls itself for each level."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What stands before a run of brackets that open or close: text, and strings, which may
# hold brackets. Possessive: it never goes back, so a long text takes neither time nor
# memory to walk over.
_RUN = re.compile(
    r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"?)*+([\[{]++|[\]}]++|\Z)', re.DOTALL
)


def bracket_runs(text: str, start: int = 0) -> Iterator[tuple[int, int, bool]]:
    """Yield start, end and direction (true: opening) of each run of brackets.

    Brackets in strings do not count; `start` is outside of any. The time is linear in
    the text, whatever it holds, and nothing of it is copied.
    """
    for match in _RUN.finditer(text, start):
        first, end = match.span(1)
        if first == end:
            return
        yield first, end, text[first] in "[{"


def is_nested_deeper(text: str, limit: int) -> bool:
    """Tell whether lists and objects stand in each other more than `limit` deep."""
    depth = 0
    for start, end, is_opening in bracket_runs(text):
        depth += end - start if is_opening else start - end
        if depth > limit:
            return True
    return False
