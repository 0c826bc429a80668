"""Pages of other origins that work with the staff API: those of HOLDFAST_API_ORIGINS.

They send a token themselves, so no cookie is ever for them: nothing here allows
credentials. The capture routes ask their keys instead (`capture.middleware`).
"""

from __future__ import annotations

from wsgiref.types import WSGIEnvironment

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpRequest

from config.paths import is_capture_path

_HOOKS = "/api/v1/webhooks"


class ApiCorsMiddleware(CorsMiddleware):
    """Answers preflights, and names the origin in each answer of the staff API.

    Stands outside of all that refuses: an error without these headers is a network
    error to a page, and a preflight that had to sign in would never be answered.
    """

    def is_enabled(self, request: HttpRequest) -> bool:
        return is_staff_api(request.path_info)


def is_staff_api(path: str) -> bool:
    """Tell whether people work through this path, rather than machines send to it."""
    return path.startswith("/api/") and not (
        path.startswith(_HOOKS) or is_capture_path(path)
    )


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Tell whether a browser asks first, which needs no right and no database."""
    return (
        environ.get("REQUEST_METHOD") == "OPTIONS"
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        and is_staff_api(environ.get("PATH_INFO", ""))
    )


def headers_for(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    """Return what the middleware adds, for an answer that is made before Django."""
    if not is_staff_api(environ.get("PATH_INFO", "")):
        return []
    headers = [("Vary", "origin")]
    origin = environ.get("HTTP_ORIGIN")
    if origin in settings.CORS_ALLOWED_ORIGINS:
        headers += [
            ("Access-Control-Allow-Origin", str(origin)),
            (
                "Access-Control-Expose-Headers",
                ", ".join(settings.CORS_EXPOSE_HEADERS),
            ),
        ]
    return headers
