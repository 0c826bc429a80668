"""What the capture routes take and answer, for the schema of the whole API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from audit.rest.openapi import ANYTHING, TEXT, UUID, Operation, parameter, ref
from capture.api.fixed_routes import ROUTES
from capture.api.openapi_parts import schemas
from capture.api.reading import DECISIONS
from capture.api.reading_schema import COMMON, KEYS
from capture.api.schemas import component_of
from capture.api.segment import BATCHES, KINDS
from capture.choices import CaptureType, Provider

_SENDING = "Sending captures"
_SDK, _WEBHOOKS, _HEALTH = "Analytics SDKs", "Payment webhooks", "Health"
_SDK_KEYS: list[dict[str, list[str]]] = [*KEYS, {"captureKeyBasic": []}]
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
    return {**_fixed(), **_native(), **_sdk(), **_webhooks(), **_open()}


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

    def get_security_requirement(self, auto_schema: Any) -> Any:
        return [{"captureKey": []}, {"captureKeyHeader": []}]

    def get_security_definition(self, auto_schema: Any) -> Any:
        schemes = build_components()["securitySchemes"]
        return [schemes["captureKey"], schemes["captureKeyHeader"]]


def _fixed() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for path, (kind, methods) in ROUTES.items():
        for method in methods:
            answer, body = ref("Captured"), ref(component_of(kind))
            text = f"Capture a {CaptureType(kind).label.lower()}"
            operation = _send(f"{method} /{path}", text, body, answer)
            paths.setdefault(f"/{path}", {})[method.lower()] = operation
    return paths


def _native() -> dict[str, Any]:
    once = parameter(
        "Idempotency-Key",
        "header",
        {"type": "string", "pattern": r"^[!#-~]{1,255}$"},
        "Who sends it again within seven days gets the first answer.",
    )
    strict = parameter("X-Strict-Mode", "header", TEXT, "1: take all items or none.")
    plain = {"parameters": [once, strict]}
    lists = _send(
        "POST /api/v1/captures/batch",
        "Send a batch of captures",
        ref("Captures"),
        ref("CaptureBatch"),
        **plain,
    )
    return {
        "/api/v1/captures": {
            "post": _send(
                "POST /api/v1/captures",
                "Send one capture, or one CloudEvent",
                ref("CaptureItem"),
                ref("Captured"),
                **plain,
            ),
        },
        "/api/v1/captures/batch": {"post": lists},
        "/api/v1/captures/validate": {
            "post": _send(
                "POST /api/v1/captures/validate",
                "Look at captures without keeping them",
                ref("CapturesOrOne"),
                ref("CaptureFindings"),
            )
        },
    }


def _sdk() -> dict[str, Any]:
    paths = {}
    for name in (*KINDS, *BATCHES):
        is_batch = name in BATCHES
        body = ref("SdkBatch" if is_batch else "SdkMessage")
        text = "Send messages of an SDK" if is_batch else f"Send one: {KINDS[name]}"
        paths[f"/v1/{name}"] = {"post": _from_sdk(f"POST /v1/{name}", text, body)}
    beacon = "/beacon/v1/batch"
    text = "Send messages of an SDK as a page closes"
    paths[beacon] = {"post": _from_sdk(f"POST {beacon}", text, ref("SdkBatch"))}
    settings = "/v1/projects/{write_key}/settings"
    paths[settings] = {
        "get": Operation(
            _name(f"GET {settings}"),
            _SDK,
            "Tell the browser library where to send",
            ANYTHING,
            {404: "There is no such key.", **COMMON},
            parameters=[parameter("write_key", "path", TEXT)],
        ).build()
    }
    return paths


def _webhooks() -> dict[str, Any]:
    path = "/api/v1/webhooks/{provider}/{endpoint_id}"
    operations = Operation(
        _name(f"POST {path}"),
        _WEBHOOKS,
        "Take an event that a provider has signed",
        ref("Delivered"),
        {
            400: "The signature does not fit, or the body is not readable.",
            404: "There is no such endpoint.",
            408: "The body came too slowly.",
            411: "Content-Length is missing.",
            413: "Too large.",
            415: "The Content-Encoding is unknown.",
            **COMMON,
        },
        ANYTHING,
        parameters=[
            parameter("provider", "path", {"enum": Provider.values}),
            parameter("endpoint_id", "path", UUID),
        ],
    )
    return {path: {"post": operations.build()}}


def _open() -> dict[str, Any]:
    """Describe what everybody may call: health, and the schemas of captures."""
    paths: dict[str, Any] = {}
    path = "/api/data-capture/health"
    text = "Tell whether the service is well"
    named = Operation(_name(f"GET {path}"), _HEALTH, text, ref("CaptureHealth"), {})
    operation = named.build()
    operation["responses"]["503"] = {
        "description": "The database is away.",
        "content": {"application/json": {"schema": ref("Unavailable")}},
    }
    paths[path] = {"get": operation}
    path = "/api/v1/schemas/{kind}/{version}"
    paths[path] = {
        "get": Operation(
            _name(f"GET {path}"),
            _SENDING,
            "Read the JSON Schema of a type",
            ANYTHING,
            {404: "There is no such schema.", 503: "Try again soon."},
            parameters=[
                parameter("kind", "path", {"enum": CaptureType.values}),
                parameter("version", "path", {"enum": ["1"]}),
            ],
        ).build()
    }
    return paths


def _name(address: str) -> str:
    words = address.replace("{", "by_").replace("}", "").replace("-", "_")
    parts = words.replace(" ", "").replace(".", "_").split("/")
    return "_".join(part.lower() for part in parts if part not in ("api", "v1"))


def _send(
    address: str, text: str, body: Any, answer: Any, **more: Any
) -> dict[str, Any]:
    return Operation(
        _name(address),
        _SENDING,
        text,
        answer,
        _REFUSALS,
        body,
        security=KEYS,
        headers=_BUDGET,
        **more,
    ).build()


def _from_sdk(address: str, text: str, body: Any) -> dict[str, Any]:
    operation = _send(address, text, body, ref("CaptureBatch"))
    return {**operation, "tags": [_SDK], "security": [dict(each) for each in _SDK_KEYS]}
