from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction

from audit.accounts.login_attempts import clear, give_back, old_counters, reserve
from audit.models import AttemptCounter
from tests.conftest import in_parallel

QUARTER = timedelta(minutes=15)


def use_up(name: str, limit: int, **kwargs: bool) -> None:
    for _ in range(limit):
        assert reserve(name, limit, QUARTER, **kwargs).is_allowed


def test_the_limit_is_reached_and_the_wait_is_told(db, clock):
    use_up("a", 3)
    clock(minutes=5)

    refused = reserve("a", 3, QUARTER)

    assert (refused.is_allowed, refused.retry_after) == (False, 600)
    assert reserve("b", 3, QUARTER).is_allowed


def test_a_new_window_begins_when_the_old_one_is_over(db, clock):
    use_up("a", 3)
    clock(minutes=15)

    use_up("a", 3)
    assert not reserve("a", 3, QUARTER).is_allowed


def test_the_last_try_is_known_as_the_last(db):
    assert [reserve("a", 3, QUARTER).is_last for _ in range(3)] == [False, False, True]


def test_locks_double_up_to_an_hour(db, clock):
    waits = []
    for _ in range(5):
        use_up("a", 2, is_doubling=True)
        refused = reserve("a", 2, QUARTER, is_doubling=True)
        waits.append(refused.retry_after // 60)
        clock(seconds=refused.retry_after)

    assert waits == [15, 30, 60, 60, 60]


def test_a_lock_lasts_from_the_last_try_not_from_the_first(db, clock):
    reserve("a", 2, QUARTER, is_doubling=True)
    clock(minutes=14)
    reserve("a", 2, QUARTER, is_doubling=True)

    assert reserve("a", 2, QUARTER, is_doubling=True).retry_after == 900


def test_a_quiet_day_is_forgiven(db, clock):
    for _ in range(2):
        use_up("a", 2, is_doubling=True)
        clock(seconds=reserve("a", 2, QUARTER, is_doubling=True).retry_after)
    clock(days=1)

    use_up("a", 2, is_doubling=True)
    assert reserve("a", 2, QUARTER, is_doubling=True).retry_after == 900


def test_a_success_clears_one_name_and_gives_back_one_try(db):
    use_up("a", 3)
    use_up("b", 3)

    clear("a")
    give_back("b")

    use_up("a", 3)
    assert reserve("b", 3, QUARTER).is_allowed
    assert not reserve("b", 3, QUARTER).is_allowed


def test_counters_are_forgotten_a_day_after_their_end(db, clock):
    reserve("a", 3, QUARTER)
    clock(days=1)
    assert not old_counters().exists()

    clock(minutes=16)
    assert [row.name for row in old_counters()] == ["a"]


@pytest.mark.django_db(transaction=True)
def test_a_try_cannot_be_reserved_where_a_rollback_would_give_it_back():
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        reserve("a", 3, QUARTER)

    assert not AttemptCounter.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time."
)
def test_many_at_once_never_get_more_than_the_limit():
    def try_often() -> int:
        tries = [reserve("a", 5, QUARTER, is_doubling=True) for _ in range(10)]
        return sum(attempt.is_allowed for attempt in tries)

    assert sum(in_parallel(try_often, 8)) == 5
