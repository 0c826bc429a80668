"""Responses of the capture endpoints, always JSON."""

from __future__ import annotations

from collections import Counter

from django.http import HttpRequest, JsonResponse

from audit.json_text import JsonObject
from audit.rest.exceptions import ApiError
from audit.rest.problems import problem_item
from audit.tenancy.actors import operation_of
from capture.choices import IngestStatus
from capture.envelope import IngestResult

_MESSAGES = {
    "accepted": "Captured.",
    "duplicate": "Known already; nothing was added.",
}


def captured(result: IngestResult, *, show_customer: bool) -> JsonResponse:
    """Return the answer of the requirement routes.

    A publishable key learns no customer id: an id carries its creation time, and would
    tell a stranger whether an address was known.
    """
    customer_id = result.customer_id if show_customer else None
    return JsonResponse(
        {
            "success": True,
            "status": result.status,
            "capture_id": str(result.capture_id),
            "customer_id": str(customer_id) if customer_id else None,
            "duplicate": result.status == IngestStatus.DUPLICATE,
            "message": _MESSAGES[result.status],
            "warnings": result.warnings,
        }
    )


def error_of_result(result: IngestResult) -> ApiError:
    """Return the answer to a single message that was not taken."""
    is_conflict = result.status == IngestStatus.CONFLICT
    more: JsonObject = {"quarantine_id": str(result.quarantine_id)}
    if is_conflict:
        more["capture_id"] = str(result.capture_id)
    return ApiError(
        409 if is_conflict else 422,
        result.code or "internal_error",
        result.detail or "",
        pointer=result.pointer or "",
        **more,
    )


def strict_error(results: list[IngestResult], status: int) -> ApiError:
    """Return the answer to a strict batch with something wrong in it."""
    return ApiError(
        status,
        "strict_mode",
        "Some items are wrong, so none was accepted. Correct them and send all again.",
        errors=[
            problem_item(
                f"/{v.position}{v.pointer or ''}", v.code or "", v.detail or ""
            )
            | {"quarantine_id": str(v.quarantine_id)}
            for v in results
        ],
    )


def batch(
    request: HttpRequest,
    results: list[IngestResult],
    *,
    show_customer: bool,
    prefix: str = "",
) -> JsonResponse:
    """Return the response to a batch, with a result for each item in order."""
    body = {
        "success": True,
        "request_id": str(operation_of(request).id),
        **counted(results, show_customer=show_customer, prefix=prefix),
    }
    response = JsonResponse(body)
    refused = body["quarantined"] + body["conflicts"]
    if refused:
        response["X-Capture-Quarantined"] = str(refused)
    return response


def counted(
    results: list[IngestResult], *, show_customer: bool = False, prefix: str = ""
) -> JsonObject:
    """Return the result of each item, and their counts by status."""
    counts = Counter(result.status for result in results)
    return {
        "received": len(results),
        "accepted": counts[IngestStatus.ACCEPTED],
        "duplicates": counts[IngestStatus.DUPLICATE],
        "conflicts": counts[IngestStatus.CONFLICT],
        "quarantined": counts[IngestStatus.QUARANTINED],
        "retry": counts[IngestStatus.RETRY],
        "results": [_result(v, prefix, show_customer=show_customer) for v in results],
    }


def _result(result: IngestResult, prefix: str, *, show_customer: bool) -> JsonObject:
    values = {
        "message_id": result.message_id,
        "capture_id": result.capture_id,
        "customer_id": result.customer_id if show_customer else None,
        "quarantine_id": result.quarantine_id,
        "code": result.code,
        "detail": result.detail,
    }
    answer: JsonObject = {"index": result.position, "status": result.status}
    answer |= {name: str(value) for name, value in values.items() if value is not None}
    if result.pointer is not None:
        answer["pointer"] = f"{prefix}/{result.position}{result.pointer}"
    if result.warnings:
        answer["warnings"] = result.warnings
    return answer
