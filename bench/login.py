"""Whether the time of a sign-in tells which names exist.

    python -m bench.login                         SQLite, in a temporary folder
    DATABASE_URL=postgresql://… python -m bench.login    an empty database

Wrong passwords are sent through the whole stack for a name that exists, for one that
does not, and for one that is disabled, in turn. Noise is the difference between the
medians of two halves of the same kind: what nobody can measure through, the more so
over a network.
"""

from __future__ import annotations

import os
import tempfile
import time
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from django.test import Client

_ROUNDS = 200
_NAMES = {"exists": "ann", "unknown": "somebody", "disabled": "former"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
        os.environ.setdefault("HOLDFAST_DEBUG", "true")
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{Path(folder) / 'db'}")
        django.setup()
        _report(_measure(_client()))


def _client() -> Client:
    """Return a client, on a database with an active and a disabled account."""
    from django.conf import settings  # noqa: PLC0415 - after setup
    from django.core.management import call_command  # noqa: PLC0415 - after setup
    from django.test import Client  # noqa: PLC0415 - after setup

    from audit.models import User  # noqa: PLC0415 - after setup

    settings.DEBUG = False
    # Locks would answer without any work, which is the same for all names too.
    settings.SIGN_IN_ACCOUNT_TRIES = settings.SIGN_IN_NETWORK_TRIES = 1_000_000
    settings.STAFF_RATES = dict.fromkeys(settings.STAFF_RATES, (10_000, 1_000_000))
    call_command("migrate", verbosity=0)
    for name, is_active in (("ann", True), ("former", False)):
        facts = {"email": f"{name}@example.org", "is_staff": True}
        User.objects.create_user(name, password="x" * 20, is_active=is_active, **facts)
    return Client()


def _measure(client: Client) -> dict[str, list[float]]:
    """Return the seconds of each try, by kind of name."""
    found: dict[str, list[float]] = {kind: [] for kind in _NAMES}
    for _ in range(_ROUNDS):
        # In turn, so that a busy moment of the machine hits all of them.
        for kind, name in _NAMES.items():
            body = {"username": name, "password": "wrong"}
            start = time.perf_counter()
            answer = client.post("/admin/login/", body)
            found[kind].append(time.perf_counter() - start)
            if answer.status_code != HTTPStatus.OK:
                raise SystemExit(f"{answer.status_code}: no password was looked at.")
    return found


def _report(found: dict[str, list[float]]) -> None:
    noise = max(
        abs(median(times[::2]) - median(times[1::2])) for times in found.values()
    )
    known = median(found["exists"])
    for kind, times in found.items():
        difference = (median(times) - known) * 1000
        print(f"{kind:10} {median(times) * 1000:8.2f} ms   {difference:+7.2f} ms")
    largest = max(abs(median(times) - known) for times in found.values())
    verdict = "below" if largest <= noise else "ABOVE"
    print(
        f"difference {largest * 1000:.2f} ms, noise {noise * 1000:.2f} ms: "
        f"{verdict} the noise"
    )


if __name__ == "__main__":
    main()
