"""The native routes: one capture, a batch, and a look that stores nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from django.http import HttpResponse, JsonResponse

from audit.json_text import JsonObject
from audit.rest.exceptions import ApiError
from audit.rest.idempotency import LONGEST_KEY, Lease, finish_lease, is_plain_key
from audit.rest.problems import problem_response
from capture import services
from capture.adapters import SCREENSHOT_KEYS, is_cloudevent, snake
from capture.api.endpoint import (
    CaptureRequest,
    Limits,
    endpoint,
    read_body,
    refusal_of,
    too_large,
    too_many_items,
)
from capture.api.responses import batch
from capture.api.views import answer_one, ingest_envelopes, parse_for
from capture.envelope import Envelope
from capture.models import Source
from capture.parsing import BodyItem, Parsed, ParseError, parse_body, payload_text

_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
# Outcomes after which a repeat has to run again.
_NOT_STORED = (401, 403, 408, 413, 415, 429)


# A screenshot needs room; without one a body has the usual limit.
_ROOMY = Limits(wire=8_000_000, unpacked=8_000_000)


def single(capture_request: CaptureRequest) -> HttpResponse:
    capture_request.authenticate_headers()
    parsed, size = parse_for(
        capture_request, _ROOMY, _unless_large(capture_request, parse_body)
    )
    _check_size(capture_request, parsed.value, size)
    capture_request.authenticate_body(parsed.value)
    capture_request.consume_quota(1, size)
    return _once(capture_request, parsed, lambda: _ingest_one(capture_request, parsed))


def _ingest_one(capture_request: CaptureRequest, parsed: Parsed) -> HttpResponse:
    headers, envelope_fields = (
        capture_request.request.headers,
        capture_request.envelope_fields(),
    )
    item = BodyItem(parsed.text, parsed.value, warnings=tuple(parsed.warnings))
    if is_cloudevent(headers, parsed.value):
        envelopes = services.build_cloudevent(headers, item, **envelope_fields)
    else:
        envelopes = services.build_native(item, **envelope_fields)
    return answer_one(capture_request, ingest_envelopes(capture_request, envelopes)[0])


def _batch(capture_request: CaptureRequest) -> HttpResponse:
    capture_request.authenticate_headers()
    parsed, size = parse_for(
        capture_request,
        _ROOMY,
        _unless_large(capture_request, _parse_items(capture_request)),
    )
    _check_size(capture_request, parsed.value, size)
    capture_request.authenticate_body(parsed.value)
    items = _items(parsed)
    capture_request.consume_quota(len(items.items), size)
    return _once(capture_request, parsed, lambda: _ingest_batch(capture_request, items))


def _unless_large(
    capture_request: CaptureRequest, parse: Callable[[bytes], Parsed]
) -> Callable[[bytes], Parsed]:
    """Return a parser that does not begin with a large body that has no picture."""

    def check(raw: bytes) -> Parsed:
        if _is_large(capture_request, len(raw)) and b"creenshot" not in raw:
            raise too_large(Limits())
        return parse(raw)

    return check


def _is_large(capture_request: CaptureRequest, size: int) -> bool:
    limits = Limits()
    return capture_request.wire_size > limits.wire or size > limits.unpacked


def _check_size(capture_request: CaptureRequest, value: object, size: int) -> None:
    if _is_large(capture_request, size) and not _has_picture(value):
        raise too_large(Limits())


def _has_picture(value: object) -> bool:
    inside = value.get("captures", [value]) if isinstance(value, dict) else value
    items = inside if isinstance(inside, list) else []
    keys = (key for item in items if isinstance(item, dict) for key in item)
    return any(snake(key) in SCREENSHOT_KEYS for key in keys)


def _ingest_batch(
    capture_request: CaptureRequest, items: services.Items
) -> HttpResponse:
    # A profile with a login time is two messages, and one item of the answer.
    envelope_fields = {**capture_request.envelope_fields(), "sent_at": items.sent_at}
    groups = [services.build_native(item, **envelope_fields) for item in items.items]
    results = iter(
        ingest_envelopes(capture_request, [e for group in groups for e in group])
    )
    answers = []
    for n, group in enumerate(groups):
        item_results = [next(results) for _ in group]
        answers.append(replace(item_results[0], position=n))
    return batch(
        capture_request.request,
        answers,
        show_customer=capture_request.is_secret,
        prefix=items.prefix,
    )


def _validate(capture_request: CaptureRequest) -> HttpResponse:
    capture_request.authenticate_headers()
    limits = Limits()
    parsed, size = parse_for_nothing(capture_request, limits)
    capture_request.authenticate_body(parsed.value)
    capture_request.consume_quota(1, size)
    listed = _items(parsed, is_single=True)
    source = capture_request.required_key.source
    findings = [
        _finding(n, envelope, source, listed.prefix)
        for n, envelope in enumerate(_read_dry(capture_request, listed.items))
    ]
    return JsonResponse(
        {
            "success": True,
            "valid": all(finding["valid"] for finding in findings),
            "received": len(findings),
            "results": findings,
        }
    )


def parse_for_nothing(
    capture_request: CaptureRequest, limits: Limits
) -> tuple[Parsed, int]:
    """Return the parsed body of a dry run: nothing is stored."""
    raw = read_body(capture_request, limits)
    try:
        return _parse_items(capture_request)(raw), len(raw)
    except ParseError as error:
        if capture_request.key is None:
            capture_request.authenticate_body(None)
        raise refusal_of(error) from error


def _read_dry(capture_request: CaptureRequest, items: list[object]) -> list[Envelope]:
    # Without a business no file is written either.
    envelope_fields = {**capture_request.envelope_fields(), "business_id": None}
    return [services.build_native(item, **envelope_fields)[0] for item in items]


def _finding(n: int, envelope: Envelope, source: Source, prefix: str) -> JsonObject:
    issues, warnings = services.find_faults(envelope, source)
    errors = [
        {
            "code": issue.code,
            "pointer": f"{prefix}/{n}{issue.pointer}",
            "detail": issue.message,
        }
        for issue in issues
    ]
    finding: JsonObject = {
        "index": n,
        "valid": not errors,
        "type": envelope.type,
        "warnings": [
            {"code": code, "pointer": f"{prefix}/{n}{pointer}"}
            for code, pointer in warnings
        ],
    }
    return finding | ({**errors[0], "errors": errors} if errors else {})


def _parse_items(capture_request: CaptureRequest) -> Callable[[bytes], Parsed]:
    kind = (
        capture_request.request.headers.get("Content-Type", "")
        .partition(";")[0]
        .lower()
    )
    return partial(services.parse_native, are_lines=kind.strip() in _LINES)


def _items(parsed: Parsed, *, is_single: bool = False) -> services.Items:
    items = services.native_items(parsed, is_single=is_single)
    if items is None:
        raise ApiError(
            422,
            "unknown_shape",
            'Send {"captures": [...]}, a list, or one JSON object a line.',
            pointer="/captures" if isinstance(parsed.value, dict) else "",
        )
    if len(items.items) > services.NATIVE_ITEMS:
        raise too_many_items(Limits())
    return items


def _once(
    capture_request: CaptureRequest, parsed: Parsed, run: Callable[[], HttpResponse]
) -> HttpResponse:
    """Run a request, or give the answer again that its Idempotency-Key has."""
    text = capture_request.request.headers.get("Idempotency-Key")
    if text is None:
        return run()
    text = text.strip().removeprefix('"').removesuffix('"')
    if not is_plain_key(text):
        raise ApiError(
            400,
            "idempotency_key_invalid",
            f"Send an Idempotency-Key of 1 to {LONGEST_KEY} plain characters.",
        )
    mark = hashlib.sha256(payload_text(parsed.value).encode()).hexdigest()
    path = capture_request.request.path_info.rstrip("/")
    lease = services.claim_key(capture_request.required_key.pk, path, text, mark)
    if lease.answer is not None:
        answer = HttpResponse(lease.answer["body"], status=lease.answer["status"])
        answer["Content-Type"] = lease.answer["content_type"]
        answer["Idempotent-Replayed"] = "true"
        return answer
    if lease.outcome != "run":
        raise _taken(lease.outcome)
    return _run_leased(capture_request, lease, run)


def _taken(outcome: str) -> ApiError:
    if outcome == "reused":
        return ApiError(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key came with another body before. Use a new one.",
        )
    refusal = ApiError(
        409,
        "idempotency_in_progress",
        "The first request with this Idempotency-Key is at work. Try again.",
    )
    refusal.headers["Retry-After"] = "1"
    return refusal


def _run_leased(
    capture_request: CaptureRequest, lease: Lease, run: Callable[[], HttpResponse]
) -> HttpResponse:
    response: HttpResponse | None = None
    try:
        try:
            response = run()
        except ApiError as refusal:
            response = problem_response(capture_request.request, refusal)
            services.count_refusal(
                refusal.code,
                key=capture_request.key,
                operation=capture_request.operation,
            )
        return response
    finally:
        finish_lease(lease, _answer_to_keep(response))


def _answer_to_keep(response: HttpResponse | None) -> JsonObject | None:
    """Return what a repeat is answered; None where it is to try again."""
    if response is None or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if response.status_code in _NOT_STORED:
        return None
    return {
        "status": response.status_code,
        "content_type": response["Content-Type"],
        "body": response.content.decode(),
    }


batch_view = endpoint(_batch, methods=("POST",))
validate_view = endpoint(_validate, methods=("POST",))

__all__ = ["batch_view", "single", "validate_view"]
