"""Error pages: plain HTML for people, problem documents for programs, never a value.

What was sent is not repeated, and nothing of the inside is shown. The request id leads
from the page to the log.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.rest.exceptions import ApiError
from audit.rest.problems import problem_response
from audit.tenancy.actors import operation_of
from config.paths import is_capture_path

_TITLES = {
    400: _("Bad Request"),
    403: _("Forbidden"),
    404: _("Not Found"),
    411: _("Length Required"),
    413: _("Request Entity Too Large"),
    414: _("Request-URI Too Long"),
    429: _("Too Many Requests"),
    500: _("Internal Server Error"),
    503: _("Service Unavailable"),
}
_SENTENCES = {
    400: ("bad_request", _("The request cannot be understood. Go back and try again.")),
    403: (
        "forbidden",
        _("You may not do this. Ask an administrator for the permission."),
    ),
    404: ("not_found", _("There is nothing here. The address may be old or mistyped.")),
    411: ("length_required", _("Send Content-Length, not chunks.")),
    413: ("too_large", _("This is too much at once. Send less.")),
    414: ("uri_too_long", _("The address is too long. Ask for less at once.")),
    429: ("rate_limited", _("Too many requests. Wait a moment, then try again.")),
    500: ("internal_error", _("This is our fault. It is logged.")),
    503: (
        "unavailable",
        _("This cannot be done at the moment. Try again in a few seconds."),
    ),
}
_STALE = _(
    "The form was too old, or cookies are switched off. Go back, load the page again, "
    "and repeat."
)


def answer(
    request: HttpRequest,
    status: int,
    *,
    code: str = "",
    message: str | Promise = "",
    retry_after: int | None = None,
) -> HttpResponse:
    """Return the answer to a request that failed, in the form that its sender reads."""
    usual_code, usual_message = _SENTENCES[status]
    code, message = code or usual_code, message or usual_message
    response: HttpResponse
    if wants_problem(request):
        response = problem_response(request, ApiError(status, code, str(message)))
    else:
        # No context processor and no manifest: this page also says that those fail. The
        # plain names lie beside the hashed ones; without them it is still a page.
        context = {
            "title": _TITLES[status],
            "status": status,
            "message": message,
            "static_url": settings.STATIC_URL,
            "request_id": operation_of(request).id,
        }
        language = _language_of(request)
        with translation.override(language):
            page = render_to_string("error.html", context)
        response = HttpResponse(
            page, status=status, headers={"Content-Language": language}
        )
    response["Cache-Control"] = "no-store"
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def _language_of(request: HttpRequest) -> str:
    # Of the person, unless it failed before anybody knew who asks.
    chosen: str | None = getattr(request, "LANGUAGE_CODE", None)
    return chosen or translation.get_language_from_request(request)


def wants_problem(request: HttpRequest) -> bool:
    """Tell whether a program asks, which cannot read a page."""
    path = request.path_info
    return path.startswith(("/api/", "/healthz", "/readyz")) or is_capture_path(path)


def bad_request(request: HttpRequest, exception: object = None) -> HttpResponse:
    return answer(request, 400)


def forbidden(request: HttpRequest, exception: object = None) -> HttpResponse:
    return answer(request, 403)


def not_found(request: HttpRequest, exception: object = None) -> HttpResponse:
    return answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return answer(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the advice to a person; the reason goes to the log alone."""
    return answer(request, 403, code="csrf_failed", message=_STALE)
