"""Adds what captures know to customers: figures, timelines, exports."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CaptureConfig(AppConfig):
    """What arrives from outside."""

    name = "capture"
    verbose_name = _("Capture")

    def ready(self) -> None:
        from audit.maintenance import (  # noqa: PLC0415 - models are ready
            register_cleanup,
            register_keyed,
        )
        from capture.models import IdentityReview  # noqa: PLC0415 - models are ready
        from capture.services import (  # noqa: PLC0415 - models are ready
            KEYED_SECRETS,
            capture_columns,
            columns_of_others,
            compute_activity,
            find_origins,
            forget_old_refusal_counts,
            key_hash_column,
            payments_named,
            quarantined_about,
            reviews_about,
            timeline_source,
            waiting_about,
        )
        from customers.services import (  # noqa: PLC0415 - models are ready
            register_columns,
            register_origin_source,
            register_payment_source,
            register_person_part,
            register_stats_provider,
            register_timeline_source,
        )

        register_stats_provider(compute_activity)
        register_columns(capture_columns())
        register_origin_source(find_origins)
        register_payment_source(payments_named)
        register_person_part(quarantined_about)
        register_person_part(reviews_about, {IdentityReview: columns_of_others})
        register_person_part(waiting_about)
        register_timeline_source(timeline_source)
        register_cleanup(forget_old_refusal_counts)
        register_keyed(KEYED_SECRETS)
        register_keyed(key_hash_column())
