"""Calls cost the same at every depth of the stack."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

import pytest

from audit.call_stack import with_stack_room

# More frames than a chunk of 16 KB holds.
DEPTHS = range(250)
CALLS = 20_000


def page_faults(act: Callable[[], Any]) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    act()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def at_depth(depth: int, act: Callable[[], Any]) -> Any:
    return at_depth(depth - 1, act) if depth else act()


def add(a: int) -> int:
    # Its frame is larger than a step of `at_depth`, so some depth has no room for it.
    return sum((a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a))


def many_calls() -> None:
    for number in range(CALLS):
        add(number)


def most_faults(act: Callable[[], Any], depths: range = DEPTHS) -> int:
    return max(at_depth(depth, lambda: page_faults(act)) for depth in depths)


def test_calls_map_no_memory_at_any_depth():
    @with_stack_room
    def with_room() -> None:
        many_calls()

    assert most_faults(with_room) < CALLS // 10


def test_what_is_returned_and_raised_stays():
    @with_stack_room
    def divide(a: int, *, by: int = 1) -> float:
        """Divide."""
        return a / by

    assert divide(6, by=3) == 2
    assert divide.__doc__ == "Divide."
    with pytest.raises(ZeroDivisionError):
        divide(1, by=0)
