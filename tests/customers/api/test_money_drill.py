"""32 at once refund and credit one customer: no cent too much, each key done once."""

from __future__ import annotations

import json
import random
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import Sum
from django.test import Client

from customers import services
from customers.models import Booking, Credit, CustomerStats, Refund
from customers.money import from_database
from tests.factories import BookingFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
THREADS, PAID = 32, Decimal(100)


@dataclass
class Job:
    """One request with its key; several threads send the same."""

    kind: str
    key: str
    path: str
    body: dict[str, Any]


@dataclass
class Seen:
    """What came of it all."""

    answers: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    polls: int = 0
    wrong: list[str] = field(default_factory=list)


def jobs(booking: Booking) -> list[Job]:
    refunds = f"/api/v1/bookings/{booking.pk}/refunds"
    credits_ = f"/api/v1/customers/{booking.customer_id}/credits"
    made: list[Job] = []

    def add(kind: str, count: int, path: str, times: int, **body: Any) -> None:
        for number in range(count):
            job = Job(kind, f"{kind}-{number}", path, body)
            made.extend([job] * times)

    # Two more than there is money for.
    add("refund", 12, refunds, 3, amount="10.00", reason_code="quality")
    add("issue", 8, credits_, 2, amount="5.00")
    add("spend", 8, f"{credits_}/spend", 2, amount="7.00")
    random.Random(7).shuffle(made)
    return made


def as_person(signed_in: Client) -> Client:
    client = Client(raise_request_exception=True)
    client.cookies.load(signed_in.cookies.output(header=""))
    return client


def send(client: Client, job: Job) -> Any:
    """Send until the database had a place for it; the key makes that safe."""
    while True:
        try:
            return client.generic(
                "POST",
                job.path,
                json.dumps(job.body),
                content_type="application/json",
                headers={"Idempotency-Key": job.key},
            )
        except OperationalError:
            continue
        finally:
            connection.close()


def poll(
    client: Client, booking: Booking, seen: Seen, is_over: threading.Event
) -> None:
    """Read again and again, as a frontend does, what must hold at every step."""
    while not is_over.is_set():
        try:
            refunds = f"/api/v1/bookings/{booking.pk}/refunds?page_size=200"
            credit = f"/api/v1/customers/{booking.customer_id}/credits/balance"
            one, two = client.get(refunds), client.get(credit)
        except OperationalError:
            continue
        finally:
            connection.close()
        if 503 in (one.status_code, two.status_code):
            # The writers held the lock for longer than a request waits.
            continue
        gone = sum(Decimal(row["amount"]) for row in one.json()["results"])
        if gone > PAID:
            seen.wrong.append(f"refunded {gone}")
        balances = two.json()["balances"]
        if any(Decimal(n) < 0 for n in balances.values()):
            seen.wrong.append(f"balance {balances}")
        seen.polls += 1


def test_money_of_one_customer_at_once(at_once, alice, bakery):
    booking = BookingFactory(
        customer__business=bakery,
        status="completed",
        total_amount=PAID,
        paid_amount=PAID,
    )
    waiting, seen, is_over = jobs(booking), Seen(), threading.Event()
    sent = len(waiting)
    lock = threading.Lock()

    def work() -> None:
        client = as_person(alice)
        while True:
            with lock:
                if not waiting:
                    return
                job = waiting.pop()
            response = send(client, job)
            with lock:
                seen.answers[job.key].append(response)

    def read_on() -> None:
        poll(as_person(alice), booking, seen, is_over)

    # Its first call gives the threads a database of their own.
    at_once(lambda: None, times=1)
    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        raised = at_once(work, times=THREADS)
    finally:
        is_over.set()
        reader.join()

    assert raised == [None] * THREADS
    assert sum(map(len, seen.answers.values())) == sent
    assert seen.wrong == []
    assert seen.polls > 0
    done = {key for key, found in seen.answers.items() if is_done_once(found)}
    check_the_end(at_once(lambda: end(booking), times=1)[0], done)


def is_done_once(found: list[Any]) -> bool:
    """Tell whether the act of a key was done; assert that it was done once."""
    good = [each for each in found if each.status_code == 201]
    bad = {each.json()["code"] for each in found if each.status_code != 201}
    assert bad <= {"refund_exceeds_paid", "credit_exceeds_balance"}
    first = [each for each in good if "Idempotent-Replayed" not in each]
    assert len(first) == bool(good)
    assert len({each.content for each in good}) <= 1
    return bool(good)


def end(booking: Booking) -> dict[str, Any]:
    stats = CustomerStats.objects.get(customer=booking.customer_id)
    entries = list(Credit.objects.values_list("kind", "amount"))
    total = Credit.objects.aggregate(n=Sum("amount"))["n"]
    return {
        "status": Booking.objects.get(pk=booking.pk).status,
        "refunds": list(Refund.objects.values_list("status", "amount")),
        "entries": entries,
        "balance": from_database(total),
        "spent": stats.total_spent,
        "drift": list(services.find_differences(repair=False)),
    }


def check_the_end(found: dict[str, Any], done: set[str]) -> None:
    count = {
        kind: sum(key.startswith(kind) for key in done)
        for kind in ("refund", "issue", "spend")
    }
    assert count["refund"] == 10
    assert found["refunds"] == [("succeeded", Decimal(10))] * 10
    assert (found["status"], found["spent"]) == ("refunded", 0)
    assert count["issue"] == 8
    assert len(found["entries"]) == count["issue"] + count["spend"]
    assert found["balance"] == 5 * count["issue"] - 7 * count["spend"] >= 0
    assert found["drift"] == []
