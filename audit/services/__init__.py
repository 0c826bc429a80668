"""What other apps may call: the trail, staff accounts, and how they sign in."""

from __future__ import annotations

from audit.services.accounts import (
    change_password,
    check_own_password,
    end_sessions,
    list_token_families,
    list_users,
    revoke_token_family,
    save_user,
)
from audit.services.attempts import Attempt, old_counters, reserve, wait_text
from audit.services.reading import list_events, list_operations, search_operations
from audit.services.record import ensure_operation, record
from audit.services.second_factor import (
    Enrolment,
    begin_enrolment,
    check_code,
    count_recovery_codes,
    enrol,
    has_totp,
    lacks_totp,
    make_recovery_codes,
    needs_totp,
    register_role_source,
    remove_totp,
    resume_enrolment,
    verify_totp,
)
from audit.services.sign_in import (
    SignInRefused,
    check_password,
    clear_sign_in_locks,
    complete_sign_in,
    find_pending_user,
    record_sign_out,
)
from audit.services.tokens import (
    TokenError,
    Tokens,
    issue_tokens,
    old_families,
    open_token,
    refresh_tokens,
    revoke_token,
)

__all__ = [
    "Attempt",
    "Enrolment",
    "SignInRefused",
    "TokenError",
    "Tokens",
    "begin_enrolment",
    "change_password",
    "check_code",
    "check_own_password",
    "check_password",
    "clear_sign_in_locks",
    "complete_sign_in",
    "count_recovery_codes",
    "end_sessions",
    "enrol",
    "ensure_operation",
    "find_pending_user",
    "has_totp",
    "issue_tokens",
    "lacks_totp",
    "list_events",
    "list_operations",
    "list_token_families",
    "list_users",
    "make_recovery_codes",
    "needs_totp",
    "old_counters",
    "old_families",
    "open_token",
    "record",
    "record_sign_out",
    "refresh_tokens",
    "register_role_source",
    "remove_totp",
    "reserve",
    "resume_enrolment",
    "revoke_token",
    "revoke_token_family",
    "save_user",
    "search_operations",
    "verify_totp",
    "wait_text",
]
