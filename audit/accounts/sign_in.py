"""The sign-in of staff: password, then the second factor if the account has one.

Both steps reserve their try before they look, cost the same for names that exist and
names that do not, and say the same sentence. None may run inside a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import constant_time_compare

from audit.accounts.alarms import Welcome, record_lock
from audit.accounts.ceremonies import Question
from audit.accounts.devices import counter_of_device, device_hash
from audit.accounts.login_attempts import (
    Attempt,
    clear,
    clear_all,
    count_attempt,
    give_back,
    reserve,
)
from audit.accounts.passkeys import (
    PasskeyRefused,
    PasskeyRequest,
    ask_passkey,
    check_answer,
    take_question,
)
from audit.accounts.second_factor import check_code, counter_of, has_second_factor
from audit.accounts.users import counter_of_current_password, factors_of
from audit.crypto import hmac_hex, network_hash
from audit.database.signed import AccountAltered
from audit.emails import fold_username
from audit.log.recording import record
from audit.models import Outcome, Purpose, User
from audit.tenancy.actors import Actor, OperationContext

# Entries about one account and address: the first ones, then one a minute.
_MOST_ENTRIES = 10
_ENTRIES_WINDOW = timedelta(minutes=15)
_MINUTE = timedelta(minutes=1)
_HASH_LENGTH = 32
_LONGEST_NAME = 150
# Tries of an account from all unknown browsers together: so many times those of one
# network. And those that a network without tries left still lets through.
_ELSEWHERE = 10
_FIRST_TRIES = 2


class SignInRefused(Exception):  # noqa: N818 - an answer, not a fault
    """A refused sign-in: a code, and in how many seconds to try again.

    `code` is wrong, locked, late, second_factor or second_factor_required. It tells
    apart nothing about names: an unknown one is wrong, and locks, like a known one.
    """

    def __init__(self, code: str, *, retry_after: int = 0) -> None:
        super().__init__(code)
        self.code, self.retry_after = code, retry_after


def check_password(
    username: str,
    password: str,
    *,
    operation: OperationContext,
    needs_staff: bool,
    device: str = "",
    welcome: Welcome | None = None,
) -> User:
    """Return the active user of a name and password; the sign-in is not complete yet.

    `device` is the cookie of a browser that was used for a sign-in before;
    `welcome` says where a code of a mail makes one known. The try
    stays counted until `complete_sign_in`. Raises SignInRefused: `wrong` for unknown,
    disabled and (with `needs_staff`) people who may not enter, `locked` while there are
    no tries left.
    """
    account = account_hash(username)
    taken = _reserve(account, operation, device)
    refused = next((one for one in taken if not one.is_allowed), None)
    # An attacker who changes the name each time would fill the trail: not by account
    # for a network that has no tries left.
    has_room = any(one.name.startswith(("network:", "device:")) for one in taken)
    if refused is not None:
        by_account = not refused.name.startswith("network:")
        _record_failure("locked", None, account, operation, by_account=by_account)
        raise SignInRefused("locked", retry_after=refused.retry_after)
    user, code = _check_credentials(username, password, needs_staff=needs_staff)
    if code:
        _record_failure(code, user, account, operation, by_account=has_room)
        for one in taken:
            if one.is_last:
                kind = one.name.partition(":")[0]
                record_lock(kind, username, account, operation, welcome=welcome)
        raise SignInRefused("wrong")
    for one in taken:
        if one.name.startswith("network:"):
            give_back(one.name)
    assert user is not None  # noqa: S101 - without a code there is one
    return user


def _reserve(account: str, operation: OperationContext, device: str) -> list[Attempt]:
    """Count a try under each name that it belongs to, or under none; return them.

    A known browser has its own counter, so others cannot lock it out. Elsewhere an
    account is counted by network, and in all; a network that has no tries left still
    lets the first ones of each account through, or one of many behind an address would
    lock out all others. Runs in a transaction of its own.
    """
    limit, window = settings.SIGN_IN_ACCOUNT_TRIES, _window()
    counter = counter_of_device(device, account)
    if counter is not None:
        attempt = reserve(counter, limit, window, is_doubling=True)
        if attempt.is_allowed:
            return [attempt]
    with transaction.atomic(durable=True):
        name = _counter_from_network(account, operation)
        from_network = count_attempt(name, limit, window, is_doubling=True)
        taken = [from_network]
        if from_network.is_allowed:
            name = f"account:{account}"
            most = _ELSEWHERE * limit
            taken.append(count_attempt(name, most, window, is_doubling=True))
            name = f"network:{network_hash(operation.ip)}"
            network = count_attempt(name, settings.SIGN_IN_NETWORK_TRIES, window)
            if network.is_allowed or from_network.failed > _FIRST_TRIES:
                taken.append(network)
        is_refused = not all(one.is_allowed for one in taken)
        transaction.set_rollback(is_refused)
    return taken


def _counter_from_network(account: str, operation: OperationContext) -> str:
    """Return the name under which tries of an account from one network count."""
    return f"account:{account}:{network_hash(operation.ip)}"


def complete_sign_in(
    user: User, code: str, *, operation: OperationContext, method: str, device: str = ""
) -> None:
    """Check the second factor if there is one, reset the counters, write the event.

    Raises SignInRefused: `second_factor_required` when the code is empty,
    `second_factor` for a wrong one, `locked` after too many. `method` is `session` or
    `token`.
    """
    account = account_hash(user.get_username())
    actor = Actor.from_user(user, operation)
    factor = "password"
    if has_second_factor(user):
        if not code.strip():
            record_first_factor(user, "second_factor_required", operation=operation)
            raise SignInRefused("second_factor_required")
        checked = check_code(user, code, takes_recovery=True)
        if not checked.is_correct:
            _record_failure("second_factor", user, account, operation)
            if checked.has_locked:
                name = user.get_username()
                record_lock("second_factor", name, account, operation)
            is_locked = checked.retry_after > 0
            raise SignInRefused(
                "locked" if is_locked else "second_factor",
                retry_after=checked.retry_after,
            )
        factor = "recovery_code" if checked.is_recovery else "totp"
    counter = counter_of_device(device, account)
    elsewhere = [_counter_from_network(account, operation), f"account:{account}"]
    for name in [counter] if counter else elsewhere:
        clear(name)
    _record_sign_in(user, actor, method=method, factor=factor)


def ask_for_sign_in(
    *, binding: str, operation: OperationContext, device: str = ""
) -> PasskeyRequest:
    """Return the options of a sign-in by passkey.

    They name no user: the authenticator says whose key it has. Raises ValidationError:
    too_many, no_domain.
    """
    actor = Actor(kind="anonymous", operation=operation)
    question = Question(Purpose.SIGN_IN, binding)
    return ask_passkey(question, actor=actor, device=device_hash(device))


def sign_in_with_passkey(
    answer: Mapping[str, object],
    *,
    binding: str,
    operation: OperationContext,
    needs_staff: bool,
    method: str,
    device: str = "",
) -> User:
    """Return the active user whose passkey has answered, and write it down.

    Complete: a passkey is both factors. Whose key it is says the caller, so wrong
    answers count against the network, or a known browser, alone and lock no other
    account. `needs_staff` and `method` are those of a password. Raises SignInRefused:
    late, wrong, locked.
    """
    actor = Actor(kind="anonymous", operation=operation)
    try:
        question = Question(Purpose.SIGN_IN, binding)
        challenge = take_question(
            answer, question, actor=actor, device=device_hash(device)
        )
    except ValidationError as error:
        raise SignInRefused("late") from error
    attempt = _reserve_passkey(operation, device_hash(device))
    user, code = _look_at_passkey(answer, challenge, actor, needs_staff=needs_staff)
    if user is None or code:
        account = account_hash(user.get_username()) if user else ""
        _record_failure(code, user, account, operation)
        if attempt.is_last:
            kind = attempt.name.partition(":")[0]
            record_lock(kind, None, account, operation)
        raise SignInRefused("wrong")
    give_back(attempt.name)
    _record_sign_in(
        user, Actor.from_user(user, operation), method=method, factor="passkey"
    )
    return user


def _look_at_passkey(
    answer: Mapping[str, object], challenge: bytes, actor: Actor, *, needs_staff: bool
) -> tuple[User | None, str]:
    """Return the user of the passkey, and the reason of a refusal or an empty text."""
    try:
        passkey = check_answer(answer, challenge, actor=actor, user=None)
    except PasskeyRefused as refused:
        return refused.user, str(refused.code)
    except AccountAltered:
        return None, "altered"
    if not passkey.user.is_genuine:
        return passkey.user, "altered"
    return passkey.user, _why_not(passkey.user, needs_staff=needs_staff)


def _reserve_passkey(operation: OperationContext, device: str | None) -> Attempt:
    """Take one of a known browser's tries, or of the network's.

    Raises SignInRefused: locked.
    """
    if device is not None:
        limit = settings.SIGN_IN_ACCOUNT_TRIES
        attempt = reserve(f"device:{device}", limit, _window(), is_doubling=True)
        if attempt.is_allowed:
            return attempt
    name = f"network:{network_hash(operation.ip)}"
    attempt = reserve(name, settings.SIGN_IN_NETWORK_TRIES, _window())
    if not attempt.is_allowed:
        # Not by account: names that change each time would fill the trail.
        _record_failure("locked", None, "", operation, by_account=False)
        raise SignInRefused("locked", retry_after=attempt.retry_after)
    return attempt


def _record_sign_in(user: User, actor: Actor, *, method: str, factor: str) -> None:
    with transaction.atomic():
        # In each business where the person works: each sees its own people's.
        for business_id in actor.business_ids or [None]:
            record(
                "auth.signed_in",
                user,
                actor=actor,
                business_id=business_id,
                data={"method": method, "factor": factor},
            )


def record_first_factor(user: User, code: str, *, operation: OperationContext) -> None:
    """Record an accepted password; `code` says what is missing for a sign-in."""
    account = account_hash(user.get_username())
    if _has_room_for_entry(account, operation):
        with transaction.atomic():
            record(
                "auth.password_accepted",
                user,
                actor=Actor(kind="anonymous", operation=operation),
                code=code,
                data={"account": account},
            )


def find_pending_user(pk: str, session_hash: str) -> User | None:
    """Return the active user whose password was right, unless it changed since."""
    user = User.objects.filter(pk=pk, is_active=True).first()
    if user is None or not user.is_genuine:
        return None
    is_same = constant_time_compare(session_hash, user.get_session_auth_hash())
    return user if is_same else None


def record_sign_out(*, actor: Actor) -> None:
    """Record a sign-out that the person asked for."""
    with transaction.atomic():
        record("auth.signed_out", actor=actor)


def clear_sign_in_locks(user: User, *, actor: Actor) -> None:
    """Forget the failed tries of an account; for people who were locked out.

    Those of its password, wherever it is asked for, and of its codes. Confirming is
    opened by `release_pin`.
    """
    account = account_hash(user.get_username())
    for beginning in ("account", "device", "alarm"):
        clear_all(f"{beginning}:{account}")
    for name in (counter_of(user), counter_of_current_password(user)):
        clear(name)
    with transaction.atomic():
        record("auth.unlocked", user, actor=actor)


def account_hash(username: str) -> str:
    """Return the keyed hash under which the tries of a user name are counted."""
    return hmac_hex("sign-in account", fold_username(username))[:_HASH_LENGTH]


def _check_credentials(
    username: str, password: str, *, needs_staff: bool
) -> tuple[User | None, str]:
    """Return the user of a name, and the reason of a refusal or an empty text.

    Hashes exactly once for every name, known or not.
    """
    user = _find(username)
    if user is None or not user.is_genuine:
        make_password(password)
        return user, "unknown" if user is None else "altered"
    if not user.check_password(password):
        return user, "wrong"
    return user, _why_not(user, needs_staff=needs_staff)


def _why_not(user: User, *, needs_staff: bool) -> str:
    if not user.is_active:
        return "disabled"
    if needs_staff and not user.is_staff:
        return "not_staff"
    try:
        factors_of(user)
    except AccountAltered:
        return "altered"
    return ""


def _find(username: str) -> User | None:
    # Names that no database can store must cost the same.
    is_storable = "\0" not in username and len(username) <= _LONGEST_NAME
    name = username if is_storable and username.isprintable() else ""
    return User.objects.filter(username=name).first()


def _window() -> timedelta:
    return timedelta(minutes=settings.SIGN_IN_WINDOW_MINUTES)


def _record_failure(
    code: str,
    user: User | None,
    account: str,
    operation: OperationContext,
    *,
    by_account: bool = True,
) -> None:
    """Record a failed sign-in, unless its account and network have many entries."""
    if _has_room_for_entry(account if by_account else "", operation):
        with transaction.atomic():
            record(
                "auth.failed",
                user,
                actor=Actor(kind="anonymous", operation=operation),
                outcome=Outcome.REFUSED,
                code=code,
                data={"account": account},
            )


def _has_room_for_entry(account: str, operation: OperationContext) -> bool:
    """Tell whether there is room for one more entry about an account and network."""
    about = hmac_hex("sign-in told", account, network_hash(operation.ip))
    name = f"told:{about[:_HASH_LENGTH]}"
    return (
        reserve(name, _MOST_ENTRIES, _ENTRIES_WINDOW).is_allowed
        or reserve(f"{name}:more", 1, _MINUTE).is_allowed
    )
