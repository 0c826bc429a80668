"""Which addresses are for captures: none where the app is not installed."""

from __future__ import annotations

from django.apps import apps

HAS_CAPTURE = apps.is_installed("capture")

if HAS_CAPTURE:
    from capture.paths import is_capture_path
else:

    def is_capture_path(path: str) -> bool:
        """Tell whether pages of other sites send to this path."""
        return False


__all__ = ["HAS_CAPTURE", "is_capture_path"]
