"""The shapes that capture routes take and answer, by name."""

from __future__ import annotations

from typing import Any

from audit.rest.openapi import (
    ANYTHING,
    FLAG,
    MAYBE_TEXT,
    MAYBE_TIME,
    MAYBE_UUID,
    TEXT,
    TIME,
    UUID,
    WHOLE,
    items,
    record,
    ref,
)
from audit.rest.schema_fields import NO_NUL, NOT_BLANK
from capture.api.fixed_routes import ROUTES
from capture.api.schemas import component_of, schema_of
from capture.choices import CaptureType, Decision, Status, Trust

_COUNTS = ("received", "accepted", "duplicates", "conflicts", "quarantined", "retry")
_SOME = {**items({}), "minItems": 1}
_TAKEN = {"type": "string", "enum": [Status.ACCEPTED.value, Status.DUPLICATE.value]}


def schemas() -> dict[str, Any]:
    """Return all of them."""
    kinds = {kind for kind, _ in ROUTES.values()}
    by_type = {component_of(kind): _component(kind) for kind in sorted(kinds)}
    return {**by_type, **_sent(), **_answered(), **_read_schemas()}


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
        "DiscardReason": {
            "type": "object",
            "required": ["reason"],
            "properties": {
                "reason": {"type": "string", "maxLength": 2000, "pattern": NOT_BLANK}
            },
            "additionalProperties": False,
        },
        "Correction": {
            "type": "object",
            "properties": {
                "reason": {
                    "type": ["string", "null"],
                    "maxLength": 2000,
                    "pattern": NO_NUL,
                },
                "item": {"type": ["object", "null"], "additionalProperties": True},
            },
            "additionalProperties": False,
        },
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
    result = {
        "index": WHOLE,
        "status": {"type": "string", "enum": Status.values},
        "message_id": TEXT,
        "capture_id": UUID,
        "customer_id": UUID,
        "quarantine_id": UUID,
        "code": TEXT,
        "detail": TEXT,
        "pointer": TEXT,
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
    optional = [name for name in result if name not in ("index", "status")]
    counts = dict.fromkeys(_COUNTS, WHOLE)
    return {
        "Captured": record(captured),
        "CaptureResult": record(result, optional=optional),
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
        "Delivered": record(
            {
                "success": FLAG,
                "status": {"type": "string", "enum": Status.values},
                "capture_id": MAYBE_UUID,
                "duplicate": FLAG,
            }
        ),
    }


def _read_schemas() -> dict[str, Any]:
    capture = _capture()
    whole = {
        **capture,
        "sightings": items(
            record({"received_at": TIME, "attempt": {"type": ["integer", "null"]}})
        ),
        "corrections": items(ref("Capture")),
    }
    decided = {"success": FLAG, "state": {"type": "string", "enum": Decision.values}}
    page = {"next": MAYBE_TEXT}
    # Of a whole body that was replayed.
    results = {"results": items(ref("CaptureResult"))}
    of_each = dict.fromkeys(_COUNTS, WHOLE) | results
    return {
        "Capture": record(capture, optional=("payload",)),
        "CapturePage": record({"results": items(ref("Capture")), **page}),
        "OneCapture": record(whole, optional=("payload",)),
        "Quarantined": record(_quarantined(), optional=("item",)),
        "QuarantinePage": record({"results": items(ref("Quarantined")), **page}),
        "Replayed": record(
            {**decided, "status": TEXT, "capture_id": UUID, **of_each},
            optional=tuple(of_each),
        ),
        "Discarded": record(decided),
        "Counts": _counts(),
        "CaptureHealth": record({"status": TEXT, "service": TEXT}),
        "Unavailable": record({"status": TEXT}),
    }


def _capture() -> dict[str, Any]:
    return {
        "id": UUID,
        "type": {"type": "string", "enum": CaptureType.values},
        "source": TEXT,
        "adapter": TEXT,
        "trust": {"type": "string", "enum": Trust.values},
        "message_id": MAYBE_TEXT,
        "message_id_origin": TEXT,
        "occurred_at": TIME,
        "received_at": TIME,
        "sent_at": MAYBE_TIME,
        "time_source": TEXT,
        "customer_id": MAYBE_UUID,
        "rule": MAYBE_TEXT,
        "facts": dict(ANYTHING),
        "warnings": items(items(TEXT)),
        "corrects": MAYBE_UUID,
        "replay_of": MAYBE_UUID,
        "payload": MAYBE_TEXT,
    }


def _quarantined() -> dict[str, Any]:
    return {
        "id": UUID,
        "code": TEXT,
        "message": MAYBE_TEXT,
        "pointer": MAYBE_TEXT,
        "stage": TEXT,
        "source": TEXT,
        "adapter": TEXT,
        "type": MAYBE_TEXT,
        "message_id": MAYBE_TEXT,
        "received_at": TIME,
        "times_seen": WHOLE,
        "state": {"type": "string", "enum": ["open", *Decision.values]},
        "capture_id": MAYBE_UUID,
        "item": MAYBE_TEXT,
    }


def _counts() -> dict[str, Any]:
    counted = ("payments", "questionnaires", "dashboard_updates", "activities")
    latest = ("payment", "questionnaire", "dashboard")
    return record(
        {
            "user_email": TEXT,
            "data_counts": record(dict.fromkeys((*counted, "audit_records"), WHOLE)),
            "latest_timestamps": record(dict.fromkeys(latest, MAYBE_TIME)),
            "total_data_points": WHOLE,
        }
    )
