"""The trail: who did what, who saw whom, and what was refused."""

from __future__ import annotations

from audit.log.access import note_access, note_subjects, record_reveal, write_notes
from audit.log.monitoring import (
    acts_since,
    last_review,
    last_sign_ins,
    newest_by_kind,
    readers_of_the_hour,
    record_review,
)
from audit.log.recording import (
    ensure_operation,
    record,
    record_alone,
    record_for_each,
)
from audit.log.selectors import (
    find_operation,
    kind_text,
    list_events,
    list_events_about,
    list_operations,
    list_pins,
    list_step_ups,
    search_operations,
    usernames_by_id,
)
