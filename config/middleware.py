"""What happens around every request: its operation, its log line, its headers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from audit import accounts
from audit.tenancy.actors import OperationContext, Via, operation_of
from audit.timezones import no_second_zone
from config.errors import wants_problem
from config.logs import request_id
from config.paths import is_capture_path

logger = logging.getLogger("holdfast.access")

_CAPTURE = (
    "/api/data-capture",
    "/api/customer-data",
    "/api/v1/tracking",
    "/api/v1/captures",
    "/api/v1/webhooks",
    "/v1/",
    "/beacon/",
)
_PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)
_MAX_AGENT = 1000
_MAX_ROUTE = 200
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)


class OperationMiddleware:
    """Gives each request its operation, whose id is the request id of the answer.

    The operation is written with the first change or personal data shown; a request
    that does neither leaves no row.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        operation = OperationContext(
            via=_via(request.path_info),
            route=_route(request.path_info),
            method=_method(request),
            ip=_address(request),
            user_agent=request.headers.get("User-Agent", "")[:_MAX_AGENT] or None,
            origin=request.headers.get("Origin", "")[:255] or None,
        )
        request.operation = operation  # type: ignore[attr-defined]  # set at run time, not on the type
        started = time.perf_counter()
        token = request_id.set(str(operation.id))
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = str(operation.id)
            _log(request, response, time.perf_counter() - started)
        finally:
            request_id.reset(token)
        return response


class HeadersMiddleware:
    """Adds what browsers are told beyond Django's own security headers.

    Pages and files stay with our own site; only the capture doors are for the pages of
    others.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        readers = (
            "cross-origin" if is_capture_path(request.path_info) else "same-origin"
        )
        response.setdefault("Cross-Origin-Resource-Policy", readers)
        response.setdefault("Permissions-Policy", _PERMISSIONS)
        return response


class ZoneMiddleware:
    """Ends with each request the time zone that a page was drawn in.

    Pages of the admin choose it (`customers.admin.timezones`); all else is in UTC.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.zone = None  # type: ignore[attr-defined]  # set at run time, not on the type
        with timezone.override(None), no_second_zone():
            return self.get_response(request)


class NameMiddleware:
    """Leads pages of the demo from the number of this machine to its name.

    Browsers keep passkeys for names alone, and what they hold of a session for one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin: str = settings.LOCAL_ORIGIN
        if origin and _is_page(request) and _is_number(request.get_host()):
            return redirect(settings.LOCAL_ORIGIN + request.get_full_path())
        return self.get_response(request)


class LanguageMiddleware:
    """Draws pages in the language that the person has chosen, else in the browser's.

    Programs read English: their answers are compared, and go into other people's logs.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if wants_problem(request):
            return self.get_response(request)
        language = translation.get_language_from_request(request)
        if request.user.is_authenticated:
            language = accounts.language_of(request.user) or language
        request.LANGUAGE_CODE = language
        with translation.override(language):
            response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            # Files that are handed out are the same for everybody.
            response.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response


def _is_page(request: HttpRequest) -> bool:
    is_read = request.method in ("GET", "HEAD")
    return is_read and request.path_info.startswith(("/admin/", "/demo/"))


def _is_number(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _log(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    # The person of the session if something has asked for it; a log asks nobody.
    user = getattr(request, "_cached_user", None)
    logger.info(
        "request",
        extra={
            "method": operation_of(request).method,
            "route": operation_of(request).route,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 1),
            "user_id": getattr(user, "pk", None),
            "key_id": getattr(request, "key_id", None),
        },
    )


def _address(request: HttpRequest) -> str | None:
    """Return the caller's address, in its short form.

    Of X-Forwarded-For only what our own proxies added is believed: the last entries,
    as many as there are proxies. Everything before them anybody can write.
    """
    text = request.META.get("REMOTE_ADDR", "")
    proxies: int = settings.TRUSTED_PROXIES
    if proxies:
        hops = request.headers.get("X-Forwarded-For", "").split(",")
        text = hops[-proxies].strip() if len(hops) >= proxies else text
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _method(request: HttpRequest) -> str:
    # Of anything else, which somebody made up, only that it was no method.
    return request.method if request.method in _METHODS else "other"


def _via(path: str) -> Via:
    if path.startswith("/admin"):
        return "admin"
    if path.startswith(_CAPTURE):
        return "capture"
    return "api"


def _route(path: str) -> str:
    # The pattern, never the path: a path can hold an address or an id.
    if path.startswith(settings.STATIC_URL):
        return f"{settings.STATIC_URL}*"
    try:
        return f"/{resolve(path).route}"[:_MAX_ROUTE]
    except Resolver404:
        return "unknown"
