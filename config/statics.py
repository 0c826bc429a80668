"""The headers of static files. Settings import this, so it imports nothing of ours."""

from __future__ import annotations

from wsgiref.headers import Headers

from django.conf import settings


def add_headers(headers: Headers, _path: str, url: str) -> None:
    """Let other sites load what is made for them, the capture script, and no more."""
    is_for_others = url.startswith(f"{settings.STATIC_URL}capture/")
    readers = "cross-origin" if is_for_others else "same-origin"
    headers["Cross-Origin-Resource-Policy"] = readers
    headers["X-Content-Type-Options"] = "nosniff"
