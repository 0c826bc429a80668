"""The capture routes of the source documents."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from capture.api.answers import Refusal, captured, problem
from capture.api.authentication import (
    actor_of,
    key_in_headers,
    require_key,
    take_key,
)
from capture.choices import CaptureType, KeyKind, Status, Trust
from capture.parsing import Parsed, ParseError, parse_body
from capture.services import build_envelopes, ingest

logger = logging.getLogger(__name__)

_LIMIT = 1_000_000
_LIMITS = {CaptureType.QUESTIONNAIRE: 8_000_000}
_TRUST = {KeyKind.PUBLISHABLE: Trust.BROWSER, KeyKind.SECRET: Trust.SERVER}

View = Callable[[HttpRequest], HttpResponse]


def capture_view(kind: str, *, methods: tuple[str, ...] = ("POST",)) -> View:
    """Return the view that captures messages of one type.

    Exempt from CSRF because it looks at no cookie: a key stands in the request.
    """

    @csrf_exempt
    @transaction.non_atomic_requests
    def view(request: HttpRequest) -> HttpResponse:
        try:
            if request.method not in methods:
                raise Refusal(
                    405, "method_not_allowed", f"Use {' or '.join(methods)} here."
                )
            return _take(request, kind)
        except Refusal as refusal:
            response = problem(request, refusal)
            if refusal.status == 405:  # noqa: PLR2004 - the status itself
                response["Allow"] = ", ".join(methods)
            return response
        except DatabaseError:
            logger.exception("capture failed: %s", request.operation.id)  # type: ignore[attr-defined]
            response = problem(
                request, Refusal(503, "unavailable", "Try again in a moment.")
            )
            response["Retry-After"] = "1"
            return response
        except Exception:
            # The last resort: a client of this door cannot read an error page.
            logger.exception("capture failed: %s", request.operation.id)  # type: ignore[attr-defined]
            fault = Refusal(500, "internal_error", "This is our fault. It is logged.")
            return problem(request, fault)

    return view


def _take(request: HttpRequest, kind: str) -> HttpResponse:
    received_at = timezone.now()
    text = key_in_headers(request)
    # Before the body is read: a stranger costs nothing more than a look.
    key = require_key(request, text) if text else None
    raw = _read(request, _LIMITS.get(CaptureType(kind), _LIMIT))
    try:
        parsed = parse_body(raw)
    except ParseError as error:
        if key is None:
            require_key(request, None)
        raise Refusal(error.status, error.code, error.message) from error
    body = parsed.value if isinstance(parsed.value, dict) else {}
    text = take_key(body, text)
    key = key or require_key(request, text)
    if not body:
        raise Refusal(422, "item_not_object", "Send one JSON object with an e-mail.")
    envelopes = build_envelopes(
        kind, body, received_at=received_at, **_context(request, key, parsed)
    )
    if fault := envelopes[0].problem:
        raise Refusal(422, fault.code, fault.message, pointer=fault.pointer)
    verdict = ingest(envelopes, source=key.source, actor=actor_of(key, request))[0]
    if verdict.status == Status.CONFLICT:
        raise Refusal(
            409,
            "message_id_conflict",
            "A message with this id and other content was captured before.",
            capture_id=str(verdict.capture_id),
        )
    return captured(verdict, show_customer=key.kind == KeyKind.SECRET)


def _context(request: HttpRequest, key: Any, parsed: Parsed) -> dict[str, Any]:
    operation = request.operation  # type: ignore[attr-defined]
    return {
        "trust": _TRUST[key.kind],
        "key_id": key.pk,
        "ip": operation.ip,
        "user_agent": operation.user_agent,
        "gpc": True if request.headers.get("Sec-GPC") == "1" else None,
        "warnings": tuple(parsed.warnings),
    }


def _read(request: HttpRequest, limit: int) -> bytes:
    """Return the body, counted while it is read."""
    if "Transfer-Encoding" in request.headers and not request.headers.get(
        "Content-Length"
    ):
        # A server gateway hands chunked bodies on as empty ones.
        raise Refusal(411, "length_required", "Send Content-Length, not chunks.")
    try:
        raw = request.read(limit + 1)
    except OSError as error:
        raise Refusal(400, "incomplete_body", "The body broke off.") from error
    if len(raw) > limit:
        raise Refusal(
            413,
            "too_large",
            f"The body has more than {limit} bytes. Send less at once.",
            limit_bytes=limit,
        )
    return raw
