"""What the capture routes take and answer, for the schema of the whole API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.serializers import BaseSerializer

from audit.json_text import JsonObject
from audit.rest.openapi import ANYTHING, Endpoint, described
from audit.rest.serializers import StrictSerializer
from audit.rest.views import ActionSpec
from capture.api import serializers
from capture.api.fixed_routes import ROUTES
from capture.api.schemas import schema_of
from capture.api.segment import BATCHES, KINDS
from capture.api.viewsets import (
    COMMON,
    DECISIONS,
    ReadingKeyAuthentication,
    StaffSessionAuthentication,
    StaffTokenAuthentication,
)
from capture.choices import CaptureType, Provider

_KEY = "A key of the hub: sk_ on servers, pk_ in pages."
_KEYS: list[dict[str, list[object]]] = [{"captureKey": []}, {"captureKeyHeader": []}]
_SENDING, _SDK = "Sending captures", "Analytics SDKs"
_HEADER: Final = OpenApiParameter.HEADER
_PATH: Final = OpenApiParameter.PATH
_ONCE = OpenApiParameter(
    "Idempotency-Key",
    str,
    _HEADER,
    pattern=r"^[\x20-\x7e]{1,255}$",
    description="Who sends it again within seven days gets the first answer.",
)
_STRICT = OpenApiParameter(
    "X-Strict-Mode", str, _HEADER, description="1: take all items or none."
)
_BUDGET = [
    OpenApiParameter(name, str, _HEADER, description=text, response=[200])
    for name, text in (
        ("RateLimit", "What is left of the budget."),
        ("RateLimit-Policy", "How large the budget is."),
    )
]
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
_CAPTURED = serializers.CapturedSerializer
_BATCH = serializers.CaptureBatchSerializer
_FINDINGS = serializers.CaptureFindingsSerializer
_LIST: JsonObject = {"type": "array", "items": {}}
_SOME: JsonObject = {**_LIST, "minItems": 1}


def _body(name: str, schema: JsonObject) -> type[StrictSerializer]:
    """Return a body that the adapters check, for the schema alone."""
    return type(name, (StrictSerializer,), {"json_schema": schema})


def _holding(name: str, items: JsonObject) -> JsonObject:
    return {**ANYTHING, "required": [name], "properties": {name: items}}


def _message(kind: str) -> type[StrictSerializer]:
    schema = schema_of(kind)
    del schema["$schema"], schema["title"]
    return _body(f"{kind.title()}Message", schema)


_MESSAGES = {kind: _message(kind) for kind in {kind for kind, _ in ROUTES.values()}}
_ITEM = _body("CaptureItem", {**ANYTHING, "properties": {"type": {"type": "string"}}})
# What is wrong with one item is said of that item: anything may stand there.
_CAPTURES = _body("Captures", {"anyOf": [_holding("captures", _SOME), _SOME]})
_CAPTURES_OR_ONE = _body("CapturesOrOne", {"anyOf": [ANYTHING, _SOME]})
# Clients batch on any of these paths.
_SDK_MESSAGE = _body("SdkMessage", {"anyOf": [ANYTHING, _LIST]})
_SDK_BATCH = _body("SdkBatch", {"anyOf": [_holding("batch", _LIST), _LIST]})
_EVENT = _body("WebhookEvent", ANYTHING)


def endpoints() -> Iterator[Endpoint]:
    """Yield what the library goes by for each route."""
    yield from _ingesting()
    yield from _others()
    for act, view in DECISIONS.items():
        # They share one address.
        path = f"/api/v1/quarantine/{{pk}}/{act}"
        yield path, path, "POST", view


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library has no types there
    """A key, by the ways in which it may come; those that read take no Basic."""

    target_class = "capture.api.machine.KeyAuthentication"
    match_subclasses = True
    name = ["captureKey", "captureKeyHeader", "captureKeyBasic"]

    def get_security_requirement(
        self, auto_schema: object
    ) -> list[dict[str, list[object]]]:
        return _KEYS

    def get_security_definition(self, auto_schema: object) -> list[JsonObject]:
        basic = "The key as the user name, as SDKs send it."
        return [
            {"type": "http", "scheme": "bearer", "description": _KEY},
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-Capture-Key",
                "description": _KEY,
            },
            {"type": "http", "scheme": "basic", "description": basic},
        ]


# The same ways as those of their bases.
for _authentication in (
    ReadingKeyAuthentication,
    StaffSessionAuthentication,
    StaffTokenAuthentication,
):
    set_override(_authentication, "suppress_collision_warning", True)  # noqa: FBT003 - as in the library


def _ingesting() -> Iterator[Endpoint]:
    """Yield what takes messages with a key."""
    for path, (kind, methods) in ROUTES.items():
        text = f"Capture a {CaptureType(kind).label.lower()}"
        for method in methods:
            yield _send(f"{method} /{path}", text, _MESSAGES[kind], _CAPTURED)
    captures, native = "POST /api/v1/captures", [_ONCE, _STRICT]
    text = "Send one capture, or one CloudEvent"
    yield _send(captures, text, _ITEM, _CAPTURED, parameters=native)
    text = "Send a batch of captures"
    yield _send(f"{captures}/batch", text, _CAPTURES, _BATCH, parameters=native)
    text = "Look at captures without keeping them"
    yield _send(f"{captures}/validate", text, _CAPTURES_OR_ONE, _FINDINGS)
    for name, label in KINDS.items():
        text = f"Send one: {label}"
        yield _send(f"POST /v1/{name}", text, _SDK_MESSAGE, _BATCH, tag=_SDK)
    text = "Send messages of an SDK"
    for name in BATCHES:
        yield _send(f"POST /v1/{name}", text, _SDK_BATCH, _BATCH, tag=_SDK)
    text, path = f"{text} as a page closes", "POST /beacon/v1/batch"
    yield _send(path, text, _SDK_BATCH, _BATCH, tag=_SDK)


def _send(
    address: str,
    summary: str,
    body: type[StrictSerializer],
    answer: type[BaseSerializer[object]],
    *,
    tag: str = _SENDING,
    parameters: Sequence[OpenApiParameter] = (),
) -> Endpoint:
    return described(
        address,
        summary,
        ActionSpec("", answer, body=body, takes_key=False, refusals=_REFUSALS),
        tag=tag,
        auth=[*_KEYS, {"captureKeyBasic": []}] if tag == _SDK else _KEYS,
        parameters=[*parameters, *_BUDGET],
    )


def _others() -> Iterator[Endpoint]:
    """Yield what needs no key: settings, webhooks, health, and schemas of captures."""
    refusals = {404: "There is no such key.", **COMMON}
    yield described(
        "GET /v1/projects/{write_key}/settings",
        "Tell the browser library where to send",
        ActionSpec("", ANYTHING, refusals=refusals),
        tag=_SDK,
        parameters=[OpenApiParameter("write_key", str, _PATH)],
    )
    refusals = {
        **{status: _REFUSALS[status] for status in (408, 411, 413, 415)},
        400: "The signature does not fit, or the body is not readable.",
        404: "There is no such endpoint.",
        **COMMON,
    }
    yield described(
        "POST /api/v1/webhooks/{provider}/{endpoint_id}",
        "Take an event that a provider has signed",
        ActionSpec(
            "",
            serializers.DeliveredSerializer,
            body=_EVENT,
            takes_key=False,
            refusals=refusals,
        ),
        tag="Payment webhooks",
        parameters=[
            OpenApiParameter("provider", {"enum": Provider.values}, _PATH),
            OpenApiParameter("endpoint_id", OpenApiTypes.UUID, _PATH),
        ],
    )
    away = OpenApiResponse(serializers.UnavailableSerializer, "The database is away.")
    yield described(
        "GET /api/data-capture/health",
        "Tell whether the service is well",
        ActionSpec(
            "",
            serializers.CaptureHealthSerializer,
            other_responses={503: away},
            refusals={},
        ),
        tag="Health",
    )
    refusals = {404: "There is no such schema.", 503: COMMON[503]}
    yield described(
        "GET /api/v1/schemas/{kind}/{version}",
        "Read the JSON Schema of a type",
        ActionSpec("", ANYTHING, refusals=refusals),
        tag=_SENDING,
        parameters=[
            OpenApiParameter("kind", {"enum": CaptureType.values}, _PATH),
            OpenApiParameter("version", {"enum": ["1"]}, _PATH),
        ],
    )
