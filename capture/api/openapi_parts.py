"""The shapes that capture routes take and answer, by name."""

from __future__ import annotations

from typing import Any

from audit.rest.openapi import (
    ANYTHING,
    FLAG,
    MAYBE_TEXT,
    MAYBE_UUID,
    TEXT,
    UUID,
    WHOLE,
    items,
    record,
    ref,
)
from capture.api.fixed_routes import ROUTES
from capture.api.schemas import component_of, schema_of
from capture.choices import IngestStatus

_COUNTS = ("received", "accepted", "duplicates", "conflicts", "quarantined", "retry")
_SOME = {**items({}), "minItems": 1}
_TAKEN = {"type": "string", "enum": ["accepted", "duplicate"]}


def schemas() -> dict[str, Any]:
    """Return all of them."""
    kinds = {kind for kind, _ in ROUTES.values()}
    by_type = {component_of(kind): _component(kind) for kind in sorted(kinds)}
    return {**by_type, **_sent(), **_answered()}


def _component(kind: str) -> dict[str, Any]:
    component = schema_of(kind)
    del component["$schema"], component["title"]
    return component


def _sent() -> dict[str, Any]:
    return {
        "CaptureItem": {**ANYTHING, "properties": {"type": TEXT}},
        # What is wrong with one item is said of that item: anything may stand there.
        "Captures": {"anyOf": [_listed("captures"), _SOME]},
        "CapturesOrOne": {"anyOf": [dict(ANYTHING), _SOME]},
        # Clients batch on any of these paths.
        "SdkMessage": {"anyOf": [dict(ANYTHING), items({})]},
        "SdkBatch": {"anyOf": [_listed("batch"), items({})]},
    }


def _listed(name: str) -> dict[str, Any]:
    least = {"minItems": 1} if name == "captures" else {}
    return {
        "type": "object",
        "required": [name],
        "properties": {name: {**items({}), **least}},
        "additionalProperties": True,
    }


def _answered() -> dict[str, Any]:
    captured = {
        "success": FLAG,
        "status": _TAKEN,
        "capture_id": UUID,
        "customer_id": MAYBE_UUID,
        "duplicate": FLAG,
        "message": TEXT,
        "warnings": items(TEXT),
    }
    finding = {
        "index": WHOLE,
        "valid": FLAG,
        "type": MAYBE_TEXT,
        "warnings": items(record({"code": TEXT, "pointer": TEXT})),
        "code": TEXT,
        "pointer": TEXT,
        "detail": TEXT,
    }
    counts = dict.fromkeys(_COUNTS, WHOLE)
    return {
        "Captured": record(captured),
        "CaptureBatch": record(
            {
                "success": FLAG,
                "request_id": UUID,
                **counts,
                "results": items(ref("CaptureResult")),
            }
        ),
        "CaptureFinding": record(finding, optional=("code", "pointer", "detail")),
        "CaptureFindings": record(
            {
                "success": FLAG,
                "valid": FLAG,
                "received": WHOLE,
                "results": items(ref("CaptureFinding")),
            }
        ),
        "CaptureHealth": record({"status": TEXT, "service": TEXT}),
        "Unavailable": record({"status": TEXT}),
        "Delivered": record(
            {
                "success": FLAG,
                "status": {"type": "string", "enum": IngestStatus.values},
                "capture_id": MAYBE_UUID,
                "duplicate": FLAG,
            }
        ),
    }
