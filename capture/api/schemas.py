"""The contract in machine-readable form: JSON Schema of each type, and OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse

from capture.adapters import AMOUNTS, NAMES
from capture.api.answers import Refusal
from capture.api.doors import Visit, endpoint
from capture.api.fixed_routes import ROUTES
from capture.api.segment import BATCHES, KINDS
from capture.choices import CaptureType

_VERSION = 1
_IDENTITY = ("email", "user_id", "anonymous_id", "previous_id", "phone")
_BOOLEANS = ("email_verified", "marketing_consent", "success")
_LISTS = ("preferred_categories", "crypto_assets", "forex_assets", "custom_forex_pairs")
_OBJECTS = ("answers", "dashboard_state", "trading_state", "properties")
_TIMES = ("signup_date", "login_time", "payment_date", "last_login_at")


def schema_of(kind: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a type: our names and their other names.

    Unknown keys are welcome and kept.
    """
    properties: dict[str, Any] = {
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


def _property(name: str) -> dict[str, Any]:
    if name in _TIMES:
        return _time()
    return _PROPERTIES.get(name, {"type": ["string", "number"]})


_PROPERTIES: dict[str, dict[str, Any]] = {
    **{name: {"type": ["number", "string"], "minimum": 0} for name in AMOUNTS},
    **{name: {"type": "boolean"} for name in _BOOLEANS},
    **{name: {"type": "array", "items": {"type": "string"}} for name in _LISTS},
    **{name: {"type": "object"} for name in _OBJECTS},
    "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
}


def _time() -> dict[str, Any]:
    return {
        "type": ["string", "number"],
        "description": "RFC 3339, or seconds or milliseconds since 1970.",
    }


def _schema(_visit: Visit, kind: str, version: str) -> HttpResponse:
    if kind not in NAMES or version != str(_VERSION):
        raise Refusal(404, "not_found", "There is no such schema.")
    return JsonResponse(schema_of(kind))


def _openapi(_visit: Visit) -> HttpResponse:
    return JsonResponse(build_openapi())


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI description of the capture routes."""
    paths: dict[str, Any] = {}
    for path, (kind, methods) in ROUTES.items():
        for method in methods:
            operation = _post(f"Capture: {kind}", _ref(kind), _answer("Captured"))
            paths.setdefault(f"/{path}", {})[method.lower()] = operation
    paths["/api/v1/captures"] = {
        "post": _post("One capture", _ref("Item"), _answer("Captured"))
    }
    for name, answer in (("batch", "Batch"), ("validate", "Findings")):
        body = _ref("Captures")
        paths[f"/api/v1/captures/{name}"] = {
            "post": _post(f"A {name} of captures", body, _answer(answer))
        }
    for name in (*KINDS, *BATCHES):
        body = _ref("SdkBatch" if name in BATCHES else "SdkMessage")
        paths[f"/v1/{name}"] = {"post": _post("From an SDK", body, _answer("Batch"))}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Holdfast capture", "version": "1"},
        "paths": paths,
        "security": [{"bearer": []}, {"captureKey": []}],
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "captureKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Capture-Key",
                },
            },
            "schemas": _schemas(),
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(name: str) -> dict[str, Any]:
    return {
        "description": "Kept, or known already.",
        "content": {"application/json": {"schema": _ref(name)}},
    }


_ERRORS = {
    "400": "Not JSON, or not readable.",
    "401": "The key is missing, unknown or no longer valid.",
    "403": "The key may not do this from there.",
    "405": "Another method is needed.",
    "408": "The body came too slowly.",
    "409": "The same message id or idempotency key, with a difference.",
    "411": "Content-Length is missing.",
    "413": "Too large.",
    "415": "The Content-Encoding is unknown.",
    "422": "A value is missing or wrong; the item is in quarantine.",
    "429": "Too many; see Retry-After.",
    "503": "Try again in a moment.",
}


def _post(summary: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    error = {"application/problem+json": {"schema": _ref("Problem")}}
    return {
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body}},
        },
        "responses": {
            "200": answer,
            **{
                status: {"description": text, "content": error}
                for status, text in _ERRORS.items()
            },
        },
    }


def _schemas() -> dict[str, Any]:
    text, whole, flag = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
    maybe = {"type": ["string", "null"]}
    counts = ("received", "accepted", "duplicates", "conflicts", "quarantined", "retry")
    free: dict[str, Any] = {"type": "object", "additionalProperties": True}
    return {
        **{kind: schema_of(kind) for kind in NAMES},
        "Item": {**free, "properties": {"type": {"enum": CaptureType.values}}},
        "Captures": {
            "type": "object",
            "required": ["captures"],
            "properties": {"captures": {"type": "array", "items": _ref("Item")}},
        },
        "SdkMessage": free,
        "SdkBatch": {
            "type": "object",
            "required": ["batch"],
            "properties": {"batch": {"type": "array", "items": _ref("SdkMessage")}},
        },
        "Captured": {
            "type": "object",
            "required": ["success", "status", "capture_id", "duplicate", "message"],
            "properties": {
                "success": flag,
                "status": text,
                "capture_id": text,
                "customer_id": maybe,
                "duplicate": flag,
                "message": text,
                "warnings": {"type": "array", "items": text},
            },
        },
        "Batch": {
            "type": "object",
            "required": ["success", "request_id", *counts, "results"],
            "properties": {
                "success": flag,
                "request_id": text,
                **dict.fromkeys(counts, whole),
                "results": {"type": "array", "items": free},
            },
        },
        "Findings": {
            "type": "object",
            "required": ["success", "valid", "received", "results"],
            "properties": {
                "success": flag,
                "valid": flag,
                "received": whole,
                "results": {"type": "array", "items": free},
            },
        },
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "code", "message", "request_id"],
            "properties": {
                "type": text,
                "title": text,
                "status": whole,
                "code": text,
                "message": text,
                "detail": text,
                "instance": text,
                "request_id": text,
                "errors": {"type": "array", "items": free},
            },
        },
    }


schema_view = endpoint(_schema, methods=("GET",))
openapi_view = endpoint(_openapi, methods=("GET",))
