"""What other apps may call: recording, reading the trail, and step-up."""

from __future__ import annotations

from audit.services.accounts import list_users
from audit.services.counts import old_counts
from audit.services.grants import (
    SINGLE_USE,
    StepUpRequired,
    StepUpState,
    digest_of,
    end_grants,
    list_grants,
    rebind_grants,
    require_grant,
    session_binding,
    step_up_state,
    token_binding,
)
from audit.services.keyed import derived_key
from audit.services.reading import (
    list_events,
    list_operations,
    list_pins,
    list_step_ups,
    search_operations,
)
from audit.services.record import ensure_operation, record
from audit.services.step_up import (
    confirm,
    enrol_pin,
    needs_authenticator,
    register_totp,
    revoke_pin,
    step_up_methods,
)

__all__ = [
    "SINGLE_USE",
    "StepUpRequired",
    "StepUpState",
    "confirm",
    "derived_key",
    "digest_of",
    "end_grants",
    "enrol_pin",
    "ensure_operation",
    "list_events",
    "list_grants",
    "list_operations",
    "list_pins",
    "list_step_ups",
    "list_users",
    "needs_authenticator",
    "old_counts",
    "rebind_grants",
    "record",
    "register_totp",
    "require_grant",
    "revoke_pin",
    "search_operations",
    "session_binding",
    "step_up_methods",
    "step_up_state",
    "token_binding",
]
