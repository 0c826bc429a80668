"""What pages, endpoints, commands and other apps may call."""

from __future__ import annotations

from capture.services.ingest import ingest
from capture.services.keys import (
    create_key,
    ensure_page_key,
    find_key,
    get_or_create_source,
    issue_key,
)
from capture.services.profiles import (
    store_customer_profile,
    track_login_activity,
    update_customer_profile,
)
from capture.services.projecting import activity
from capture.services.reading import build_envelopes
from capture.services.rebuilding import Difference, rebuild

__all__ = [
    "Difference",
    "activity",
    "build_envelopes",
    "create_key",
    "ensure_page_key",
    "find_key",
    "get_or_create_source",
    "ingest",
    "issue_key",
    "rebuild",
    "store_customer_profile",
    "track_login_activity",
    "update_customer_profile",
]
