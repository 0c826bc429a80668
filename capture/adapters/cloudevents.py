"""CloudEvents 1.0: the whole event as JSON, or its attributes in `ce-` headers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from audit.json_text import JsonObject, JsonValue
from capture.adapters.item import Item
from capture.adapters.standard import read_data
from capture.adapters.values import answer, as_object, first, misfit, moment, text
from capture.envelope import Issue
from capture.parsing import ParseError, parse_body

_NEEDED = ("specversion", "id", "source", "type")
_PREFIX = "ce-"
_QUOTED = '"'


def is_cloudevent(headers: Mapping[str, str] | None, body: object) -> bool:
    """Tell whether a message is a CloudEvent, in either mode."""
    return "specversion" in _attributes(headers) or "specversion" in as_object(body)


def read_cloudevent(headers: Mapping[str, str] | None, body: object) -> Item:
    """Return a CloudEvent in our words. Never raises for what it holds.

    The last part of the type chooses ours: `com.example.payment` is a payment.
    """
    attributes: Mapping[str, JsonValue] = _attributes(headers)
    data, path = body, ""
    if "specversion" not in attributes:
        attributes, path = as_object(body), "data"
        data = attributes.get("data")
    required = {name: text(attributes.get(name)) for name in _NEEDED}
    family = (required["type"] or "").rpartition(".")[2]
    item = read_data(family, "", required["type"], data, path)
    missing = next((name for name in _NEEDED if required[name] is None), None)
    issue, time, gpc = item.issue, attributes.get("time"), attributes.get("gpc")
    if missing is not None:
        issue = Issue(
            "schema_violation", f"/{missing}", "A CloudEvent names this attribute."
        )
    return replace(
        item,
        message_id=None if missing else f"{required['source']}#{required['id']}",
        timestamp=first(moment(time), item.timestamp),
        gpc=item.gpc or answer(gpc) or None,
        issue=issue,
        warnings=(
            *item.warnings,
            *misfit("time", time, moment(time)),
            *misfit("gpc", gpc, answer(gpc)),
        ),
    )


def with_decoded_data(body: JsonObject) -> JsonObject:
    """Return an event with its `data_base64` as `data`, where that is base64 of JSON.

    Secrets in it are then found as those of any other message are.
    """
    sent = body.get("data_base64")
    if not isinstance(sent, str) or "data" in body:
        return body
    try:
        data = parse_body(base64.b64decode(sent, validate=True)).value
    except (binascii.Error, ValueError, ParseError):
        return body
    rest = {name: value for name, value in body.items() if name != "data_base64"}
    return {**rest, "data": data}


def whole_cloudevent(headers: Mapping[str, str], data: object) -> JsonObject:
    """Return an event whose attributes came in headers as one JSON object."""
    return {**_attributes(headers), "data": data}


def _attributes(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return the attributes in headers, which may be quoted and percent-encoded."""
    attributes = {}
    for key, value in (headers or {}).items():
        name = str(key).lower()
        if name.startswith(_PREFIX):
            attributes[name.removeprefix(_PREFIX)] = unquote(str(value).strip(_QUOTED))
    return attributes
