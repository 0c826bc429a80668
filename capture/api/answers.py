"""Answers of the capture routes: JSON always, an error page never."""

from __future__ import annotations

import re
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from audit.actors import operation_of
from capture.choices import Status
from capture.envelope import Verdict

if TYPE_CHECKING:
    from capture.models import ApiKey
    from capture.services import Budget

_WORD = re.compile(r"[a-z_.-]{1,30}|v[0-9]")
_MESSAGES = {
    "accepted": "Captured.",
    "duplicate": "Known already; nothing was added.",
}


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is not taken: status, code, a sentence with the fix."""

    def __init__(
        self, status: int, code: str, message: str, *, pointer: str = "", **more: Any
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.pointer, self.more = pointer, more
        self.headers: dict[str, str] = {}
        # A key that is known and may not do this.
        self.key: ApiKey | None = None


def problem(request: HttpRequest, refusal: Refusal) -> JsonResponse:
    """Return a problem document (RFC 9457). It never repeats what was sent."""
    errors = []
    if refusal.pointer:
        errors = [_error(refusal.pointer, refusal.code, refusal.message)]
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "code": refusal.code,
        "message": refusal.message,
        "detail": refusal.message,
        "instance": _instance(request),
        "request_id": str(operation_of(request).id),
        "errors": errors,
        **refusal.more,
    }
    response = JsonResponse(body, status=refusal.status)
    response["Content-Type"] = "application/problem+json"
    for name, value in refusal.headers.items():
        response[name] = value
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def tell_budget(response: HttpResponse, budget: Budget) -> None:
    """Say how many requests are left (draft-ietf-httpapi-ratelimit-headers).

    `q` at once, of which `r` are left; after `w` seconds without any, or `t` from now,
    all are there again.
    """
    rate = budget.rate
    window = max(rate.burst // rate.per_second, 1)
    response["RateLimit-Policy"] = f'"default";q={rate.burst};w={window}'
    response["RateLimit"] = f'"default";r={budget.remaining};t={budget.full_after}'


def _instance(request: HttpRequest) -> str:
    """Return the path without what it holds: an address, a key, an id."""
    match = request.resolver_match
    steps = request.path_info.split("/")
    if match is None or not match.kwargs:
        # A fixed address, or none of ours: words are names of ours, most likely.
        known = [s if _WORD.fullmatch(s) or not s else "{unknown}" for s in steps]
        return "/".join(known)
    names = {str(value): f"{{{name}}}" for name, value in match.kwargs.items()}
    # What varies stands behind the fixed beginning, which may read the same.
    fixed = match.route.lstrip("^").partition("(")[0].partition("<")[0].count("/") + 1
    return "/".join(
        [*steps[:fixed], *(names.get(step, step) for step in steps[fixed:])]
    )


def captured(verdict: Verdict, *, show_customer: bool) -> JsonResponse:
    """Return the answer of the requirement routes.

    A publishable key learns no customer id: an id carries its creation time, and would
    tell a stranger whether an address was known.
    """
    customer_id = verdict.customer_id if show_customer else None
    return JsonResponse(
        {
            "success": True,
            "status": verdict.status,
            "capture_id": str(verdict.capture_id),
            "customer_id": str(customer_id) if customer_id else None,
            "duplicate": verdict.status == Status.DUPLICATE,
            "message": _MESSAGES[verdict.status],
            "warnings": verdict.warnings,
        }
    )


def refusal_of_verdict(verdict: Verdict) -> Refusal:
    """Return the answer to a single message that was not taken."""
    is_conflict = verdict.status == Status.CONFLICT
    more = {"quarantine_id": str(verdict.quarantine_id)}
    if is_conflict:
        more["capture_id"] = str(verdict.capture_id)
    return Refusal(
        409 if is_conflict else 422,
        verdict.code or "internal_error",
        verdict.detail or "",
        pointer=verdict.pointer or "",
        **more,
    )


def strict_refusal(verdicts: list[Verdict], status: int) -> Refusal:
    """Return the answer to a strict batch with something wrong in it."""
    return Refusal(
        status,
        "strict_mode",
        "Some items are wrong, so none was accepted. Correct them and send all again.",
        errors=[
            _error(f"/{v.index}{v.pointer or ''}", v.code or "", v.detail or "")
            | {"quarantine_id": str(v.quarantine_id)}
            for v in verdicts
        ],
    )


def batch(
    request: HttpRequest,
    verdicts: list[Verdict],
    *,
    show_customer: bool,
    prefix: str = "",
) -> JsonResponse:
    """Return the answer to a batch: each item once, in the order it came."""
    body = {
        "success": True,
        "request_id": str(operation_of(request).id),
        **counted(verdicts, show_customer=show_customer, prefix=prefix),
    }
    response = JsonResponse(body)
    refused = body["quarantined"] + body["conflicts"]
    if refused:
        response["X-Capture-Quarantined"] = str(refused)
    return response


def counted(
    verdicts: list[Verdict], *, show_customer: bool = False, prefix: str = ""
) -> dict[str, Any]:
    """Return what became of each item, and how many became what."""
    counts = Counter(verdict.status for verdict in verdicts)
    return {
        "received": len(verdicts),
        "accepted": counts[Status.ACCEPTED],
        "duplicates": counts[Status.DUPLICATE],
        "conflicts": counts[Status.CONFLICT],
        "quarantined": counts[Status.QUARANTINED],
        "retry": counts[Status.RETRY],
        "results": [_result(v, prefix, show_customer=show_customer) for v in verdicts],
    }


def _result(verdict: Verdict, prefix: str, *, show_customer: bool) -> dict[str, Any]:
    values = {
        "message_id": verdict.message_id,
        "capture_id": verdict.capture_id,
        "customer_id": verdict.customer_id if show_customer else None,
        "quarantine_id": verdict.quarantine_id,
        "code": verdict.code,
        "detail": verdict.detail,
    }
    result: dict[str, Any] = {"index": verdict.index, "status": verdict.status}
    result |= {name: str(value) for name, value in values.items() if value is not None}
    if verdict.pointer is not None:
        result["pointer"] = f"{prefix}/{verdict.index}{verdict.pointer}"
    if verdict.warnings:
        result["warnings"] = verdict.warnings
    return result


def _error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}
