"""The canonical text in which a message is stored, and its fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from audit.emails import normal_form
from audit.json_text import JsonObject, JsonValue
from capture.parsing.redaction_marks import NON_FINITE

_SURROGATE = re.compile("[\ud800-\udfff]")
# What `json.dumps` calls for a text once it has made an encoder.
_quoted = json.encoder.encode_basestring
# What moves when the same message is sent again.
_VOLATILE = {"sentAt", "sent_at", "writeKey", "api_key", "_metadata", "receivedAt"}


def payload_text(value: object) -> str:
    """Return JSON with sorted keys, no blanks, and numbers in the digits they came in.

    Control characters and lone surrogates are written as escapes, so that the text
    comes back byte for byte from both databases.
    """
    return _Writer(is_exact=True).write(value)


@dataclass
class _Writer:
    """Writes one value as JSON; unless it is exact, what means the same looks the same.

    It does not recurse, and calls no function of ours for texts: a body has hundreds
    of thousands of them, and the sender chooses how deep they are nested.
    """

    is_exact: bool
    parts: list[str] = field(default_factory=list)
    # Of each list and object around: what is left of it, and the object if it is one.
    path: list[tuple[Iterator[JsonValue], JsonObject | None]] = field(
        default_factory=list
    )

    def write(self, value: object) -> str:
        """Return the text of a value."""
        self.path.append((iter([value]), None))
        while self.path:
            members, named = self.path[-1]
            if self._write_until_deeper(members, named):
                continue
            self.path.pop()
            # Of the last member; behind the value itself there is one as well.
            if self.parts[-1] == ",":
                self.parts.pop()
            if self.path:
                self.parts += ("]" if named is None else "}", ",")
        text = "".join(self.parts)
        if text.isascii():
            return text
        return _SURROGATE.sub(lambda m: f"\\u{ord(m.group()):04x}", text)

    def _write_until_deeper(
        self, members: Iterator[JsonValue], named: JsonObject | None
    ) -> bool:
        """Write members up to the next that holds others; false at their end."""
        for member in members:
            item = member
            if named is not None:
                item = named[member]
                self.parts += (_quoted(member), ":")
            if isinstance(item, str):
                is_ready = self.is_exact or item.isascii()
                text = item if is_ready else normal_form("NFC", item)
                self.parts += (_quoted(text), ",")
            elif isinstance(item, dict | list):
                self._enter(item)
                return True
            else:
                self.parts += (self._scalar(item), ",")
        return False

    def _enter(self, value: JsonObject | list[JsonValue]) -> None:
        if isinstance(value, list):
            self.parts.append("[")
            self.path.append((iter(value), None))
            return
        if not (self.is_exact or all(map(str.isascii, value))):
            value = {normal_form("NFC", key): item for key, item in value.items()}
        self.parts.append("{")
        self.path.append((iter(sorted(value)), value))

    def _scalar(self, value: object) -> str:
        if value is None or value is NON_FINITE:
            return "null"
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return json.dumps(value)
        if self.is_exact:
            return str(value)
        number = Decimal(value)
        return "0" if number == 0 else str(number.normalize())


def read_payload(text: str | None) -> JsonValue:
    """Return the value of a payload; an erased one is an empty object."""
    return json.loads(text or "{}", parse_float=Decimal)


def fingerprint(body: object) -> bytes:
    """Return SHA-256 of what a message means: equal for every sending of it."""
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key not in _VOLATILE}
        context = body.get("context")
        if isinstance(context, dict):
            body["context"] = {k: v for k, v in context.items() if k != "ip"}
    return hashlib.sha256(_Writer(is_exact=False).write(body).encode()).digest()
