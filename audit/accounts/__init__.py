"""Staff accounts: sign-in, sessions, tokens, PIN, second factor, passkeys, step-up."""

from __future__ import annotations

from audit.accounts.account_keys import refill_account_keys
from audit.accounts.devices import device_hash
from audit.accounts.grants import (
    LIFETIMES,
    SINGLE_USE,
    StepUpRequired,
    StepUpState,
    digest_of,
    end_grants,
    may_use,
    rebind_grants,
    register_scope_permissions,
    require_grant,
    session_binding,
    step_up_state,
    token_binding,
)
from audit.accounts.login_attempts import wait_text
from audit.accounts.passkeys import (
    LONGEST_ANSWER,
    begin_passkey,
    enrol_passkey,
    list_passkeys,
    parse_passkey_answer,
    remove_passkey,
)
from audit.accounts.pin_enrolment import (
    enrol_pin,
    needs_code_for_pin,
    needs_proof_for_pin,
    needs_proof_for_secrets,
    release_pin,
    waiting_release,
)
from audit.accounts.preferences import (
    get_preferences,
    language_of,
    save_preferences,
)
from audit.accounts.second_factor import (
    Enrolment,
    begin_enrolment,
    check_code,
    count_recovery_codes,
    enrol,
    has_second_factor,
    has_totp,
    lacks_second_factor,
    make_recovery_codes,
    needs_second_factor,
    register_role_source,
    remove_totp,
    reset_second_factor,
    resume_enrolment,
)
from audit.accounts.sign_in import (
    SignInRefused,
    ask_for_sign_in,
    check_password,
    clear_sign_in_locks,
    complete_sign_in,
    find_pending_user,
    record_first_factor,
    record_sign_out,
    sign_in_with_passkey,
)
from audit.accounts.step_up import (
    ask_for_passkey,
    needs_authenticator,
    step_up_methods,
    verify_passkey_step_up,
    verify_step_up,
)
from audit.accounts.tokens import (
    TokenError,
    Tokens,
    issue_tokens,
    open_token,
    refresh_tokens,
    revoke_token,
)
from audit.accounts.turns import take_turn
from audit.accounts.users import (
    accept_account,
    active_users,
    change_password,
    check_current_password,
    check_owner_left,
    describe_account,
    end_sessions,
    follow_new_password,
    list_altered_records,
    list_token_families,
    list_users,
    register_staff_source,
    revoke_token_family,
    save_user,
)
