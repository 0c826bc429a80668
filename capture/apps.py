"""Adds what captures know to the customers' figures and to exports."""

from __future__ import annotations

from django.apps import AppConfig


class CaptureConfig(AppConfig):
    """What arrives from outside."""

    name = "capture"
    verbose_name = "Capture"

    def ready(self) -> None:
        from capture.services import (  # noqa: PLC0415 - models are ready
            CAPTURE_SOURCE,
            activity,
            capture_columns,
            load_latest,
        )
        from customers.services import (  # noqa: PLC0415 - models are ready
            register_columns,
            register_stats_provider,
        )

        register_stats_provider(activity)
        register_columns(CAPTURE_SOURCE, load_latest, capture_columns())
