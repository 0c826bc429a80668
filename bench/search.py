"""How long lists and searches of customers take, beside the first page of the list.

    python -m bench.search [CUSTOMERS]            SQLite, in a temporary folder
    DATABASE_URL=postgresql://… python -m bench.search [CUSTOMERS]    an empty database

One business with as many made-up customers (100,000 by default). Each request is sent
through the whole stack by an administrator of the business, in turn with the first
page; printed are medians in milliseconds, statements, and the ratio to that page.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections import defaultdict
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from django.test import Client

_ROUNDS = 5
_BATCH = 2000
_CUSTOMERS = 100_000
_FIRST_PAGE = "/api/v1/customers"
_LIST, _SEARCH = f"{_FIRST_PAGE}?search=", f"{_FIRST_PAGE}/search?q="
_ADMIN = "/admin/customers/customer/"
_TEXTS = {
    "rare": "Zacharias",
    "common": "lund",
    "two words": "ada lund",
    "e-mail": "ada.lund.7@example.org",
    "part of e-mail": "lund.77",
    "phone": "22 00 00 07",
    "six digits": "220077",
    "no hit": "qqqqqq",
}
_REQUESTS = {
    "first page": _FIRST_PAGE,
    **{f"list: {kind}": f"{_LIST}{text}" for kind, text in _TEXTS.items()},
    **{f"search: {kind}": f"{_SEARCH}{text}" for kind, text in _TEXTS.items()},
    "by name": f"{_FIRST_PAGE}?ordering=name",
    "by name, downwards": f"{_FIRST_PAGE}?ordering=-name",
    "admin": _ADMIN,
    "admin by name": f"{_ADMIN}?o=who",
    "admin by name, downwards": f"{_ADMIN}?o=-who",
}


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else _CUSTOMERS
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
        os.environ.setdefault("HOLDFAST_DEBUG", "true")
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{Path(folder) / 'db'}")
        django.setup()
        _report(*_measure(_client(size)))


def _client(size: int) -> Client:
    """Return a client of an administrator, on a database with that many customers."""
    from django.apps import apps  # noqa: PLC0415 - after setup
    from django.conf import settings  # noqa: PLC0415 - after setup
    from django.core.management import call_command  # noqa: PLC0415 - after setup
    from django.db import connection  # noqa: PLC0415 - after setup
    from django.test import Client  # noqa: PLC0415 - after setup

    from audit.models import User  # noqa: PLC0415 - after setup
    from audit.tenancy.actors import Actor  # noqa: PLC0415 - after setup
    from customers import services  # noqa: PLC0415 - after setup

    settings.DEBUG = False
    settings.STAFF_RATES = dict.fromkeys(settings.STAFF_RATES, (10_000, 1_000_000))
    call_command("migrate", verbosity=0)
    actor = Actor.system("bench")
    business = services.create_business(
        actor=actor, name="Bench", slug="bench", country="NO"
    )
    start = time.perf_counter()
    for first in range(0, size, _BATCH):
        numbers = range(first, min(first + _BATCH, size))
        people = [_person(business, number) for number in numbers]
        services.bulk_create_customers(people, [], actor=actor, reason="bench")
    print(f"{size} customers, made in {time.perf_counter() - start:.0f} s")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    user = User.objects.create_user("ann", email="ann@example.org", is_staff=True)
    membership = apps.get_model("customers", "Membership")(
        user=user, business=business, role="admin"
    )
    membership.as_actor(actor, reason="bench").save()
    client = Client()
    client.force_login(user)
    return client


def _person(business: object, number: int) -> object:
    from django.apps import apps  # noqa: PLC0415 - after setup

    from config.seeding.words import FIRST, LAST  # noqa: PLC0415 - after setup

    chance = random.Random(number)
    first, last = chance.choice(FIRST), chance.choice(LAST)
    return apps.get_model("customers", "Customer")(
        business=business,
        name="Zacharias Only" if number == 0 else f"{first} {last}",
        email=f"{first}.{last}.{number}@example.org".lower(),
        phone=f"+4722{number:06d}",
    )


def _measure(client: Client) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Return the seconds of each request, and the statements that it takes."""
    from django.db import connection  # noqa: PLC0415 - after setup
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415 - after setup

    seconds: dict[str, list[float]] = defaultdict(list)
    statements = {}
    for kind, path in _REQUESTS.items():
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        statements[kind] = len(queries)
    for _ in range(_ROUNDS):
        # In turn, so that a busy moment of the machine hits all of them.
        for kind, path in _REQUESTS.items():
            start = time.perf_counter()
            answer = client.get(path)
            seconds[kind].append(time.perf_counter() - start)
            if answer.status_code != HTTPStatus.OK:
                raise SystemExit(f"{path}: {answer.status_code}")
    return seconds, statements


def _report(seconds: dict[str, list[float]], statements: dict[str, int]) -> None:
    first_page = median(seconds["first page"])
    for kind, times in seconds.items():
        middle = median(times)
        print(
            f"{kind:26} {middle * 1000:9.1f} ms {middle / first_page:8.2f}x "
            f"{statements[kind]:4} statements"
        )


if __name__ == "__main__":
    main()
