"""What pages, endpoints, commands and other apps may call."""

from __future__ import annotations

from capture.services.browsing import (
    CursorError,
    Page,
    get_capture,
    get_quarantined,
    list_captures,
    list_quarantined,
    list_sightings,
    note_reading,
    note_subjects,
    page_of,
)
from capture.services.corrections import (
    correct_capture,
    corrections_of,
    current_payload,
)
from capture.services.counting import CaptureCounts, count_captures
from capture.services.idempotency import Claimed, claim, finish
from capture.services.ingest import StrictError, ingest
from capture.services.keys import (
    allowed_origin,
    create_key,
    find_key,
    get_key,
    get_or_create_source,
    issue_key,
    report_exposed_key,
    revoke_key,
    rotate_key,
)
from capture.services.limits import Budget, Rate, last_used, rates_of, take
from capture.services.profiles import (
    store_customer_profile,
    track_login_activity,
    update_customer_profile,
)
from capture.services.projecting import activity
from capture.services.quarantining import discard_quarantined
from capture.services.reading import (
    build_again,
    build_cloudevent,
    build_envelopes,
    build_native,
    build_segment,
    build_unreadable,
    build_webhook,
    event_names,
)
from capture.services.rebuilding import Difference, rebuild
from capture.services.refusals import count_refusal
from capture.services.replaying import replay_all, replay_quarantined
from capture.services.webhooks import (
    add_secret,
    find_endpoint,
    new_standard_secret,
    retire_old_secrets,
    verify,
)

__all__ = [
    "Budget",
    "CaptureCounts",
    "Claimed",
    "CursorError",
    "Difference",
    "Page",
    "Rate",
    "StrictError",
    "activity",
    "add_secret",
    "allowed_origin",
    "build_again",
    "build_cloudevent",
    "build_envelopes",
    "build_native",
    "build_segment",
    "build_unreadable",
    "build_webhook",
    "claim",
    "correct_capture",
    "corrections_of",
    "count_captures",
    "count_refusal",
    "create_key",
    "current_payload",
    "discard_quarantined",
    "event_names",
    "find_endpoint",
    "find_key",
    "finish",
    "get_capture",
    "get_key",
    "get_or_create_source",
    "get_quarantined",
    "ingest",
    "issue_key",
    "last_used",
    "list_captures",
    "list_quarantined",
    "list_sightings",
    "new_standard_secret",
    "note_reading",
    "note_subjects",
    "page_of",
    "rates_of",
    "rebuild",
    "replay_all",
    "replay_quarantined",
    "report_exposed_key",
    "retire_old_secrets",
    "revoke_key",
    "rotate_key",
    "store_customer_profile",
    "take",
    "track_login_activity",
    "update_customer_profile",
    "verify",
]
