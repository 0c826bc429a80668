"""Room on the stack of the interpreter, so that calls cost the same at every depth.

CPython 3.11 to 3.13 keep the frames of Python functions in chunks of 16 KB. A loop that
calls a function where a chunk happens to end maps a new chunk for each call and gives
it back after it (Python/pystate.c, `_PyThreadState_PushFrame` and `_PopFrame`), which
takes ten times as long as the call: a body of four megabytes took 11 s of CPU at such
a depth, and 3 s at all others.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., object])
# Of pointers: the frame takes this many and leaves as many to what it calls, more than
# the deepest recursion that is allowed. Memory that nothing touches is not used.
_ROOM = 1 << 16


def with_stack_room(function: _F) -> _F:
    """Let a function begin a chunk of its own, with room for all that it calls.

    For the outermost function of a request or a job. Takes a function of Python, not a
    generator, whose frames lie elsewhere.
    """
    code = cast(FunctionType, function).__code__
    cast(FunctionType, function).__code__ = code.replace(
        co_stacksize=max(_ROOM, code.co_stacksize)
    )
    return function
