"""An hour back, a day ahead and back again: who keeps their quota waits for nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from audit import accounts, maintenance
from audit.accounts import totp
from audit.accounts.grants import list_grants
from audit.accounts.login_attempts import reserve
from audit.accounts.second_factor import use_step
from audit.clock import SKEW
from audit.models import (
    AttemptCounter,
    Authenticator,
    IdempotentResponse,
    PinCredential,
    TokenFamily,
)
from audit.rest.idempotency import Lease, finish_lease
from capture.services import claim_key
from tests.conftest import signed_in
from tests.factories import (
    ApiKeyFactory,
    AuthenticatorFactory,
    GrantFactory,
    PinCredentialFactory,
    TokenFamilyFactory,
    UserFactory,
)
from tests.factories.audit import PIN, person

BACK, AHEAD, AGAIN = {"hours": -1}, {"days": 1}, {"days": -1}
# One after the other, with the right time between.
JUMPS = ({}, BACK, AHEAD, AGAIN, {"hours": 1})
CAPTURE = "/api/data-capture/payment"
LOGIN = "/admin/login/"
TOKEN = "/api/v1/auth/token"
PASSWORD = "correct horse battery"
QUARTER = timedelta(minutes=15)
HERE = accounts.session_binding("a session")


# --- quotas ---------------------------------------------------------------------


def by_key() -> Any:
    headers = {"Authorization": f"Bearer {ApiKeyFactory().prefix}"}
    return lambda: Client().post(CAPTURE, {}, "application/json", headers=headers)


def from_a_page() -> Any:
    key = ApiKeyFactory(kind="publishable", origins=["https://shop.example.com"])
    headers = {"X-Capture-Key": key.prefix, "Origin": "https://shop.example.com"}
    return lambda: Client().post(CAPTURE, {}, "application/json", headers=headers)


def by_a_stranger() -> Any:
    return lambda: Client().post(CAPTURE, {}, "application/json")


def at_the_login_page() -> Any:
    return lambda: Client().get(LOGIN)


def signing_in() -> Any:
    body = {"username": "ann", "password": PASSWORD}
    UserFactory(is_superuser=True, **body)
    return lambda: Client().post(LOGIN, body)


def by_staff() -> Any:
    user = UserFactory(is_superuser=True)

    def read() -> Any:
        # A sign-in each time: how long one lasts is another test.
        return signed_in(user).get("/api/v1/customers")

    return read


CALLERS = [
    by_key,
    from_a_page,
    by_a_stranger,
    at_the_login_page,
    signing_in,
    by_staff,
]


@pytest.fixture
def narrow(settings):
    """Three requests at once, and one a second."""
    settings.CAPTURE_RATES = dict.fromkeys(settings.CAPTURE_RATES, (1, 3))
    settings.STAFF_RATES = dict.fromkeys(settings.STAFF_RATES, (1, 3))


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_within_its_quota_is_refused(clock, caller):
    ask, statuses = caller(), []
    for jump in JUMPS:
        clock.jump(**jump)
        for _ in range(5):
            statuses.append(ask().status_code)
            clock(seconds=1)

    assert 429 not in statuses
    assert len(set(statuses)) == 1


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("jump", [BACK, AGAIN])
def test_a_jump_gives_a_burst_and_no_more(clock, caller, jump):
    ask, burst = caller(), [False] * 3 + [True]
    assert [ask().status_code == 429 for _ in range(4)] == burst

    clock.jump(**jump)

    assert [ask().status_code == 429 for _ in range(4)] == burst
    clock(seconds=1)
    assert ask().status_code != 429


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("hours", [1, 24])
def test_a_burst_long_ago_is_not_counted_with_one_of_now(clock, caller, hours):
    """The clock goes back to the second of a burst that has long been made good."""
    ask, burst = caller(), [False] * 3 + [True]
    assert [ask().status_code == 429 for _ in range(4)] == burst
    clock(hours=hours)

    clock.jump(hours=-hours)

    assert [ask().status_code == 429 for _ in range(4)] == burst
    clock(seconds=1)
    assert [ask().status_code == 429 for _ in range(2)] == [False, True]


# --- lock-outs ------------------------------------------------------------------


def of_an_account() -> Callable[[], bool]:
    def may_try() -> bool:
        return reserve("account:x", 5, QUARTER, is_doubling=True).is_allowed

    assert [may_try() for _ in range(6)] == [True] * 5 + [False]
    return may_try


def of_a_network() -> Callable[[], bool]:
    def may_try() -> bool:
        return reserve("network:x", 5, QUARTER).is_allowed

    assert [may_try() for _ in range(6)] == [True] * 5 + [False]
    return may_try


def of_a_page() -> Callable[[], bool]:
    user = UserFactory(username="ann", password=PASSWORD)

    def try_it(password: str = PASSWORD) -> bool:
        body = {"username": user.username, "password": password}
        return Client().post(LOGIN, body).status_code == 302

    for _ in range(10):
        try_it("wrong")
    return try_it


def of_codes() -> Callable[[], bool]:
    user = AuthenticatorFactory().user

    def may_try() -> bool:
        return not accounts.check_code(user, "", takes_recovery=False).retry_after

    for _ in range(5):
        assert may_try()
    return may_try


def of_a_pin() -> Callable[[], bool]:
    user = PinCredentialFactory().user

    def try_it(code: str = PIN) -> bool:
        try:
            accounts.verify_step_up(
                user, code, scope="manage_keys", binding=HERE, actor=person(user)
            )
        except ValidationError:
            return False
        return True

    for _ in range(5):
        assert not try_it("493817")
    return try_it


LOCKS = [of_an_account, of_a_network, of_a_page, of_codes, of_a_pin]


@pytest.fixture
def no_rates(settings):
    """The locks are what is looked at here."""
    settings.STAFF_RATES = dict.fromkeys(settings.STAFF_RATES, (1000, 10_000))


@pytest.mark.usefixtures("no_rates")
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_lasts_a_quarter_of_an_hour(clock, lock):
    may_try = lock()

    clock(minutes=14, seconds=59)
    assert not may_try()
    clock(seconds=1)
    assert may_try()


@pytest.mark.usefixtures("no_rates")
@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("minutes", [0, 10])
@pytest.mark.parametrize(
    "jumps", [[BACK], [AHEAD], [AHEAD, AGAIN], [BACK, AHEAD, AGAIN]]
)
def test_nobody_stays_locked_out_longer(clock, lock, minutes, jumps):
    may_try = lock()
    clock(minutes=minutes)
    for jump in jumps:
        clock.jump(**jump)

    clock(minutes=15 - minutes)

    assert may_try()


@pytest.mark.usefixtures("no_rates")
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_of_a_clock_that_was_ahead_ends_with_it(clock, lock):
    clock.jump(days=1)
    may_try = lock()

    clock.jump(days=-1)
    clock(minutes=15)

    assert may_try()


@pytest.mark.usefixtures("no_rates")
@pytest.mark.parametrize("lock", LOCKS)
def test_a_small_step_opens_no_lock(clock, lock):
    may_try = lock()

    clock.jump(seconds=-30)

    assert not may_try()


# --- and each length of a lock --------------------------------------------------


@dataclass(frozen=True)
class Tries:
    """Somebody's tries: a wrong one and any other tell whether they were looked at."""

    fail: Callable[[], bool]
    may_try: Callable[[], bool]
    succeed: Callable[[], object] = lambda: None

    def fill(self) -> None:
        """Fail until it is locked."""
        while self.fail():
            pass


def counted(name: str, *, is_doubling: bool) -> Tries:
    def may_try() -> bool:
        return reserve(name, 5, QUARTER, is_doubling=is_doubling).is_allowed

    return Tries(may_try, may_try)


def tries_of_an_account() -> Tries:
    return counted("account:x", is_doubling=True)


def tries_of_codes() -> Tries:
    user = AuthenticatorFactory().user

    def may_try() -> bool:
        return not accounts.check_code(user, "", takes_recovery=False).retry_after

    return Tries(may_try, may_try)


def tries_of_a_password() -> Tries:
    user = UserFactory(password=PASSWORD)

    def may_try() -> bool:
        with pytest.raises(ValidationError) as caught:
            accounts.check_current_password(user, "wrong", actor=person(user))
        return bool(caught.value.code != "too_many")

    return Tries(may_try, may_try)


def tries_of_a_pin() -> Tries:
    user = PinCredentialFactory().user

    def code_after(pin: str) -> str | None:
        try:
            accounts.verify_step_up(
                user, pin, scope="manage_keys", binding=HERE, actor=person(user)
            )
        except ValidationError as error:
            return error.code
        return None

    def may_try() -> bool:
        return code_after(PIN) is None

    # Ten wrong ones without a right one would switch it off.
    return Tries(lambda: code_after("493817") == "wrong_code", may_try, may_try)


TRIES = [tries_of_an_account, tries_of_codes, tries_of_a_password, tries_of_a_pin]
LONGEST = timedelta(hours=1)
# The fourth and the eighth in a row are the first longer than an hour, and the longest.
LENGTHS = {1: QUARTER, 2: timedelta(minutes=30), 5: LONGEST}


def lock_out(clock: Any, tries: Tries, number: int = 1) -> None:
    """Fail until it is locked, so many times in a row."""
    for earlier in range(number):
        if earlier:
            length = min(QUARTER * 2 ** (earlier - 1), LONGEST)
            clock(seconds=length.total_seconds())
            tries.succeed()
        tries.fill()


@pytest.mark.parametrize("of", TRIES)
@pytest.mark.parametrize("number", LENGTHS)
def test_each_lock_is_twice_as_long(clock, of, number):
    tries = of()
    lock_out(clock, tries, number)

    clock(seconds=LENGTHS[number].total_seconds() - 1)
    assert not tries.may_try()
    clock(seconds=1)
    assert tries.may_try()


@pytest.mark.parametrize("of", TRIES)
@pytest.mark.parametrize("number", LENGTHS)
@pytest.mark.parametrize(
    "jumps", [[{"minutes": -3}], [BACK], [AHEAD, AGAIN], [BACK, AHEAD, AGAIN, BACK]]
)
def test_a_lock_ends_when_the_right_clock_says(clock, of, number, jumps):
    """Each jump comes when most of what was left has passed."""
    tries, left = of(), LENGTHS[number].total_seconds()
    lock_out(clock, tries, number)
    for jump in jumps:
        clock(seconds=left * 7 // 10)
        left -= left * 7 // 10
        clock.jump(**jump)

    clock(seconds=left)

    assert tries.may_try()


@pytest.mark.parametrize("of", TRIES)
@pytest.mark.parametrize("hours", [1, 24])
def test_a_lock_that_was_over_does_not_come_back(clock, of, hours):
    tries = of()
    lock_out(clock, tries)
    clock(hours=hours, minutes=5)

    clock.jump(hours=-hours)

    assert tries.may_try()


@pytest.mark.parametrize("hours", [1, 24])
def test_a_window_that_was_over_does_not_come_back(clock, hours):
    tries = counted("network:x", is_doubling=False)
    tries.fill()
    clock(hours=hours, minutes=5)

    clock.jump(hours=-hours)

    assert [tries.may_try() for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("of", TRIES)
def test_a_lock_long_ago_makes_no_other_longer(clock, of):
    tries = of()
    lock_out(clock, tries, 4)
    clock(hours=2)
    tries.succeed()
    clock(hours=24)
    clock.jump(hours=-1)

    tries.fill()
    clock(minutes=15)

    assert tries.may_try()


@pytest.mark.parametrize("of", TRIES)
def test_after_a_restart_a_lock_lasts_as_the_time_of_day_says(clock, of):
    tries = of()
    lock_out(clock, tries, 3)
    clock(minutes=30)
    clock.restart()

    assert not tries.may_try()
    clock(minutes=29, seconds=59)
    assert not tries.may_try()
    clock(seconds=1)
    assert tries.may_try()


def test_what_is_said_of_a_lock_is_what_is_left_of_it(clock):
    tries = tries_of_an_account(), tries_of_a_pin()
    for each in tries:
        lock_out(clock, each, 1)
    user = PinCredential.objects.get().user
    clock(minutes=10)
    clock.jump(minutes=-10)

    assert reserve("account:x", 5, QUARTER, is_doubling=True).retry_after == 5 * 60
    state = accounts.step_up_state(user, binding=HERE)
    assert state.locked_until == clock.now + timedelta(minutes=5)


# --- what is counted of them ----------------------------------------------------


def test_locks_grow_whatever_the_clock_does(clock):
    may_try = of_an_account()
    clock.jump(hours=-1)
    assert [may_try() for _ in range(6)] == [True] * 5 + [False]

    assert AttemptCounter.objects.get().locks == 2
    clock(minutes=29)
    assert not may_try()
    clock.jump(hours=-1)
    assert may_try()


def test_tries_long_ago_are_not_counted_with_those_of_now(clock):
    """Four tries, an hour back, and more than a window of right time for each four."""
    for _ in range(6):
        for _ in range(4):
            assert reserve("x", 5, QUARTER, is_doubling=True).is_allowed
        clock.jump(hours=-1)
        clock(minutes=16)


def test_disabling_a_pin_counts_on(clock):
    try_it = of_a_pin()
    clock.jump(hours=-1)
    for _ in range(5):
        assert not try_it("493817")

    assert PinCredential.objects.get().disabled_at is not None
    assert not try_it()


def test_an_authenticator_is_not_locked_by_a_day_ahead(clock):
    row = AuthenticatorFactory()

    def use(steps: int = 0) -> bool:
        step = totp.step_at(clock.now.timestamp()) + steps
        return use_step(row.user, totp.code_of(row.seed, step))

    clock.jump(days=1)
    assert use()
    clock.jump(days=-1)

    assert use()
    assert not use()
    clock(seconds=30)
    assert use(1)
    assert not use(-1)
    assert Authenticator.objects.get().last_step < clock.now.timestamp()


# --- confirmations --------------------------------------------------------------


def has_grant(user: Any) -> bool:
    try:
        accounts.require_grant(actor=person(user), scope="manage_keys", binding=HERE)
    except accounts.StepUpRequired:
        return False
    return True


@pytest.mark.parametrize("jump", [BACK, AGAIN])
def test_a_confirmation_ahead_of_the_clock_is_asked_for_again(clock, jump):
    user = GrantFactory().user
    clock.jump(**jump)

    assert not has_grant(user)
    assert list_grants(user, binding=HERE) == []
    GrantFactory(user=user)
    assert has_grant(user)


def test_a_confirmation_outlives_a_small_step(clock):
    user = GrantFactory().user
    clock.jump(seconds=-SKEW.total_seconds())

    assert has_grant(user)


@pytest.mark.parametrize("jump", [BACK, AGAIN])
def test_a_ticket_ahead_of_the_clock_begins_again(clock, jump):
    user = UserFactory()
    ticket = accounts.begin_enrolment(user).ticket
    clock.jump(**jump)

    with pytest.raises(ValidationError, match="too old"):
        accounts.resume_enrolment(user, ticket)


# --- sessions -------------------------------------------------------------------


def is_in(client: Client) -> bool:
    return client.get("/admin/password_change/").status_code == 200


@pytest.mark.parametrize("jump", [BACK, AGAIN])
def test_a_session_stays_when_the_clock_goes_back(clock, owner, jump):
    assert is_in(owner)
    clock.jump(**jump)

    assert is_in(owner)
    clock(minutes=59)
    assert is_in(owner)
    clock(minutes=60)
    assert not is_in(owner)


def test_a_session_grows_old_whatever_the_clock_does(clock, owner, settings):
    minutes = 0
    while is_in(owner):
        clock(minutes=30)
        minutes += 30
        if minutes % 90 == 0:
            is_in(owner)
            clock.jump(hours=-1)

    assert timedelta(minutes=minutes).total_seconds() == settings.SESSION_COOKIE_AGE


def test_a_session_is_shifted_once(clock, owner):
    is_in(owner)
    clock.jump(hours=-1)
    is_in(owner)
    before = dict(owner.session)
    clock(seconds=30)
    is_in(owner)

    assert dict(owner.session) == before


# --- tokens ---------------------------------------------------------------------


@pytest.mark.parametrize("jump", [BACK, AGAIN])
def test_an_access_token_ahead_of_the_clock_is_renewed(clock, settings, jump):
    user = UserFactory()
    tokens = accounts.issue_tokens(user)
    clock.jump(**jump)

    with pytest.raises(accounts.TokenError):
        accounts.open_token(tokens.access)
    again = accounts.refresh_tokens(tokens.refresh, operation=person(user).operation)
    assert accounts.open_token(again.access).user == user
    days = timedelta(days=settings.REFRESH_TOKEN_DAYS)
    assert TokenFamily.objects.get().expires_at == clock.now + days
    clock(minutes=settings.ACCESS_TOKEN_MINUTES)
    with pytest.raises(accounts.TokenError):
        accounts.open_token(again.access)


def test_a_day_ahead_ends_access_and_no_sign_in(clock):
    user = UserFactory()
    tokens = accounts.issue_tokens(user)
    clock.jump(days=1)

    with pytest.raises(accounts.TokenError):
        accounts.open_token(tokens.access)
    again = accounts.refresh_tokens(tokens.refresh, operation=person(user).operation)
    assert accounts.open_token(again.access).user == user


def test_a_refresh_does_not_make_a_sign_in_longer(clock):
    user = UserFactory()
    tokens = accounts.issue_tokens(user)
    before = TokenFamily.objects.get().expires_at
    clock.jump(days=1)
    accounts.refresh_tokens(tokens.refresh, operation=person(user).operation)

    assert TokenFamily.objects.get().expires_at == before


# --- idempotency ----------------------------------------------------------------


@pytest.fixture
def claiming(db: None) -> Callable[[], Lease]:
    key = uuid4()
    return lambda: claim_key(key, "/x", "k", "f")


@pytest.mark.parametrize("jump", [{}, BACK, AGAIN])
def test_a_crashed_attempt_gives_its_key_free_in_a_minute(clock, claiming, jump):
    assert claiming().outcome == "run"
    clock.jump(**jump)

    assert claiming().outcome == "in_progress"
    clock(seconds=61)
    assert claiming().outcome == "run"


@pytest.mark.parametrize("jump", [BACK, AHEAD, AGAIN])
def test_an_answer_is_replayed_on_either_side_of_a_jump(clock, claiming, jump):
    lease = claiming()
    finish_lease(lease, {"status": 201})
    clock.jump(**jump)

    assert (claiming().outcome, claiming().answer) == ("replay", {"status": 201})


@pytest.mark.parametrize("jump", [BACK, AGAIN])
def test_staff_get_their_answer_on_either_side_of_a_jump(clock, alice, jump):
    body = {"name": "Ana Silva", "email": "ana@example.org"}

    def send() -> Any:
        return alice.post(
            "/api/admin/customers",
            body,
            content_type="application/json",
            headers={"Idempotency-Key": "k-1"},
        )

    first = send()
    assert first.status_code == 201
    clock.jump(**jump)

    assert send().content == first.content
    assert IdempotentResponse.objects.count() == 1


# --- maintenance ----------------------------------------------------------------


def test_nothing_is_kept_for_as_long_as_a_clock_was_wrong(clock, claiming, settings):
    clock.jump(days=3650)
    lease = claiming()
    finish_lease(lease, {"status": 201})
    family = TokenFamilyFactory(expires_at=clock.now + timedelta(days=14))
    IdempotentResponse.objects.create(name="x", fingerprint="", expires_at=clock.now)
    signed_in(UserFactory())
    clock.jump(days=-3650)

    leased = IdempotentResponse.objects.exclude(owner=None)
    single = IdempotentResponse.objects.filter(owner=None)
    maintenance.run_cleanups(only_count=True)
    assert leased.get().expires_at > clock.now + timedelta(days=8)
    maintenance.run_cleanups(only_count=False)

    assert leased.get().expires_at == clock.now + timedelta(days=7)
    assert single.get().expires_at == clock.now + timedelta(days=1)
    family.refresh_from_db()
    assert family.expires_at == clock.now + timedelta(days=14)
    assert claiming().outcome == "replay"
    clock(days=15)
    counts = maintenance.run_cleanups(only_count=False)
    assert (counts["stored answers"], counts["answers to staff"]) == (1, 1)
    assert counts["sessions"] == 1
