"""One request body, from bytes to values. Nothing in them is redacted yet."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from audit.nesting import is_nested_deeper
from capture.parsing.errors import ParseError
from capture.parsing.marks import NON_FINITE, Repaired

MAX_DEPTH = 100
MAX_KEYS = 2000
MAX_KEY_LENGTH = 256
MAX_ITEM = 512 * 1024
# What a number or a word costs, more or less.
_SCALAR = 8
# What stands around the items of a batch may be a little deeper than an item; beyond
# that the parser, which calls itself for each level, is never asked.
_MAX_BODY_DEPTH = MAX_DEPTH + 50
# A double holds no larger and no smaller exponent.
_MAX_EXPONENT = 308


@dataclass
class Parsed:
    """The values of a body, what was repaired in its bytes, and its text."""

    value: Any
    text: str = ""
    warnings: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Unreadable:
    """A line that is not JSON, in the place of the item it should have been."""

    text: str


def parse_body(body: bytes) -> Parsed:
    """Return the values of a JSON body, whatever its content type says.

    Numbers keep their digits as int and Decimal. What JSON allows and no database
    takes is marked and repaired by `redact`. Raises ParseError, and nothing else.
    """
    text, warnings = read_text(body)
    return Parsed(_parse(text), text, warnings)


def parse_lines(body: bytes) -> Parsed:
    """Return the items of a body with one JSON value a line (NDJSON).

    A line that cannot be read is `Unreadable` and does not stop its neighbours.
    """
    text, warnings = read_text(body)
    items: list[Any] = []
    for line in filter(str.strip, text.split("\n")):
        try:
            items.append(_parse(line))
        except ParseError:
            items.append(Unreadable(line))
    return Parsed(items, text, warnings)


def read_text(body: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Return the text of a body, and a warning where its bytes are no UTF-8."""
    try:
        return body.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        text = body.decode("utf-8-sig", errors="replace")
        return text, [("invalid_utf8", "")]


def find_excess(item: Any) -> tuple[tuple[str, str] | None, int]:
    """Return what is too much about an item, as code and sentence, and its size.

    The size is about that of its JSON, in characters. Counts without calling itself.
    """
    keys = size = deepest = longest = 0
    waiting: list[tuple[Any, int]] = [(item, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict):
            keys += len(value)
            longest = max(longest, *map(len, value), 0)
            size += sum(map(len, value))
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]
        else:
            size += len(value) if isinstance(value, str) else _SCALAR
            continue
        deepest = max(deepest, depth)
    if size > MAX_ITEM:
        return ("oversize_item", f"Send at most {MAX_ITEM // 1024} KB an item."), size
    if deepest > MAX_DEPTH:
        return ("too_deep", f"Nest at most {MAX_DEPTH} levels deep."), size
    if keys > MAX_KEYS or longest > MAX_KEY_LENGTH:
        sentence = f"Send at most {MAX_KEYS} keys of {MAX_KEY_LENGTH} characters."
        return ("schema_violation", sentence), size
    return None, size


def _parse(text: str) -> Any:
    _check_depth(text)
    try:
        return json.loads(
            text,
            parse_float=_number,
            parse_int=_integer,
            parse_constant=lambda _: NON_FINITE,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        msg = "The body is not JSON. Send JSON in UTF-8."
        raise ParseError("invalid_json", msg) from error


def _number(digits: str) -> Any:
    value = Decimal(digits)
    # Looked at before anything writes the number out: 1e999999999 is short.
    if value and not -_MAX_EXPONENT <= value.adjusted() <= _MAX_EXPONENT:
        return NON_FINITE
    return value


def _integer(digits: str) -> Any:
    return NON_FINITE if len(digits) > _MAX_EXPONENT else int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    repaired = Repaired(value)
    repaired.twice = list(Counter(key for key, _ in pairs) - Counter(value.keys()))
    return repaired


def _check_depth(text: str) -> None:
    if is_nested_deeper(text, _MAX_BODY_DEPTH):
        msg = f"The body is nested more than {MAX_DEPTH} levels deep."
        raise ParseError("too_deep", msg)
