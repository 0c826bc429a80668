"""What a caller may send, under a clock that jumps and behind a lock that lasts."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.db.models import F

from audit.maintenance import run_cleanups
from audit.models import RateLimitBucket
from audit.rest.rate_limits import Budget, Rate, take_units

# Each refills wholly in ten seconds, as the shortest of the settings.
SLOW = Rate(1, 10)
FAST = Rate(2000, 20_000)


def used_up(rate: Rate) -> Budget:
    """Take all that a bucket holds, and what it refuses."""
    assert take_units("a", rate, cost=rate.burst).is_allowed
    return take_units("a", rate, cost=rate.burst)


def test_a_bucket_is_used_up_and_fills_again(clock):
    refused = used_up(SLOW)
    assert (refused.is_allowed, refused.remaining, refused.retry_after) == (0, 0, 10)

    clock(seconds=4)

    assert [take_units("a", SLOW).remaining for _ in range(4)] == [3, 2, 1, 0]
    assert not take_units("a", SLOW).is_allowed


@pytest.mark.parametrize("rate", [SLOW, FAST])
def test_an_hour_back_a_day_ahead_and_back_again_refuse_nobody(clock, rate):
    for jump in ({}, {"hours": -1}, {"days": 1}, {"days": -1}, {"hours": 1}):
        clock.jump(**jump)
        for _ in range(3 * rate.burst // max(rate.per_second, 5)):
            assert take_units("a", rate, cost=max(rate.per_second // 2, 1)).is_allowed
            clock(seconds=1)


@pytest.mark.parametrize("seconds", [-1, -30, -3600, -86_400])
def test_a_jump_back_gives_one_burst_at_most(clock, seconds):
    used_up(SLOW)

    clock.jump(seconds=seconds)

    assert [take_units("a", SLOW).remaining for _ in range(10)] == [*range(9, -1, -1)]
    refused = take_units("a", SLOW)
    assert (refused.is_allowed, refused.retry_after) == (False, 1)


@pytest.mark.parametrize("seconds", [5, 60, 3600])
def test_what_has_refilled_stays_when_the_clock_goes_back(clock, seconds):
    """As much as was used meanwhile: the bucket is as full as by the right clock."""
    used_up(SLOW)
    clock(seconds=seconds)

    clock.jump(seconds=-seconds)

    there = min(seconds, 10)
    assert [take_units("a", SLOW).remaining for _ in range(there)] == [
        *reversed(range(there))
    ]
    assert not take_units("a", SLOW).is_allowed


def test_nobody_within_the_rate_is_refused_by_any_order_of_jumps(clock):
    """Against a bucket of the right time; what is taken too much counts in it, too."""
    chance, right, arrives, jumps = random.Random(27), 0.0, 0.0, 0
    for _ in range(400):
        if chance.random() < 0.1:
            clock.jump(seconds=chance.choice([-3600, 86_400, -86_400, -5, -11, 7]))
            jumps += 1
        passed = chance.choice([0, 0, 0.25, 0.5, 1, 11 if chance.random() < 0.2 else 0])
        clock(seconds=passed)
        right += passed
        found = take_units("a", SLOW)
        assert found.is_allowed or arrives > right + SLOW.burst - 1
        if found.is_allowed:
            arrives = max(arrives, right) + 1

    assert jumps > 20


def test_a_rate_that_was_lowered_counts_at_once(clock):
    assert take_units("a", Rate(1, 1000), cost=1000).is_allowed

    assert take_units("a", SLOW).retry_after == 1
    clock(seconds=1)
    assert take_units("a", SLOW).is_allowed


def test_a_jump_is_logged_once_with_its_size(clock, caplog):
    names = [str(n) for n in range(5)]
    for name in names:
        take_units(name, SLOW)
        clock(minutes=10)
    caplog.clear()

    clock.jump(hours=-1)
    for name in names * 2:
        take_units(name, SLOW)

    assert [r.getMessage() for r in caplog.records if r.name == "audit.clock"] == [
        "Stored times lie ahead of the clock by 0:50:00. It is behind, or was ahead "
        "when they were written; they are not believed. Check the time of all hosts."
    ]


def test_a_bucket_with_room_takes_one_statement(clock, django_assert_num_queries):
    take_units("a", SLOW)
    with django_assert_num_queries(1):
        take_units("a", SLOW)
    take_units("a", SLOW, cost=10)
    with django_assert_num_queries(2):
        assert not take_units("a", SLOW, cost=10).is_allowed


def test_maintenance_leaves_no_bucket_in_the_future(clock):
    take_units("key:0b0a5b0c-0000-7000-8000-000000000000", SLOW)
    clock.jump(days=-1)

    run_cleanups(only_count=False)

    row = RateLimitBucket.objects.get()
    assert row.used_at == clock.now
    assert take_units(row.name, SLOW).is_allowed


# --- a wait for the lock --------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_long_wait_for_the_lock_uses_no_quota(at_once):
    """Another uses the bucket while the request waits longer than it takes to fill."""
    rate = Rate(100, 10)
    holds, found = threading.Event(), []

    def hold() -> None:
        with transaction.atomic():
            RateLimitBucket.objects.filter(name="a").update(name=F("name"))
            holds.set()
            time.sleep(0.5)
            found.append(take_units("a", rate))

    def wait() -> None:
        holds.wait()
        found.append(take_units("a", rate))

    def run(call: Callable[[], None]) -> None:
        call()
        connection.close()

    def both() -> None:
        take_units("a", rate)
        threads = [threading.Thread(target=run, args=[each]) for each in (hold, wait)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    at_once(both, times=1)

    assert [budget.is_allowed for budget in found] == [True, True]
