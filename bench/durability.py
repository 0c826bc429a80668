"""What waiting for the disk costs on SQLite: `synchronous=FULL` beside `NORMAL`.

    python -m bench.durability [FOLDER]

Commits of one row, and captures through the whole stack of their endpoint, on one
database file in FOLDER (default: a temporary folder; name one on the disk that the hub
will use, since a file system in memory waits for nothing). Both modes take turns in one
run: a commit in one, a commit in the other, so that a busy moment of the machine hits
both alike.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import django

_MODES = ("NORMAL", "FULL")
_ROUNDS = 40
_CALLS = 10


def main() -> None:
    with tempfile.TemporaryDirectory(dir=next(iter(sys.argv[1:]), None)) as folder:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
        os.environ.setdefault("HOLDFAST_DEBUG", "true")
        os.environ.setdefault("HOLDFAST_LOG_LEVEL", "warning")
        os.environ["DATABASE_URL"] = f"sqlite:///{Path(folder) / 'db'}"
        django.setup()
        _measure()


def _measure() -> None:
    from bench.capture import client, signup  # noqa: PLC0415 - after setup

    caller, numbers = client(), count()

    def capture() -> None:
        body = signup(next(numbers))
        answer = caller.post("/api/v1/captures", body, "application/json")
        assert answer.json()["success"], answer.content

    for name, call in {"one row": _write_row, "capture": capture}.items():
        rates = {}
        for mode, times in _time(call).items():
            rates[mode] = len(times) / sum(times)
            p50, p99 = (1000 * _quantile(times, share) for share in (0.5, 0.99))
            print(
                f"{name:10} {mode:7} {rates[mode]:8.0f} /s   p50 {p50:6.2f} ms   "
                f"p99 {p99:6.2f} ms   {rates[mode] / rates['NORMAL']:5.2f} x NORMAL"
            )


def _write_row() -> None:
    from audit.accounts.login_attempts import reserve  # noqa: PLC0415 - after setup

    reserve("bench", 1_000_000, timedelta(days=1))


def _time(call: Callable[[], None]) -> dict[str, list[float]]:
    """Return how long each call took in each mode, in seconds."""
    found: dict[str, list[float]] = {mode: [] for mode in _MODES}
    call()
    for _ in range(_ROUNDS):
        for mode in _MODES:
            _switch(mode)
            for _ in range(_CALLS):
                started = time.perf_counter()
                call()
                found[mode].append(time.perf_counter() - started)
    return found


def _switch(mode: str) -> None:
    from django.db import connection  # noqa: PLC0415 - after setup

    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA synchronous={mode}")


def _quantile(times: list[float], share: float) -> float:
    return sorted(times)[int(share * (len(times) - 1))]


if __name__ == "__main__":
    main()
