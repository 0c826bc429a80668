"""How much a drill does: a short form in each run, and all of it before a release.

`HOLDFAST_LONG=1` is for `.ci/full`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")
IS_LONG = bool(os.environ.get("HOLDFAST_LONG"))


def sample(rows: Sequence[_T], every: int, *, start: int = 0) -> list[_T]:
    """Return every so manieth of the rows, from a place on; all in the long form.

    With another `start` for each turn, all turns together look at all rows.
    """
    return list(rows) if IS_LONG else list(rows[start % every :: every])
