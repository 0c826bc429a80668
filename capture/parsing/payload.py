"""The one text form in which a message is kept, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import Any

from audit.folding import normal_form
from capture.parsing.marks import NON_FINITE

_SURROGATE = re.compile("[\ud800-\udfff]")
# What `json.dumps` calls for a text once it has made an encoder.
_quoted = json.encoder.encode_basestring
# What moves when the same message is sent again.
_VOLATILE = {"sentAt", "sent_at", "writeKey", "api_key", "_metadata", "receivedAt"}


def payload_text(value: Any) -> str:
    """Return JSON with sorted keys, no blanks, and numbers in the digits they came in.

    Control characters and lone surrogates are written as escapes, so that the text
    comes back byte for byte from both databases.
    """
    text = _written(value)
    if text.isascii():
        return text
    return _SURROGATE.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        items = [f"{_quoted(key)}:{_written(value[key])}" for key in sorted(value)]
        return f"{{{','.join(items)}}}"
    if isinstance(value, list):
        # Without a call for each: a body can hold a hundred thousand texts.
        items = [_quoted(v) if type(v) is str else _written(v) for v in value]
        return f"[{','.join(items)}]"
    if isinstance(value, Decimal) or type(value) is int:
        return str(value)
    if value is None or value is NON_FINITE:
        return "null"
    return json.dumps(value)


def read_payload(text: str | None) -> Any:
    """Return the value of a payload; an erased one is an empty object."""
    return json.loads(text or "{}", parse_float=Decimal)


def fingerprint(body: Any) -> bytes:
    """Return SHA-256 of what a message means: equal for every sending of it."""
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key not in _VOLATILE}
        context = body.get("context")
        if isinstance(context, dict):
            body["context"] = {k: v for k, v in context.items() if k != "ip"}
    return hashlib.sha256(payload_text(_normal(body)).encode()).digest()


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else normal_form("NFC", value)
    if isinstance(value, dict):
        return {_normal(key): _normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [v if type(v) is str and v.isascii() else _normal(v) for v in value]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    number = Decimal(value)
    return Decimal(0) if number == 0 else number.normalize()
