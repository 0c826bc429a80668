"""What other apps may call: recording, and reading the trail."""

from __future__ import annotations

from audit.services.accounts import list_users
from audit.services.reading import list_events, list_operations, search_operations
from audit.services.record import ensure_operation, record

__all__ = [
    "ensure_operation",
    "list_events",
    "list_operations",
    "list_users",
    "record",
    "search_operations",
]
