"""One request body, from bytes to values that are safe to keep."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from capture.parsing.redaction import redact

MAX_DEPTH = 100
MAX_KEYS = 2000
MAX_KEY_LENGTH = 256
# A double holds no larger and no smaller exponent.
_MAX_EXPONENT = 308
# Possessive: it never goes back, so a long text takes no memory to walk over.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


class ParseError(Exception):
    """A body that cannot be read: code, HTTP status, and a sentence with the fix."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass
class Parsed:
    """The values of a body, and what was repaired in them."""

    value: Any
    warnings: list[tuple[str, str]] = field(default_factory=list)


def parse_body(body: bytes) -> Parsed:
    """Return the values of a JSON body, whatever its content type says.

    Numbers keep their digits as int and Decimal. Credentials and card numbers are
    redacted. Raises ParseError, and nothing else, for what is no JSON of ours.
    """
    warnings: list[tuple[str, str]] = []
    text = _text(body, warnings)
    _check_depth(text)
    reader = _Reader(warnings)
    try:
        value = json.loads(
            text,
            parse_float=reader.number,
            parse_int=reader.integer,
            parse_constant=reader.constant,
            object_pairs_hook=reader.pairs,
        )
    except ParseError:
        raise
    except (ValueError, RecursionError) as error:
        msg = "The body is not JSON. Send one JSON object in UTF-8."
        raise ParseError("invalid_json", msg) from error
    redacted, found = redact(value)
    warnings += [("secret_redacted", pointer) for pointer in found]
    return Parsed(redacted, warnings)


class _Reader:
    """Reads numbers and objects as JSON's parser meets them."""

    def __init__(self, warnings: list[tuple[str, str]]) -> None:
        self.warnings, self.keys = warnings, 0

    def number(self, digits: str) -> Decimal | None:
        value = Decimal(digits)
        # Looked at before anything writes the number out: 1e999999999 is short.
        if value and not -_MAX_EXPONENT <= value.adjusted() <= _MAX_EXPONENT:
            self.constant(digits)
            return None
        return value

    def integer(self, digits: str) -> int | None:
        if len(digits) > _MAX_EXPONENT:
            self.constant(digits)
            return None
        return int(digits)

    def constant(self, _digits: str) -> None:
        self.warnings.append(("non_finite_number", ""))

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.keys += len(pairs)
        if self.keys > MAX_KEYS or any(len(key) > MAX_KEY_LENGTH for key, _ in pairs):
            msg = (
                f"The body has more than {MAX_KEYS} keys, or a key of more than "
                f"{MAX_KEY_LENGTH} characters."
            )
            raise ParseError("schema_violation", msg)
        value = dict(pairs)
        if len(value) < len(pairs):
            twice = Counter(key for key, _ in pairs) - Counter(value.keys())
            # Their names, whatever their place: the parser does not tell it.
            self.warnings += [("duplicate_key", f"/{redact(key)[0]}") for key in twice]
        return value


def _text(body: bytes, warnings: list[tuple[str, str]]) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        warnings.append(("invalid_utf8", ""))
        return body.decode("utf-8-sig", errors="replace")


def _check_depth(text: str) -> None:
    # Before parsing: the parser calls itself for each level.
    depth = 0
    for bracket in _BRACKETS.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            msg = f"The body is nested more than {MAX_DEPTH} levels deep."
            raise ParseError("too_deep", msg)
