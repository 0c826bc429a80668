"""What other apps may call: recording, and reading the trail."""

from __future__ import annotations

from audit.services.access import note_shown, note_subjects, write_notes
from audit.services.accounts import list_users, names_of, register_staff_source
from audit.services.monitoring import (
    acts_since,
    last_review,
    last_sign_ins,
    newest_by_kind,
    readers_of_the_hour,
)
from audit.services.reading import (
    list_access,
    list_events,
    list_operations,
    search_operations,
)
from audit.services.record import ensure_operation, record

__all__ = [
    "acts_since",
    "ensure_operation",
    "last_review",
    "last_sign_ins",
    "list_access",
    "list_events",
    "list_operations",
    "list_users",
    "names_of",
    "newest_by_kind",
    "note_shown",
    "note_subjects",
    "readers_of_the_hour",
    "record",
    "register_staff_source",
    "search_operations",
    "write_notes",
]
