"""The one parser of bodies: JSON that every reader understands in the same way.

What JSON allows and a database or another reader takes otherwise is refused, never
repaired: keys that stand twice, numbers that lose digits, text that cannot be stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import IO, NoReturn

from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from audit.json_text import (
    JsonObject,
    JSONRules,
    JsonValue,
    TooDeepError,
    load_json,
)
from audit.rest.exceptions import ApiError

MAX_DEPTH = 32
# Of a number; more are a mistake or an attack.
_LONGEST_NUMBER = 40
_LARGEST = 2**63 - 1
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
# Text that holds them can only come from such escapes: the bytes are UTF-8.
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """Reads a body of `application/json` in UTF-8. Raises ApiError 400 or 415."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Request] | None = None,
    ) -> JsonValue:
        request = (parser_context or {}).get("request")
        if request is not None:
            _check_headers(request)
        try:
            raw = stream.read()
        except OSError as error:
            raise ApiError(
                400, "incomplete_body", "The body broke off. Send it again."
            ) from error
        return parse_json(raw)


def parse_json(raw: bytes) -> JsonValue:
    """Return the value of a JSON body. Raises ApiError 400, which repeats nothing."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        sentence = "The body is not UTF-8. Send JSON in UTF-8."
        raise ApiError(400, "malformed", sentence) from error
    try:
        value = load_json(text, _STRICT)
    except TooDeepError as error:
        sentence = f"The body is nested too deep. Nest at most {MAX_DEPTH} levels."
        raise ApiError(400, "too_deep", sentence) from error
    except ValueError as error:
        sentence = "The body is not JSON. Send JSON that is well formed."
        raise ApiError(400, "malformed", sentence) from error
    if _SUSPECT.search(text) and any(map(_UNSTORABLE.search, _texts(value))):
        sentence = "A text has a sign that cannot be stored: NUL, or half a pair."
        raise ApiError(400, "invalid_text", f"{sentence} Remove it.")
    return value


def _check_headers(request: Request) -> None:
    params = request.content_params or {}
    charset = str(params.get("charset", "utf-8")).strip("\"'").lower()
    if charset not in _CHARSETS:
        sentence = "Only UTF-8 is taken. Send Content-Type: application/json."
        raise ApiError(415, "unsupported_charset", sentence)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        sentence = "The body is compressed. Send it as it is."
        headers = {"Accept-Encoding": "identity"}
        raise ApiError(415, "unsupported_encoding", sentence, headers=headers)


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER or abs(int(digits)) > _LARGEST:
        _refuse_number(digits)
    return int(digits)


def _fraction(digits: str) -> float:
    """Return a number that a float holds digit by digit; others are refused."""
    value = float(digits) if len(digits) <= _LONGEST_NUMBER else float("inf")
    is_finite = value not in (float("inf"), float("-inf"))
    if not is_finite or Decimal(repr(value)) != Decimal(digits):
        _refuse_number(digits)
    return value


def _refuse_number(_digits: str) -> NoReturn:
    sentence = "A number has too many digits, or is none. Send it as a text."
    raise ApiError(400, "invalid_number", sentence)


def _object(pairs: list[tuple[str, object]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        sentence = "A key stands twice in one object. Send each key once."
        raise ApiError(400, "conflicting_keys", sentence)
    return value


_STRICT = JSONRules(
    max_depth=MAX_DEPTH,
    whole=_integer,
    fraction=_fraction,
    no_number=_refuse_number,
    members=_object,
)


def _texts(value: object) -> Iterator[str]:
    """Yield every text and key; no deeper than was let in."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
