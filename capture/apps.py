"""Connects captures to the customers' figures."""

from __future__ import annotations

from django.apps import AppConfig


class CaptureConfig(AppConfig):
    """What arrives from outside."""

    name = "capture"
    verbose_name = "Capture"
