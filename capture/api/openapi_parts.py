"""The components that capture routes take and answer, by name."""

from __future__ import annotations

from typing import Any

from drf_spectacular.plumbing import ComponentRegistry
from rest_framework.views import APIView

from audit.rest.openapi import ANYTHING, TEXT, items, record
from audit.rest.schema import StaffSchema
from capture.api import serializers
from capture.api.fixed_routes import ROUTES
from capture.api.schemas import component_of, schema_of

_SOME = {**items({}), "minItems": 1}


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
    """Return the components of the serializers, and of those within."""
    schema = StaffSchema()
    schema.view, schema.method = APIView(request=None), "POST"
    schema.registry = ComponentRegistry()
    for serializer in (
        serializers.CapturedSerializer,
        serializers.CaptureBatchSerializer,
        serializers.CaptureFindingsSerializer,
        serializers.DeliveredSerializer,
    ):
        schema.resolve_serializer(serializer, "response")
    components: dict[str, Any] = schema.registry.build({})["schemas"]
    for component in components.values():
        for each in component["properties"].values():
            each.pop("x-spec-enum-id", None)  # the library's own mark
    return {
        **components,
        "CaptureHealth": record({"status": TEXT, "service": TEXT}),
        "Unavailable": record({"status": TEXT}),
    }
