"""The one clock: how far stored times are believed, and what is logged of a jump."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db.models import F

from audit import clock as module
from audit.clock import (
    SKEW,
    Now,
    NowMicroseconds,
    begun,
    clamp,
    is_ahead,
    lasting,
    lasts,
)
from audit.models import IdempotentResponse, PinCredential
from tests.factories import UserFactory

MINUTE = timedelta(minutes=1)
BACK = "The clock of this host went back by 1:00:00."


def told(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "audit.clock"]


def test_the_database_tells_the_time_that_python_has(db):
    IdempotentResponse.objects.create(name="x", fingerprint="", expires_at=Now())
    found = IdempotentResponse.objects.annotate(at=Now(), us=NowMicroseconds()).get()

    assert abs(found.expires_at - module.now()) < MINUTE
    assert abs(found.at - module.now()) < MINUTE
    assert abs(found.us / 1e6 - found.at.timestamp()) < 1


@pytest.mark.parametrize(
    ("ends_in", "expected"),
    [
        (-MINUTE, False),
        (timedelta(), False),
        (timedelta(seconds=1), True),
        (10 * MINUTE, True),
        (10 * MINUTE + SKEW, True),
        (10 * MINUTE + SKEW + timedelta(seconds=1), False),
        (timedelta(days=1), False),
    ],
)
def test_nothing_lasts_longer_than_it_can(clock, ends_in, expected):
    until = clock.now + ends_in
    IdempotentResponse.objects.create(name="x", fingerprint="", expires_at=until)

    assert lasts(until, 10 * MINUTE) is expected
    assert lasts(until.timestamp(), 10 * MINUTE) is expected
    condition = lasting("expires_at", 10 * MINUTE)
    assert IdempotentResponse.objects.filter(condition).exists() is expected
    assert IdempotentResponse.objects.exclude(condition).exists() is not expected


@pytest.mark.skipif(
    not hasattr(time, "CLOCK_BOOTTIME"),
    reason="only Linux has a clock that all processes share and nobody can set",
)
def test_all_processes_of_a_host_share_the_uptime():
    told = "from audit import clock; print(*clock.uptime())"
    before = module.uptime()
    found = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, check=True, text=True
    ).stdout.split()
    after = module.uptime()

    assert found[0] == before[0] == after[0]
    assert before[1] < int(found[1]) < after[1]


def test_of_both_clocks_counts_the_one_by_which_more_time_has_passed(clock):
    stored, mark = clock.now, module.mark()

    clock(minutes=10)
    assert begun(stored, mark) == stored
    clock.jump(minutes=-5)
    assert begun(stored, mark) == stored - 5 * MINUTE
    clock.jump(minutes=20)
    assert begun(stored, mark) == stored


def test_a_mark_counts_until_the_host_starts_anew(clock):
    stored, mark = clock.now, module.mark()
    clock(minutes=10)
    clock.jump(minutes=-5)
    clock.restart()

    assert begun(stored, mark) == stored
    assert begun(stored, "") == stored


def test_what_was_made_ahead_of_the_clock_is_over_whatever_its_mark(clock):
    stored, mark = clock.now, module.mark()
    clock(minutes=10)
    clock.jump(hours=-1)

    assert begun(stored, mark) is None


def test_a_host_without_uptime_has_the_time_of_day(clock, monkeypatch):
    monkeypatch.setattr(module, "uptime", lambda: None)
    stored, mark = clock.now, module.mark()
    assert mark == ""

    clock(minutes=10)
    assert begun(stored, mark) == stored


def test_time_that_passes_is_no_jump(clock, caplog):
    for _ in range(3):
        module.now()
        clock(hours=8)

    assert told(caplog) == []


def test_clamping_moves_only_what_is_too_far(clock):
    for minutes in (5, 10, 60):
        IdempotentResponse.objects.create(
            name=str(minutes), fingerprint="", expires_at=clock.now + minutes * MINUTE
        )

    assert clamp(IdempotentResponse.objects.all(), "expires_at", 10 * MINUTE) == 1
    assert clamp(IdempotentResponse.objects.all(), "expires_at", 10 * MINUTE) == 0

    left = IdempotentResponse.objects.annotate(left=F("expires_at") - Now()).order_by(
        "name"
    )
    found = {row.name: round(row.left.total_seconds()) for row in left}
    assert found == {"5": 300, "10": 600, "60": 600}


def test_a_process_logs_each_jump_once_with_its_size(clock, caplog):
    for jump in ({}, {"hours": -1}, {"days": 1}, {"days": -1}):
        clock.jump(**jump)
        module.now()
        module.now()

    assert told(caplog) == [
        BACK,
        "The clock of this host went ahead by 1 day, 0:00:00.",
        "The clock of this host went back by 1 day, 0:00:00.",
    ]


def test_small_steps_are_no_jumps(clock, caplog):
    module.now()
    clock.jump(seconds=-30)
    module.now()
    clock(seconds=30)
    module.now()

    assert told(caplog) == []


def test_what_a_jump_left_behind_is_no_news(clock, caplog):
    made_at = clock.now
    module.now()
    clock.jump(hours=-1)

    assert is_ahead(made_at)
    assert is_ahead(made_at - 10 * MINUTE)
    assert told(caplog) == [BACK]


def test_after_a_restart_what_was_stored_tells_of_the_jump_once(clock, caplog):
    made_at = clock.now
    clock.jump(days=-1)

    for minutes in (10, 0, 5):
        assert is_ahead(made_at - minutes * MINUTE)
        clock(minutes=1)

    stored = [line for line in told(caplog) if line.startswith("Stored times")]
    assert len(stored) == 1
    assert "by 23:50:00" in stored[0]


def test_another_jump_is_told_again(clock, caplog):
    made_at = clock.now
    clock.jump(days=-1)
    assert is_ahead(made_at)
    caplog.clear()

    clock.jump(hours=-1)
    module._jumps.offset = None  # another process would not have seen it
    assert is_ahead(made_at)

    assert len(told(caplog)) == 1


def test_a_row_without_a_time_is_free(clock):
    PinCredential.objects.create(user=UserFactory())
    condition = lasting("locked_until", MINUTE)

    assert not PinCredential.objects.filter(condition).exists()
    assert PinCredential.objects.filter(~condition).exists()
