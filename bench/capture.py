"""How many captures a second, alone and in batches, beside a plain endpoint.

    python -m bench.capture                       SQLite, in a temporary folder
    DATABASE_URL=postgresql://… python -m bench.capture    an empty database

Everything runs in one process, through the whole stack of each endpoint and without a
server in front, so that the ratio is that of the work done. The plain endpoint writes a
row and its history; a capture is deduplicated, kept, sealed, linked to a customer that
is made for it, projected, and counted in that customer's figures.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from django.test import Client

_SINGLES = 200
_BATCHES = 10
_BATCH = 100
_ROUNDS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
        os.environ.setdefault("HOLDFAST_DEBUG", "true")
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{Path(folder) / 'db'}")
        django.setup()
        _measure()


def _measure() -> None:
    calls = _calls(client())
    best = dict.fromkeys(calls, 0.0)
    # In turn, so that a busy moment of the machine hits all of them.
    for _ in range(_ROUNDS):
        for name, (call, times, size) in calls.items():
            best[name] = max(best[name], rate(call, times, size))
    baseline = next(iter(best.values()))
    for name, value in best.items():
        print(f"{name:40} {value:8.0f} /s   {value / baseline:5.2f} x plain")


def client() -> Client:
    """Return a client with a key, on a database that is ready."""
    from django.conf import settings  # noqa: PLC0415 - after setup
    from django.core.management import call_command  # noqa: PLC0415 - after setup
    from django.test import Client  # noqa: PLC0415 - after setup

    from audit.tenancy.actors import Actor  # noqa: PLC0415 - after setup
    from capture import services  # noqa: PLC0415 - after setup
    from customers import services as customers  # noqa: PLC0415 - after setup

    # Debugging would keep every statement in memory.
    settings.DEBUG = False
    call_command("migrate", verbosity=0)
    # The plain endpoint's table has no migrations, and refers to ours.
    call_command("migrate", run_syncdb=True, verbosity=0)
    actor = Actor.system("bench")
    business = customers.create_business(
        actor=actor, name="Bench", slug="bench", currency="EUR"
    )
    source = services.get_or_create_source(business, "bench", actor=actor)
    _, key = services.create_key(source, actor=actor, kind="secret")
    return Client(headers={"Authorization": f"Bearer {key}"})


def _calls(client: Client) -> dict[str, tuple[Callable[[], None], int, int]]:
    """Return what is measured: a call, how often, and how many items it sends."""
    numbers = count()

    def post(path: str, body: object) -> None:
        response = client.post(path, json.dumps(body), "application/json")
        assert response.status_code in (200, 201), response.content

    def plain() -> None:
        body = signup(next(numbers))
        post("/plain", {"name": "signup", "email": body["email"], "payload": body})

    def single() -> None:
        post("/api/v1/captures", signup(next(numbers)))

    def batch(item: Callable[[int], dict[str, object]]) -> None:
        items = [item(next(numbers)) for _ in range(_BATCH)]
        post("/api/v1/captures/batch", {"captures": items})

    return {
        "plain DRF and history": (plain, _SINGLES, 1),
        "single, new customer each": (single, _SINGLES, 1),
        "batch of 100, new customer each": (partial(batch, signup), _BATCHES, _BATCH),
        "batch of 100, known customer": (partial(batch, event), _BATCHES, _BATCH),
    }


def signup(n: int) -> dict[str, object]:
    """Return a signup of somebody new."""
    return {
        "type": "signup",
        "message_id": f"m-{n}",
        "email": f"person{n}@example.org",
        "name": "Ana Silva",
        "plan": "pro",
        "tracking": {"utm_source": "flyer", "utm_campaign": "spring"},
    }


def event(n: int) -> dict[str, object]:
    """Return an event of somebody known."""
    return {
        "type": "event",
        "name": "looked",
        "message_id": f"m-{n}",
        "email": "person0@example.org",
        "properties": {"page": "pricing", "seconds": 12.5},
    }


def rate(call: Callable[[], None], times: int, size: int) -> float:
    """Return how many items a second went through."""
    call()
    started = time.perf_counter()
    for _ in range(times):
        call()
    return times * size / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
