"""Answers of the capture routes: JSON always, an error page never."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, JsonResponse

from capture.envelope import Verdict

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


def problem(request: HttpRequest, refusal: Refusal) -> JsonResponse:
    """Return a problem document (RFC 9457). It never repeats what was sent."""
    errors = []
    if refusal.pointer:
        errors = [
            {
                "pointer": refusal.pointer,
                "code": refusal.code,
                "detail": refusal.message,
            }
        ]
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "code": refusal.code,
        "message": refusal.message,
        "detail": refusal.message,
        "instance": request.path,
        "request_id": str(request.operation.id),  # type: ignore[attr-defined]
        "errors": errors,
        **refusal.more,
    }
    response = JsonResponse(body, status=refusal.status)
    response["Content-Type"] = "application/problem+json"
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def captured(verdict: Verdict, *, show_customer: bool) -> JsonResponse:
    """Return the answer of the capture routes.

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
            "duplicate": verdict.status == "duplicate",
            "message": _MESSAGES[verdict.status],
            "warnings": verdict.warnings,
        }
    )
