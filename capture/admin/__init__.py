"""The pages of captures."""

from __future__ import annotations

from capture.admin import captures, keys, projections, quarantine

__all__ = ["captures", "keys", "projections", "quarantine"]
