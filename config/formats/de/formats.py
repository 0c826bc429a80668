"""Moments in numbers, as in SHORT_DATETIME_FORMAT: 27.11.2026 14:05."""

from __future__ import annotations

DATETIME_FORMAT = "d.m.Y H:i"
