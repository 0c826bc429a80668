"""What other apps may call: recording, and reading the trail."""

from __future__ import annotations

from audit.services.access import note_shown, note_subjects, write_notes
from audit.services.accounts import list_users, names_of, register_staff_source
from audit.services.reading import (
    list_access,
    list_events,
    list_operations,
    search_operations,
)
from audit.services.record import ensure_operation, record

__all__ = [
    "ensure_operation",
    "list_access",
    "list_events",
    "list_operations",
    "list_users",
    "names_of",
    "note_shown",
    "note_subjects",
    "record",
    "register_staff_source",
    "search_operations",
    "write_notes",
]
