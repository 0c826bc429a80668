"""Adds what captures know to the customers' figures."""

from __future__ import annotations

from django.apps import AppConfig


class CaptureConfig(AppConfig):
    """What arrives from outside."""

    name = "capture"
    verbose_name = "Capture"

    def ready(self) -> None:
        from capture.services import activity  # noqa: PLC0415 - models are ready
        from customers.services import (  # noqa: PLC0415 - models are ready
            register_stats_provider,
        )

        register_stats_provider(activity)
