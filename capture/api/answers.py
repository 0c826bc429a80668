"""Answers of the capture routes: JSON always, an error page never."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, JsonResponse

from audit.rest.exceptions import ApiError
from audit.rest.problems import problem_item
from audit.tenancy.actors import operation_of
from capture.choices import Status
from capture.envelope import Verdict

_MESSAGES = {
    "accepted": "Captured.",
    "duplicate": "Known already; nothing was added.",
}


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


def refusal_of_verdict(verdict: Verdict) -> ApiError:
    """Return the answer to a single message that was not taken."""
    is_conflict = verdict.status == Status.CONFLICT
    more: dict[str, Any] = {"quarantine_id": str(verdict.quarantine_id)}
    if is_conflict:
        more["capture_id"] = str(verdict.capture_id)
    return ApiError(
        409 if is_conflict else 422,
        verdict.code or "internal_error",
        verdict.detail or "",
        pointer=verdict.pointer or "",
        **more,
    )


def strict_refusal(verdicts: list[Verdict], status: int) -> ApiError:
    """Return the answer to a strict batch with something wrong in it."""
    return ApiError(
        status,
        "strict_mode",
        "Some items are wrong, so none was accepted. Correct them and send all again.",
        errors=[
            problem_item(f"/{v.index}{v.pointer or ''}", v.code or "", v.detail or "")
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
