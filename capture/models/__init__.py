"""The tables of captures."""

from __future__ import annotations

from capture.models.capture import Capture, CaptureLink
from capture.models.projections import Login, Signup
from capture.models.source import ApiKey, Source

__all__ = ["ApiKey", "Capture", "CaptureLink", "Login", "Signup", "Source"]
