"""The refresh token in a cookie, for pages of the hub's own origin.

The long-lived token is the one to protect: no script reads it, the browser sends it to
the endpoints of signing in alone, and never for a page of another site. A page of ours
that wants the next access token for it shows a CSRF token.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import CSRFCheck

from audit import accounts
from audit.rest.exceptions import ApiError

PATH = "/api/v1/auth/"
_ELSEWHERE = (
    "A cookie is for pages of the hub's own origin, or of one that "
    "HOLDFAST_TRUSTED_ORIGINS names. Leave cookie out, and keep both tokens in memory."
)
_STALE = "Get a token from /api/v1/auth/csrf, and send it as X-CSRFToken."


def require_trusted_page(request: HttpRequest) -> None:
    """Raise ApiError unless `Origin` is the hub's own, or a trusted one."""
    if not is_trusted_page(request):
        raise ApiError(403, "origin_not_allowed", _ELSEWHERE)


def is_trusted_page(request: HttpRequest) -> bool:
    """Tell whether `Origin` is the hub's own, or a trusted one.

    Browsers send it with every POST, and no page can change it.
    """
    # The comparison that Django makes for forms: scheme, host and port.
    check = _check()
    return "Origin" in request.headers and bool(check._origin_verified(request))  # type: ignore[attr-defined]  # left out of the stubs


def require_csrf_token(request: HttpRequest) -> None:
    """Raise ApiError unless `X-CSRFToken` fits the browser's CSRF cookie."""
    check = _check()
    check.process_request(request)
    if check.process_view(request, _done, (), {}):
        raise ApiError(403, "csrf_failed", _STALE)


def token_in(request: HttpRequest) -> str:
    """Return the refresh token that the browser sends; empty when it has none."""
    return request.COOKIES.get(settings.REFRESH_COOKIE_NAME, "")


def set_cookie(response: HttpResponse, tokens: accounts.Tokens) -> None:
    """Give the browser the refresh token, for as long as it can be used."""
    response.set_cookie(
        settings.REFRESH_COOKIE_NAME,
        tokens.refresh,
        max_age=tokens.refresh_expires_in,
        path=PATH,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )


def delete_cookie(response: HttpResponse) -> None:
    """Let the browser forget it."""
    name = settings.REFRESH_COOKIE_NAME
    response.delete_cookie(name, path=PATH, samesite="Strict")
    response.cookies[name]["secure"] = settings.HTTPS
    response.cookies[name]["httponly"] = True


def _check() -> CSRFCheck:
    return CSRFCheck(_done)


def _done(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()
