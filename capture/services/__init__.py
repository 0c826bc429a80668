"""What pages, endpoints, commands and other apps may call."""

from __future__ import annotations

from capture.ingest.corrections import (
    correct_capture,
    correction_note,
    corrections_of,
    current_payload,
    read_value,
    write_value,
)
from capture.ingest.entrances import (
    BODY_KEYS,
    NATIVE_ITEMS,
    SDK_ITEMS,
    SDK_KINDS,
    Items,
    native_items,
    parse_native,
    parse_segment,
    segment_items,
)
from capture.ingest.envelopes import (
    build_cloudevent,
    build_envelopes,
    build_native,
    build_segment,
    build_unreadable,
    build_webhook,
    event_names,
)
from capture.ingest.normalisation import find_faults
from capture.ingest.payments import payments_named
from capture.ingest.pipeline import StrictError, ingest
from capture.ingest.projections import compute_activity
from capture.ingest.quarantine import discard_quarantined
from capture.ingest.replay import replay_all, replay_quarantined
from capture.parsing import SQLiteError, open_sqlite
from capture.services.capture_counts import count_captures
from capture.services.customer_data import (
    CUSTOMER_DATA,
    CustomerDataStats,
    capture_columns,
    count_logins,
    get_customer_data_stats,
)
from capture.services.host_integration import direct_sender
from capture.services.idempotency import claim_key
from capture.services.identity_reviews import (
    DECIDE,
    candidates_of,
    decide_identity_review,
    list_decisions,
    list_identity_reviews,
    list_waiting,
    note_candidates,
)
from capture.services.keys import (
    allowed_origin,
    create_key,
    ensure_page_key,
    find_key,
    get_key,
    get_or_create_source,
    issue_key,
    key_hash_column,
    report_exposed_key,
    revoke_key,
    rotate_key,
)
from capture.services.legacy_import import LegacyReport, import_legacy
from capture.services.legacy_import import TableReport as LegacyTable
from capture.services.origins import find_origins
from capture.services.quarantined import quarantined_about
from capture.services.rate_limits import last_used, rates_of
from capture.services.rebuilding import rebuild
from capture.services.rejected_requests import count_refusal, forget_old_refusal_counts
from capture.services.reviewed import (
    columns_of_others,
    reviews_about,
    waiting_about,
)
from capture.services.search import find_captures, find_payments
from capture.services.selectors import (
    fields_of,
    format_amount,
    last_capture,
    list_captures,
    list_quarantined,
    list_refusals,
    list_sightings,
    open_screenshot,
)
from capture.services.timeline import timeline_source
from capture.services.tracking_api import (
    store_customer_profile,
    track_login_activity,
    update_customer_profile,
)
from capture.services.webhooks import (
    KEYED_SECRETS,
    add_secret,
    find_endpoint,
    new_standard_secret,
    retire_old_secrets,
    secrets_of,
    verify,
)
