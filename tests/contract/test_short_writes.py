"""Work on many rows holds the database for short: no transaction grows with the data.

SQLite has one writer at a time, and captures wait for it. Each long write is done at
two sizes; its longest transaction has to run as many statements, and write as many
rows, at the one as at the other, and for more data there have to be more of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from audit.models import IdempotentResponse
from audit.tenancy.actors import Actor
from capture import services as capture
from capture.models import (
    Capture,
    CapturedValue,
    CaptureLink,
    Payment,
    Signup,
)
from customers import services as customers
from customers.models import Business, Customer, CustomerStats
from customers.services.imports import purchase_log
from tests.capture.commands.test_import_legacy import (
    ANA,
    PAYMENTS,
    TEAM,
    LegacyFile,
)
from tests.capture.commands.test_import_legacy import CUSTOMERS as CUSTOMERS_TABLE
from tests.conftest import signed_in, staff
from tests.customers.api.sending import send
from tests.factories import BusinessFactory, SourceFactory
from tests.transactions import Watch, watched_writes

# The most that any of them does under the lock; each statement is below a millisecond.
MOST_STATEMENTS = 100
MOST_ROWS = 600

Work = Callable[[], Any]


def purchases(folder: Path, size: int) -> Work:
    """Load a purchase log: each line of a person of its own."""
    path = folder / "log.csv"
    lines = [f"c{size}-{n},2026-01-02,1,2.00" for n in range(size)]
    path.write_text("\n".join(["customer,date,quantity,amount", *lines]))
    options = {"business": "bakery", "stdout": StringIO(), "stderr": StringIO()}
    return lambda: call_command("import_purchases", str(path), **options)


def legacy(folder: Path, size: int) -> Work:
    """Load the database of the system before: people, and what they paid."""
    file = LegacyFile(folder / f"old-{size}.db").make(CUSTOMERS_TABLE, PAYMENTS)
    name = f"s{size}-"
    file.add(
        "customer_data_immutable",
        *(
            ANA
            | {
                "id": n,
                "customer_id": size * 1000 + n,
                "unique_id": f"{name}{n}",
                "email": f"{name}{n}@example.org",
            }
            for n in range(1, size + 1)
        ),
    )
    file.add(
        "payment_data",
        *(
            TEAM
            | {
                "id": n,
                "user_id": size * 1000 + n,
                "user_email": f"{name}{n}@example.org",
                "transaction_id": f"{name}{n}",
            }
            for n in range(1, size + 1)
        ),
    )
    options = {
        "business": "bakery",
        "source": f"legacy-{size}",
        "stdout": StringIO(),
        "stderr": StringIO(),
    }
    return lambda: call_command("import_legacy", str(file.path), **options)


def _captured(size: int, kind: str) -> None:
    """Take captures in, of a person each."""
    source = SourceFactory(business=Business.objects.get(slug="bakery"))
    envelopes = []
    for n in range(size):
        body = {
            "email": f"{source.slug}-{n}@example.org",
            "name": "Somebody",
            "transaction_id": f"{source.slug}-{n}",
            "payment_status": "completed",
            "final_price": "5.00",
        }
        envelopes += capture.build_envelopes(kind, body, trust="server")
    capture.ingest(envelopes, source=source, actor=Actor.system("test"))


def _customers(size: int) -> list[Customer]:
    """Make customers whose figures are all wrong."""
    business = Business.objects.get(slug="bakery")
    made = [Customer(business=business, name=f"N{n}") for n in range(size)]
    customers.bulk_create_customers(made, [], actor=Actor.system("test"), reason="test")
    CustomerStats.objects.update(total_orders=7)
    return made


def _rebuild() -> None:
    found = list(capture.rebuild(repair=True, actor=Actor.system("test")))
    assert found


def signups(_folder: Path, size: int) -> Work:
    """Repair typed rows, and values of customers."""
    _captured(size, "signup")
    Signup.objects.update(plan="broken")
    CapturedValue.objects.update(value="broken")
    return _rebuild


def payments(_folder: Path, size: int) -> Work:
    """Repair payments."""
    _captured(size, "payment")
    Payment.objects.update(plan_name="broken")
    return _rebuild


def links(_folder: Path, size: int) -> Work:
    """Link captures again."""
    _captured(size, "signup")
    newest = Capture.objects.order_by("-pk").values_list("pk", flat=True)[:size]
    CaptureLink.objects.filter(capture__in=list(newest)).delete()
    return _rebuild


def figures(_folder: Path, size: int) -> Work:
    """Repair figures."""
    _customers(size)
    return _rebuild


def thresholds(_folder: Path, size: int) -> Work:
    """Change what decides the figures of all customers of a business."""
    _customers(size)
    business = Business.objects.get(slug="bakery")
    business.regular_from += 1
    business.frequent_from += 1

    def change() -> None:
        customers.save_record(business, actor=Actor.system("test"))
        assert not CustomerStats.objects.filter(total_orders=7).exists()

    return change


def bulk_create_customers(_folder: Path, size: int) -> Work:
    """Create customers by the API, with a key."""
    emails = [f"n{size}-{n}@example.org" for n in range(size)]
    items = [{"name": email, "email": email} for email in emails]
    browser = signed_in(staff(Business.objects.get(slug="bakery")))

    def create() -> None:
        key = {"Idempotency-Key": f"key-{size}"}
        answer = send(
            browser, "POST", "/api/v1/customers/bulk", {"items": items}, **key
        )
        assert answer.json()["succeeded"] == size

    return create


def change_many(_folder: Path, size: int) -> Work:
    """Change customers by the API."""
    rows = _customers(size)
    browser = signed_in(staff(Business.objects.get(slug="bakery")))
    items = [{"id": str(row.pk), "source": "fair"} for row in rows]

    def change() -> None:
        answer = send(browser, "PATCH", "/api/v1/customers/bulk", {"items": items})
        assert answer.json()["succeeded"] == size

    return change


def maintain(_folder: Path, size: int) -> Work:
    """Remove what has served its time."""
    old = timezone.now() - timedelta(days=30)
    IdempotentResponse.objects.bulk_create(
        IdempotentResponse(name=f"{size}-{n}", fingerprint="x", expires_at=old)
        for n in range(size)
    )
    for n in range(size // 10):
        caches["default"].set(f"{size}-{n}", "x", timeout=-1)

    def remove() -> None:
        call_command("maintain", yes=True, stdout=StringIO())
        assert not IdempotentResponse.objects.exists()

    return remove


def renew_keys(_folder: Path, size: int) -> Work:
    """Sign accounts and roles again, after the key was replaced."""
    for _ in range(size):
        staff(Business.objects.get(slug="bakery"))
    former = [settings.HASH_KEY, *(f"key of {n}" for n in range(50))]

    def renew() -> None:
        with override_settings(HASH_KEY=f"key of {size}", HASH_KEYS_OLD=former):
            call_command("renew_hash_key", yes=True, stdout=StringIO())

    return renew


# What is done, at a smaller and a larger number of rows.
WORKS = [
    (purchases, 110, 220),
    (legacy, 20, 60),
    (signups, 25, 45),
    (payments, 25, 45),
    (links, 25, 45),
    (figures, 110, 110),
    (thresholds, 110, 110),
    (bulk_create_customers, 3, 6),
    (change_many, 3, 6),
    (maintain, 600, 1700),
    (renew_keys, 21, 41),
]


@pytest.mark.parametrize(
    ("prepare", "small", "large"), WORKS, ids=[work[0].__name__ for work in WORKS]
)
@pytest.mark.django_db(transaction=True)
def test_no_transaction_grows_with_the_data(prepare, small, large, tmp_path, settings):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    BusinessFactory(slug="bakery")

    def run(size: int) -> Watch:
        work = prepare(tmp_path, size)
        with watched_writes() as watch:
            work()
        return watch

    # The first one fills the caches of content types and the like.
    run(2)
    before = run(small)
    after = run(large)

    assert len(after.transactions) > len(before.transactions)
    assert after.statements <= before.statements + 2
    assert after.rows <= before.rows + 2
    assert after.statements <= MOST_STATEMENTS
    assert after.rows <= MOST_ROWS


def test_a_load_refuses_to_be_part_of_a_longer_transaction(db, bakery):
    line = purchase_log.Purchase(1, "7", timezone.now().date(), 1, 1)  # type: ignore[arg-type]  # its numbers do not matter here

    with (
        transaction.atomic(),
        pytest.raises(RuntimeError, match="durable atomic block"),
    ):
        customers.load_purchases(
            bakery, [line], currency="EUR", actor=Actor.system("test")
        )

    assert not Customer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_grows_is_noticed():
    BusinessFactory(slug="bakery")
    rows = _customers(6)

    with watched_writes() as watch, transaction.atomic():
        for row in rows:
            customers.refresh_stats([row.pk])

    assert len(watch.transactions) == 1
    assert watch.statements > 6
    assert watch.rows == 6
    assert not connection.in_atomic_block
