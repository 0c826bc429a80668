"""What the capture routes take and answer, for the schema of the whole API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from audit.rest.openapi import ANYTHING, TEXT, UUID, Operation, parameter, ref
from capture.api.fixed_routes import ROUTES
from capture.api.openapi_parts import schemas
from capture.api.schemas import component_of
from capture.api.segment import BATCHES, KINDS
from capture.api.viewset_schema import COMMON, KEYS
from capture.api.viewsets import DECISIONS
from capture.choices import CaptureType, Provider

_SENDING, _SDK = "Sending captures", "Analytics SDKs"
_HEALTH_PATH = "/api/data-capture/health"
_ONCE = parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "pattern": r"^[!#-~]{1,255}$"},
    "Who sends it again within seven days gets the first answer.",
)
_STRICT = parameter("X-Strict-Mode", "header", TEXT, "1: take all items or none.")
_BUDGET: dict[str, Any] = {
    name: {"description": text, "schema": TEXT}
    for name, text in (
        ("RateLimit", "What is left of the budget."),
        ("RateLimit-Policy", "How large the budget is."),
    )
}
_REFUSALS = {
    400: "Not JSON, or not readable.",
    401: "The key is missing, unknown or no longer valid.",
    403: "The key may not do this from there.",
    408: "The body came too slowly.",
    409: "The same message id or idempotency key, with a difference.",
    411: "Content-Length is missing.",
    413: "Too large.",
    415: "The Content-Encoding is unknown.",
    422: "A value is missing or wrong; the item is in quarantine.",
    **COMMON,
}

# Views of which several share one address, by path.
SHARING = {f"/api/v1/quarantine/{{pk}}/{act}": view for act, view in DECISIONS.items()}


def build_paths() -> dict[str, Any]:
    """Return the operations of all capture routes by path."""
    paths: dict[str, Any] = {}
    for address, operation in (*_ingesting(), *_others()):
        method, path = address.split()
        paths.setdefault(path, {})[method.lower()] = operation.build()
    paths[_HEALTH_PATH]["get"]["responses"]["503"] = {
        "description": "The database is away.",
        "content": {"application/json": {"schema": ref("Unavailable")}},
    }
    return paths


def build_components() -> dict[str, Any]:
    """Return the schemas and the ways to authenticate that the operations name."""
    key = "A key of the hub: sk_ on servers, pk_ in pages."
    return {
        "schemas": schemas(),
        "securitySchemes": {
            "captureKey": {"type": "http", "scheme": "bearer", "description": key},
            "captureKeyHeader": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Capture-Key",
                "description": key,
            },
            "captureKeyBasic": {
                "type": "http",
                "scheme": "basic",
                "description": "The key as the user name, as SDKs send it.",
            },
        },
    }


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library has no types there
    """A secret key, where servers read beside staff."""

    target_class = "capture.api.machine.KeyAuthentication"
    name = ["captureKey", "captureKeyHeader"]

    def get_security_requirement(self, auto_schema: object) -> Any:
        return KEYS

    def get_security_definition(self, auto_schema: object) -> Any:
        schemes = build_components()["securitySchemes"]
        return [schemes["captureKey"], schemes["captureKeyHeader"]]


def _ingesting() -> Iterator[tuple[str, Operation]]:
    """Yield what takes messages with a key."""
    for path, (kind, methods) in ROUTES.items():
        text = f"Capture a {CaptureType(kind).label.lower()}"
        for method in methods:
            yield _send(f"{method} /{path}", text, component_of(kind), "Captured")
    captures = "POST /api/v1/captures"
    plain: dict[str, Any] = {"parameters": [_ONCE, _STRICT]}
    text = "Send one capture, or one CloudEvent"
    yield _send(captures, text, "CaptureItem", "Captured", **plain)
    text = "Send a batch of captures"
    yield _send(f"{captures}/batch", text, "Captures", "CaptureBatch", **plain)
    text = "Look at captures without keeping them"
    yield _send(f"{captures}/validate", text, "CapturesOrOne", "CaptureFindings")
    sdk: dict[str, Any] = {"tag": _SDK, "security": [*KEYS, {"captureKeyBasic": []}]}
    for name, label in KINDS.items():
        text = f"Send one: {label}"
        yield _send(f"POST /v1/{name}", text, "SdkMessage", "CaptureBatch", **sdk)
    text = "Send messages of an SDK"
    for name in BATCHES:
        yield _send(f"POST /v1/{name}", text, "SdkBatch", "CaptureBatch", **sdk)
    text, path = f"{text} as a page closes", "POST /beacon/v1/batch"
    yield _send(path, text, "SdkBatch", "CaptureBatch", **sdk)


def _others() -> Iterator[tuple[str, Operation]]:
    """Yield what needs no key: settings, webhooks, health, and schemas of captures."""
    yield _describe(
        "GET /v1/projects/{write_key}/settings",
        _SDK,
        "Tell the browser library where to send",
        ANYTHING,
        {404: "There is no such key.", **COMMON},
        parameters=[parameter("write_key", "path", TEXT)],
    )
    yield _describe(
        "POST /api/v1/webhooks/{provider}/{endpoint_id}",
        "Payment webhooks",
        "Take an event that a provider has signed",
        ref("Delivered"),
        {
            **{status: _REFUSALS[status] for status in (408, 411, 413, 415)},
            400: "The signature does not fit, or the body is not readable.",
            404: "There is no such endpoint.",
            **COMMON,
        },
        ANYTHING,
        parameters=[
            parameter("provider", "path", {"enum": Provider.values}),
            parameter("endpoint_id", "path", UUID),
        ],
    )
    text = "Tell whether the service is well"
    yield _describe(f"GET {_HEALTH_PATH}", "Health", text, ref("CaptureHealth"), {})
    yield _describe(
        "GET /api/v1/schemas/{kind}/{version}",
        _SENDING,
        "Read the JSON Schema of a type",
        ANYTHING,
        {404: "There is no such schema.", 503: COMMON[503]},
        parameters=[
            parameter("kind", "path", {"enum": CaptureType.values}),
            parameter("version", "path", {"enum": ["1"]}),
        ],
    )


def _send(
    address: str, text: str, body: str, answer: str, tag: str = _SENDING, **more: object
) -> tuple[str, Operation]:
    more = {"security": KEYS, "headers": _BUDGET, **more}
    return _describe(address, tag, text, ref(answer), _REFUSALS, ref(body), **more)


def _describe(address: str, *args: Any, **kwargs: Any) -> tuple[str, Operation]:
    """Return an operation, named after its method and its path, with both."""
    words = address.replace("{", "by_").replace("}", "").replace("-", "_")
    parts = words.replace(" ", "").split("/")
    name = "_".join(part.lower() for part in parts if part not in ("api", "v1"))
    return address, Operation(name, *args, **kwargs)
