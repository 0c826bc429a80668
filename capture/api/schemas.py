"""The contract in machine-readable form: a JSON Schema for each type."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse

from audit.json_text import JsonObject
from audit.rest.exceptions import ApiError
from capture.adapters import AMOUNTS, NAMES
from capture.api.endpoint import CaptureRequest, endpoint

_VERSION = 1
_IDENTITY = ("email", "user_id", "anonymous_id", "previous_id", "phone")
_BOOLEANS = ("email_verified", "marketing_consent", "success")
_LISTS = ("preferred_categories", "crypto_assets", "forex_assets", "custom_forex_pairs")
_OBJECTS = ("answers", "dashboard_state", "trading_state", "properties")
_TIMES = ("signup_date", "login_time", "payment_date", "last_login_at")


def schema_of(kind: str) -> JsonObject:
    """Return the JSON Schema (2020-12) of a type: our names and their other names.

    Unknown keys are welcome and kept.
    """
    properties: JsonObject = {
        "message_id": {"type": "string", "maxLength": 255},
        "timestamp": _time(),
        **{name: {"type": "string", "maxLength": 255} for name in _IDENTITY},
    }
    for name, spellings in NAMES[kind].items():
        for spelling in (name, *spellings):
            properties[spelling] = _property(name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "type": "object",
        "properties": properties,
        "additionalProperties": True,
        "anyOf": [
            {"required": [name]}
            for name in ("email", "user_email", "user_id", "anonymous_id")
        ],
    }


def _property(name: str) -> JsonObject:
    if name == "last_login_at":
        return {"description": _time()["description"]}
    if name in _TIMES:
        return _time()
    return _PROPERTIES.get(name, {"type": ["string", "number"]})


_PROPERTIES: dict[str, JsonObject] = {
    **{name: {"type": ["number", "string"], "minimum": 0} for name in AMOUNTS},
    **{name: {"type": "boolean"} for name in _BOOLEANS},
    **{name: {"type": "array", "items": {"type": "string"}} for name in _LISTS},
    **{name: {"type": "object"} for name in _OBJECTS},
    # Read if they can be; otherwise the item is taken without them.
    "ip_address": {},
    "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
}


def _time() -> JsonObject:
    return {
        "type": ["string", "number"],
        "description": "RFC 3339, or seconds or milliseconds since 1970.",
    }


def _schema(_capture_request: CaptureRequest, kind: str, version: str) -> HttpResponse:
    if kind not in NAMES or version != str(_VERSION):
        raise ApiError(404, "not_found", "There is no such schema.")
    return JsonResponse(schema_of(kind))


schema_view = endpoint(_schema, methods=("GET",))
