"""Problem documents (RFC 9457) of these endpoints; never with what was sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

_SENTENCES = {
    400: "The body cannot be read. Send one JSON object.",
    401: "Sign in, or send a valid token.",
    403: "You may not do this.",
    404: "There is nothing here.",
    405: "This method is not allowed here. Use one that Allow names.",
    406: "Only JSON can be answered. Ask for application/json.",
    415: "Only JSON is taken. Send Content-Type: application/json.",
    429: "Too many requests. Wait as long as Retry-After says.",
}
_CODES = {400: "malformed", 401: "not_authenticated", 403: "permission_denied"}


class Problem(exceptions.APIException):
    """An answer that is no success: status, code, a sentence with the fix."""

    def __init__(
        self, status: int, code: str, message: str, *, challenge: str = "", **more: Any
    ) -> None:
        super().__init__(message, code)
        self.status_code, self.default_code = status, code
        self.message, self.more = message, more
        self.auth_header, self.wait = challenge or None, more.pop("wait", None)


def problem_of(error: Exception, request: Any) -> Response | None:
    """Return the document of an error; None for what nobody expected."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    # An anonymous caller is one whatever the first authenticator calls it.
    is_anonymous = isinstance(error, exceptions.NotAuthenticated)
    status = 401 if is_anonymous else error.status_code
    message = getattr(error, "message", _SENTENCES.get(status, "It was refused."))
    code = _CODES.get(status) if not isinstance(error, Problem) else None
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code or str(error.default_code),
        "message": message,
        "detail": message,
        "instance": request.path_info,
        "request_id": str(request.operation.id),
        "errors": [],
        **getattr(error, "more", {}),
    }
    response = Response(body, status, content_type="application/problem+json")
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = getattr(error, "auth_header", None) or "Bearer"
    if getattr(error, "wait", None) is not None:
        response["Retry-After"] = str(error.wait)  # type: ignore[attr-defined]
    return response
