"""Reading JSON: how deep it may nest, and what becomes of numbers and objects.

The one parser of bodies. The API refuses what two readers could take differently;
captures store it as it came, so far as any database can.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

# What json.loads returns. No static type says more: who reads a value checks it.
JsonValue: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]

# What stands before a run of brackets that open or close: text, and strings, which may
# hold brackets. Possessive: it never goes back, so a long text takes neither time nor
# memory to walk over.
_RUN = re.compile(
    r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+"?)*+([\[{]++|[\]}]++|\Z)', re.DOTALL
)

# What JSON is made of, without its white space.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]++')


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


class TooDeepError(ValueError):
    """Lists and objects nest deeper than the rules allow."""


@dataclass(frozen=True)
class JSONRules:
    """What a reader makes of whole numbers, fractions, NaN and the pairs of objects.

    Each function gets the text of the number, or the pairs as they came, and may raise.
    """

    max_depth: int
    whole: Callable[[str], JsonValue]
    fraction: Callable[[str], JsonValue]
    no_number: Callable[[str], JsonValue]
    members: Callable[[list[tuple[str, JsonValue]]], JsonValue]


def load_json(text: str, rules: JSONRules, *, is_shallow: bool = False) -> JsonValue:
    """Return the value of a JSON text.

    Raises TooDeepError, ValueError for what is no JSON, and what the rules raise. With
    `is_shallow` the caller has measured the depth.
    """
    if not is_shallow and is_nested_deeper(text, rules.max_depth):
        msg = f"Nested deeper than {rules.max_depth} levels"
        raise TooDeepError(msg)
    try:
        return json.loads(
            text,
            parse_int=rules.whole,
            parse_float=rules.fraction,
            parse_constant=rules.no_number,
            object_pairs_hook=rules.members,
        )
    except RecursionError as error:
        msg = "Nested too deep to be read"
        raise ValueError(msg) from error


def indent_json(text: str, max_depth: int) -> str:
    """Return a JSON text with one member on each line, each as it is written.

    To parse it and write it anew would round numbers, and drop a name that stands
    twice. What is no JSON, or nests deeper than `max_depth`, comes back as it is.
    """
    try:
        load_json(text, JSONRules(max_depth, str, str, str, members=len))
    except ValueError:
        return text
    parts: list[str] = []
    depth, before = 0, ""
    for part in _TOKEN.findall(text):
        is_end = part in ("}", "]")
        was_start = before in ("{", "[")
        depth -= is_end
        if before == "," or is_end != was_start:
            parts.append("\n" + "  " * depth)
        parts.append(": " if part == ":" else part)
        depth += part in ("{", "[")
        before = part
    return "".join(parts)
