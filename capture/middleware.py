"""Cross-origin headers on every answer of the capture routes, errors included.

An error without them is a network error to a page, which then sends a stored event
again. So this stands before all that answers, and asks the keys which origins are
welcome.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from audit.database.outages import is_unavailable
from capture import services
from capture.paths import is_capture_path

_READ = "/api/v1/captures"
_HEADERS = (
    "authorization, content-type, content-encoding, idempotency-key, x-capture-key, "
    "x-strict-mode, x-retry-count, anonymousid, sentat, rsa-retry-attempt, "
    "rsa-retry-reason, rsa-since-first-attempt, rsa-since-last-attempt"
)
_EXPOSED = (
    "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, X-Capture-Quarantined, "
    "Idempotent-Replayed"
)


class CorsMiddleware:
    """Answers preflights, and names the origin in every answer that it may read.

    Credentials are allowed for the exact origin because beacons with JSON carry them;
    cookies are never looked at there, and answers hold no personal data. Where staff
    read captures with a session, no page of another origin is let near.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = request.headers.get("Origin")
        if not is_capture_path(request.path_info) or _reads(request):
            return self.get_response(request)
        is_preflight = request.method == "OPTIONS"
        response = HttpResponse(status=204) if is_preflight else self._answer(request)
        patch_vary_headers(response, ["Origin"])
        if origin and _is_welcome(origin):
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Allow-Credentials"] = "true"
            response["Access-Control-Expose-Headers"] = _EXPOSED
            if is_preflight:
                response["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
                response["Access-Control-Allow-Headers"] = _HEADERS
                response["Access-Control-Max-Age"] = "7200"
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)


def _is_welcome(origin: str) -> bool:
    try:
        return bool(services.allowed_origin(origin))
    except DatabaseError as error:
        if not is_unavailable(error):
            raise
        # The answer says so itself; without the header the page comes again, too.
        return False


def _reads(request: HttpRequest) -> bool:
    method = request.headers.get("Access-Control-Request-Method", request.method)
    return method in ("GET", "HEAD") and request.path_info.startswith(_READ)
