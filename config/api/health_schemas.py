"""What the views of `config.health` answer, for the schema."""

from __future__ import annotations

from typing import Any

from audit.rest.openapi import ANYTHING, TEXT, Operation, record, ref

_TAG = "Health"


def build_paths() -> dict[str, Any]:
    """Return the operations by path."""
    alive = Operation(
        "get_healthz", _TAG, "Tell whether the process lives", ref("Health"), {}
    )
    ready = Operation(
        "get_readyz", _TAG, "Tell what is ready, by check", ref("Readiness"), {}
    ).build()
    ready["responses"]["503"] = {
        "description": "A check has failed.",
        "content": {"application/json": {"schema": ref("Readiness")}},
    }
    return {"/healthz": {"get": alive.build()}, "/readyz": {"get": ready}}


def build_components() -> dict[str, Any]:
    """Return the schemas that the operations name."""
    return {
        "schemas": {
            "Health": record({"status": TEXT}),
            "Readiness": record({"status": TEXT, "checks": ANYTHING}),
        }
    }
