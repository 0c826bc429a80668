"""Which addresses pages of other sites send to. Asks nothing but the settings."""

from __future__ import annotations

from django.conf import settings

_PATHS = (
    "/api/customer-data/capture-",
    "/api/data-capture/payment",
    "/api/data-capture/questionnaire",
    "/api/data-capture/dashboard",
    "/api/v1/tracking/profiles",
    "/api/v1/tracking/logins",
    "/api/v1/captures",
    "/v1/",
    "/beacon/",
)


def is_capture_path(path: str) -> bool:
    """Tell whether pages of other sites send to this path."""
    prefix = str(settings.SDK_PREFIX).strip("/")
    return path.startswith(_PATHS) or bool(prefix and path.startswith(f"/{prefix}/"))
