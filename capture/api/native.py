"""The native routes: one capture, a batch, and a look that stores nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from django.http import HttpResponse, JsonResponse

from audit.rest.exceptions import ApiError
from audit.rest.idempotency import Lease, finish_lease
from audit.rest.problems import problem_response
from capture import services
from capture.adapters import SCREENSHOT_KEYS, is_cloudevent, snake
from capture.api.answers import batch
from capture.api.doors import (
    Limits,
    Visit,
    endpoint,
    read_body,
    refusal_of,
    too_large,
    too_many_items,
)
from capture.api.views import answer_one, keep, parse_for
from capture.envelope import Envelope
from capture.parsing import Parsed, ParseError, Piece, parse_body, payload_text

_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_MAX_KEY = 255
# Outcomes after which a repeat has to run again.
_NOT_STORED = (401, 403, 408, 413, 415, 429)


# A screenshot needs room; without one a body has the usual limit.
_ROOMY = Limits(wire=8_000_000, unpacked=8_000_000)


def single(visit: Visit) -> HttpResponse:
    visit.unlock_by_headers()
    parsed, size = parse_for(visit, _ROOMY, _unless_large(visit, parse_body))
    _check_size(visit, parsed.value, size)
    visit.unlock_by_body(parsed.value)
    visit.spend(1, size)
    return _once(visit, parsed, lambda: _take_one(visit, parsed))


def _take_one(visit: Visit, parsed: Parsed) -> HttpResponse:
    headers, facts = visit.request.headers, visit.facts()
    item = Piece(parsed.text, parsed.value, warnings=tuple(parsed.warnings))
    if is_cloudevent(headers, parsed.value):
        envelopes = services.build_cloudevent(headers, item, **facts)
    else:
        envelopes = services.build_native(item, **facts)
    return answer_one(visit, keep(visit, envelopes)[0])


def _batch(visit: Visit) -> HttpResponse:
    visit.unlock_by_headers()
    parsed, size = parse_for(visit, _ROOMY, _unless_large(visit, _parse_items(visit)))
    _check_size(visit, parsed.value, size)
    visit.unlock_by_body(parsed.value)
    items = _items(parsed)
    visit.spend(len(items.items), size)
    return _once(visit, parsed, lambda: _take_all(visit, items))


def _unless_large(
    visit: Visit, parse: Callable[[bytes], Parsed]
) -> Callable[[bytes], Parsed]:
    """Return a parser that does not begin with a large body that has no picture."""

    def check(raw: bytes) -> Parsed:
        if _is_large(visit, len(raw)) and b"creenshot" not in raw:
            raise too_large(Limits())
        return parse(raw)

    return check


def _is_large(visit: Visit, size: int) -> bool:
    limits = Limits()
    return visit.wire_size > limits.wire or size > limits.unpacked


def _check_size(visit: Visit, value: Any, size: int) -> None:
    if _is_large(visit, size) and not _has_picture(value):
        raise too_large(Limits())


def _has_picture(value: Any) -> bool:
    inside = value.get("captures", [value]) if isinstance(value, dict) else value
    items = inside if isinstance(inside, list) else []
    keys = (key for item in items if isinstance(item, dict) for key in item)
    return any(snake(key) in SCREENSHOT_KEYS for key in keys)


def _take_all(visit: Visit, items: services.Items) -> HttpResponse:
    # A profile that tells of a login is two messages, and one item of the answer.
    facts = {**visit.facts(), "sent_at": items.sent_at}
    groups = [services.build_native(item, **facts) for item in items.items]
    verdicts = iter(keep(visit, [e for group in groups for e in group]))
    answers = []
    for n, group in enumerate(groups):
        item_verdicts = [next(verdicts) for _ in group]
        answers.append(replace(item_verdicts[0], index=n))
    return batch(
        visit.request, answers, show_customer=visit.is_secret, prefix=items.prefix
    )


def _validate(visit: Visit) -> HttpResponse:
    visit.unlock_by_headers()
    limits = Limits()
    parsed, size = parse_for_nothing(visit, limits)
    visit.unlock_by_body(parsed.value)
    visit.spend(1, size)
    listed = _items(parsed, is_single=True)
    findings = [
        _finding(n, envelope, listed.prefix)
        for n, envelope in enumerate(_read_dry(visit, listed.items))
    ]
    return JsonResponse(
        {
            "success": True,
            "valid": all(finding["valid"] for finding in findings),
            "received": len(findings),
            "results": findings,
        }
    )


def parse_for_nothing(visit: Visit, limits: Limits) -> tuple[Parsed, int]:
    """Return the values of a body of which nothing is to be kept."""
    raw = read_body(visit, limits)
    try:
        return _parse_items(visit)(raw), len(raw)
    except ParseError as error:
        if visit.key is None:
            visit.unlock_by_body(None)
        raise refusal_of(error) from error


def _read_dry(visit: Visit, items: list[Any]) -> list[Envelope]:
    # Without a business no file is written either.
    facts = {**visit.facts(), "business_id": None}
    return [services.build_native(item, **facts)[0] for item in items]


def _finding(n: int, envelope: Envelope, prefix: str) -> dict[str, Any]:
    issue = envelope.issue
    finding: dict[str, Any] = {
        "index": n,
        "valid": issue is None,
        "type": envelope.type,
        "warnings": [
            {"code": code, "pointer": f"{prefix}/{n}{pointer}"}
            for code, pointer in envelope.warnings
        ],
    }
    if issue is not None:
        finding |= {
            "code": issue.code,
            "pointer": f"{prefix}/{n}{issue.pointer}",
            "detail": issue.message,
        }
    return finding


def _parse_items(visit: Visit) -> Callable[[bytes], Parsed]:
    kind = visit.request.headers.get("Content-Type", "").partition(";")[0].lower()
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
    visit: Visit, parsed: Parsed, run: Callable[[], HttpResponse]
) -> HttpResponse:
    """Run a request, or give the answer again that its Idempotency-Key has."""
    text = visit.request.headers.get("Idempotency-Key")
    if text is None:
        return run()
    text = text.strip().removeprefix('"').removesuffix('"')
    if not text or len(text) > _MAX_KEY:
        raise ApiError(
            400,
            "idempotency_key_invalid",
            f"Send an Idempotency-Key of 1 to {_MAX_KEY} characters.",
        )
    mark = hashlib.sha256(payload_text(parsed.value).encode()).hexdigest()
    path = visit.request.path_info.rstrip("/")
    lease = services.claim_key(visit.key.pk, path, text, mark)
    if lease.answer is not None:
        answer = HttpResponse(lease.answer["body"], status=lease.answer["status"])
        answer["Content-Type"] = lease.answer["content_type"]
        answer["Idempotent-Replayed"] = "true"
        return answer
    if lease.outcome != "run":
        raise _taken(lease.outcome)
    return _run_leased(visit, lease, run)


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
    visit: Visit, lease: Lease, run: Callable[[], HttpResponse]
) -> HttpResponse:
    response: HttpResponse | None = None
    try:
        try:
            response = run()
        except ApiError as refusal:
            response = problem_response(visit.request, refusal)
            services.count_refusal(
                refusal.code, key=visit.key, operation=visit.operation
            )
        return response
    finally:
        finish_lease(lease, _answer_to_keep(response))


def _answer_to_keep(response: HttpResponse | None) -> dict[str, Any] | None:
    """Return what a repeat is answered; None where it is to try again."""
    if response is None or response.status_code >= 500:  # noqa: PLR2004
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
