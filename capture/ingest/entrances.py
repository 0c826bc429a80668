"""From a body to its items, as each entrance takes them: at arrival and at a replay."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from capture.parsing import (
    BodyItem,
    Parsed,
    parse_items,
    parse_items_or_lines,
    parse_lines,
)

NATIVE_ITEMS, SDK_ITEMS = 1000, 2500
# What the paths of the SDKs say of a message; the short names are those of the browser
# library.
SDK_KINDS = {
    "identify": "identify",
    "track": "track",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
    "i": "identify",
    "t": "track",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
# A key in a body authenticates the request and is not stored.
BODY_KEYS = ("api_key", "apiKey", "writeKey")
_SDK_PATH = re.compile(r"v1/([a-z]+)/\?\$")
# The keys under which a batch has its items.
_CAPTURES, _BATCH = "captures", "batch"


def kind_of_route(route: str) -> str | None:
    """Return what the URL pattern of an SDK route says of a message."""
    match = _SDK_PATH.search(route)
    return SDK_KINDS.get(match[1]) if match else None


@dataclass(frozen=True)
class Items:
    """The items of a body, the pointer of their list, and when they were sent.

    `is_batch` is false for a body that is one item itself.
    """

    items: list[Any]
    prefix: str = ""
    sent_at: object = None
    is_batch: bool = True


def parse_native(body: bytes, *, are_lines: bool = False) -> Parsed:
    """Return the values of a body of the native routes. Raises ParseError."""
    if are_lines:
        return parse_lines(body, most=NATIVE_ITEMS)
    return parse_items_or_lines(body, _CAPTURES, most=NATIVE_ITEMS)


def native_items(parsed: Parsed, *, is_single: bool = False) -> Items | None:
    """Return the items of a native body; None for a body that is no batch.

    With `is_single`, a single capture needs no list around it.
    """
    value = parsed.value
    if not isinstance(value, dict):
        return Items(parsed.items, "") if parsed.items else None
    sent = value.get("sent_at")
    if _CAPTURES in value:
        items = _listed(parsed, _CAPTURES)
        return Items(items, f"/{_CAPTURES}", sent) if items else None
    return Items([_whole(parsed)], is_batch=False) if is_single else None


def parse_segment(body: bytes) -> Parsed:
    """Return the values of a body of the SDK routes. Raises ParseError."""
    return parse_items(body, _BATCH, most=SDK_ITEMS)


def segment_items(parsed: Parsed, kind: str | None) -> Items | None:
    """Return the messages of an SDK's body; None for a body that has none.

    `kind` is what the path says of one message that is no batch.
    """
    value = parsed.value
    if not isinstance(value, dict):
        return None if parsed.items is None else Items(_named(parsed.items, kind))
    sent = value.get("sentAt")
    # A client may batch anywhere; everything else is one message.
    if _BATCH in value:
        items = _listed(parsed, _BATCH)
        return None if items is None else Items(_named(items, kind), "", sent)
    if kind is None:
        return None
    return Items(_named([_whole(parsed)], kind), "", sent, is_batch=False)


def _whole(parsed: Parsed) -> BodyItem:
    return BodyItem(parsed.text, parsed.value, warnings=tuple(parsed.warnings))


def _listed(parsed: Parsed, key: str) -> list[BodyItem] | None:
    if parsed.items is not None:
        return parsed.items
    # The key was written with escapes: its list is read all the same.
    values = parsed.value[key]
    is_list = isinstance(values, list)
    return [BodyItem(None, item) for item in values] if is_list else None


def _named(items: list[BodyItem], kind: str | None) -> list[BodyItem]:
    """Return the messages with the kind of the path, where they have none."""
    return [
        replace(item, value={**item.value, "type": kind})
        if kind and isinstance(item.value, dict) and not item.value.get("type")
        else item
        for item in items
    ]
