"""One request body, from bytes to values. Nothing in them is redacted yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from audit.json_text import (
    JsonObject,
    JSONRules,
    JsonValue,
    TooDeepError,
    load_json,
)
from capture.parsing.errors import ParseError
from capture.parsing.redaction_marks import NON_FINITE, Repaired

MAX_DEPTH = 100
MAX_KEYS = 2000
MAX_KEY_LENGTH = 256
MAX_ITEM = 512 * 1024
TOO_DEEP = f"Nest at most {MAX_DEPTH} levels deep."
# What a number or a word costs, more or less.
_SCALAR = 8
_BRACKETS = 2
# A double holds no larger and no smaller exponent.
_MAX_EXPONENT = 308


@dataclass(frozen=True)
class BodyItem:
    """One item of a body: its text if it is known, and its value or why it has none."""

    text: str | None
    value: JsonValue = None
    error: ParseError | None = None
    warnings: tuple[tuple[str, str], ...] = ()


@dataclass
class Parsed:
    """The values of a body, its text, and what was repaired in its bytes.

    `items` are those of a batch, each with what was repaired in it; else None.
    """

    value: JsonValue
    text: str = ""
    warnings: list[tuple[str, str]] = field(default_factory=list)
    items: list[BodyItem] | None = None


def parse_body(body: bytes) -> Parsed:
    """Return the values of a JSON body, whatever its content type says.

    Numbers keep their digits as int and Decimal. What JSON allows and no database
    takes is marked and repaired by `redact`. Raises ParseError, and nothing else.
    """
    text, warnings = read_text(body)
    return Parsed(parse(text), text, warnings)


def read_text(body: bytes) -> tuple[str, list[tuple[str, str]]]:
    """Return the text of a body, and a warning where its bytes are no UTF-8."""
    return repaired(decode(body))


def decode(body: bytes) -> str:
    """Return the text of a body, with its wrong bytes as lone surrogates."""
    return body.decode("utf-8-sig", errors="surrogateescape")


def repaired(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a part of such text without wrong bytes, and a warning if it had any."""
    try:
        text.encode()
    except UnicodeEncodeError:
        data = text.encode(errors="surrogateescape")
        return data.decode(errors="replace"), [("invalid_utf8", "")]
    return text, []


def find_excess(item: object) -> tuple[tuple[str, str] | None, int]:
    """Return what is too much about an item, as code and sentence, and its size.

    The size is about that of its JSON, in characters. Counts without calling itself.
    """
    keys = size = depth = deepest = longest = 0
    level: list[JsonValue] = [item]
    below: list[JsonValue] = []
    while level and size <= MAX_ITEM:
        depth += 1
        for value in level:
            if isinstance(value, dict):
                keys += len(value)
                longest = max(longest, *map(len, value), 0)
                size += sum(map(len, value)) + _BRACKETS
                below += value.values()
                deepest = depth
            elif isinstance(value, list):
                size += _BRACKETS
                below += value
                deepest = depth
            else:
                size += len(value) if isinstance(value, str) else _SCALAR
        level, below = below, []
    if size > MAX_ITEM:
        return ("oversize_item", f"Send at most {MAX_ITEM // 1024} KB an item."), size
    if deepest > MAX_DEPTH:
        return ("too_deep", TOO_DEEP), size
    if keys > MAX_KEYS or longest > MAX_KEY_LENGTH:
        sentence = f"Send at most {MAX_KEYS} keys of {MAX_KEY_LENGTH} characters."
        return ("schema_violation", sentence), size
    return None, size


def parse(text: str, *, is_shallow: bool = False) -> JsonValue:
    """Return the value of JSON text. Raises ParseError, and nothing else.

    With `is_shallow` the text is known not to be too deep.
    """
    try:
        return load_json(text, _LENIENT, is_shallow=is_shallow)
    except TooDeepError as error:
        raise ParseError("too_deep", TOO_DEEP) from error
    except ValueError as error:
        msg = "This is not JSON. Send JSON in UTF-8."
        raise ParseError("invalid_json", msg) from error


def _parse_decimal(digits: str) -> object:
    value = Decimal(digits)
    # Looked at before anything writes the number out: 1e999999999 is short.
    if value and not -_MAX_EXPONENT <= value.adjusted() <= _MAX_EXPONENT:
        return NON_FINITE
    return value


def _parse_integer(digits: str) -> object:
    return NON_FINITE if len(digits) > _MAX_EXPONENT else int(digits)


def _parse_object(pairs: list[tuple[str, object]]) -> JsonObject:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    repaired = Repaired(value)
    repaired.twice = list(Counter(key for key, _ in pairs) - Counter(value.keys()))
    return repaired


_LENIENT = JSONRules(
    max_depth=MAX_DEPTH,
    whole=_parse_integer,
    fraction=_parse_decimal,
    no_number=lambda _: NON_FINITE,
    members=_parse_object,
)
