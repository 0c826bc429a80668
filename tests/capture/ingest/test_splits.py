"""However a sequence of messages is cut into batches, it ends the same."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.tenancy.actors import Actor
from capture import services
from capture.models import CapturedValue, CaptureLink, Identifier, IdentityReview
from customers import services as customers
from customers.models import Booking, ConsentEvent, Customer, CustomerStats
from tests.factories import CustomerFactory

SYSTEM = Actor.system("test")
START = datetime(2026, 11, 1, 6, tzinfo=UTC)
KINDS = ("event", "event", "page", "consent", "login", "profile", "payment", "alias")
SEEDS = range(30)


class _RolledBackError(Exception):
    """Ends the transaction of a try."""


def envelope(number: int, kind: str, trust: str, **names: str) -> Any:
    body: dict[str, object] = {"message_id": f"m-{number}", **names}
    body |= {
        "event": {"name": "x"},
        "page": {"url": "https://example.org/"},
        "consent": {"marketing_consent": "no" if number % 3 else "yes"},
        "login": {"success": True},
        "payment": {
            "transaction_id": f"T{number}",
            "final_price": 5,
            "payment_status": "paid",
        },
        "profile": {"full_name": f"Name {number}"},
        "alias": {},
    }[kind]
    # Neither in the order of arrival nor all at once.
    moment = START + timedelta(minutes=(number * 7) % 11)
    body["timestamp"] = moment.isoformat()
    [made] = services.build_envelopes(
        kind, body, trust=trust, received_at=START + timedelta(hours=1)
    )
    return made


def sequence(seed: int) -> list[Any]:
    """Return messages of a few people who have and share a few names."""
    chance = random.Random(seed)
    pools = {
        "email": ("ana@b.org", "ben@b.org", "old@b.org"),
        "user_id": ("u-1", "u-2", "c-7"),
        "anonymous_id": ("a-1", "a-2"),
        "previous_id": ("u-1", "a-1", "u-3"),
    }
    messages = []
    for number in range(chance.randint(4, 9)):
        kind = chance.choice(KINDS)
        names = {
            name: chance.choice(values)
            for name, values in pools.items()
            if chance.random() < (0.2 if name == "previous_id" else 0.5)
        }
        names = names or {"anonymous_id": "a-1"}
        if kind == "alias":
            names.setdefault("previous_id", "a-2")
            names.setdefault("user_id", "u-2")
        trust = chance.choice(("server", "server", "browser"))
        messages.append(envelope(number, kind, trust, **names))
    return messages


def cut(messages: list[Any], ends: set[int]) -> list[list[Any]]:
    batches: list[list[Any]] = [[]]
    for number, message in enumerate(messages):
        if number in ends and batches[-1]:
            batches.append([])
        batches[-1].append(replace(message, position=len(batches[-1])))
    return batches


def outcome(source: Any, batches: list[list[Any]]) -> dict[str, Any]:
    """Return all that these batches lead to; nothing of it stays."""
    result: dict[str, Any] = {}
    try:
        with transaction.atomic():
            for batch in batches:
                services.ingest(batch, source=source, actor=SYSTEM)
            result = stored()
            differences = list(services.rebuild(repair=False, actor=SYSTEM))
            result["differences"] = [d.table for d in differences]
            raise _RolledBackError
    except _RolledBackError:
        return result


def stored() -> dict[str, Any]:
    links = list(CaptureLink.objects.select_related("capture", "review"))
    names: dict[Any, Any] = {None: None}
    for customer in Customer.objects.all():
        of = sorted(x.capture.message_id for x in links if x.customer_id == customer.pk)
        names[customer.pk] = (
            customer.email, customer.external_id, customer.name,
            customer.joined_at.isoformat(), *of,
        )  # fmt: skip
    reviews: dict[Any, Any] = {None: None}
    for review in IdentityReview.objects.all():
        reviews[review.pk] = (
            review.kind, review.email, review.user_ref, review.state, review.decision,
            names[review.email_customer_id], names[review.user_customer_id],
            names[review.customer_id],
        )  # fmt: skip
    message_of = {link.capture_id: link.capture.message_id for link in links}
    return {
        "customers": sorted(map(str, names.values())),
        "reviews": sorted(map(str, reviews.values())),
        "links": sorted(
            (x.capture.message_id, str(names[x.customer_id]), str(x.rule),
             str(reviews[x.review_id]))
            for x in links
        ),
        "names": sorted(
            (i.kind, i.value, str(names[i.customer_id]), i.source_id is None, i.trust)
            for i in Identifier.objects.all()
        ),
        "values": sorted(
            (str(names[v.customer_id]), v.field, str(v.value), message_of[v.capture_id])
            for v in CapturedValue.objects.all()
        ),
        # Whether a no is called a withdrawal depends on what was known when it came.
        "consents": sorted(
            (str(names[c.customer_id]), c.action == "given", message_of[c.capture_id])
            for c in ConsentEvent.objects.all()
        ),
        "bookings": sorted(
            (str(names[b.customer_id]), b.status, str(b.paid_amount))
            for b in Booking.objects.all()
        ),
        "figures": sorted(
            (str(names[s.customer_id]), str(s.total_spent), str(s.last_active_at))
            for s in CustomerStats.objects.all()
        ),
    }  # fmt: skip


def somebody_archived(source: Any) -> None:
    one = CustomerFactory(
        business=source.business, email="old@b.org", external_id="c-7"
    )
    customers.archive_customer(one, actor=SYSTEM, reason="x")


@pytest.mark.parametrize("seed", SEEDS)
def test_any_cut_of_a_sequence_ends_the_same(source, seed):
    somebody_archived(source)
    messages = sequence(seed)
    chance = random.Random(seed)
    size = len(messages)

    one_by_one = outcome(source, cut(messages, set(range(size))))

    assert outcome(source, cut(messages, set())) == one_by_one
    for _ in range(2):
        ends = set(chance.sample(range(size), chance.randint(1, size - 1)))
        assert outcome(source, cut(messages, ends)) == one_by_one


def test_a_better_name_in_the_same_batch_is_the_name(source):
    messages = [
        envelope(number, "profile", "server", email="ana@b.org") for number in (2, 4)
    ]

    services.ingest(cut(messages, set())[0], source=source, actor=SYSTEM)

    assert Customer.objects.get().name == "Name 4"


def test_what_waits_takes_as_many_statements_for_many(source):
    def chain(number: int) -> list[Any]:
        ids = {"user_id": f"n-{number}", "previous_id": f"o-{number}"}
        send(
            envelope(number * 10, "event", "server", **ids),
            envelope(number * 10 + 1, "event", "server", user_id=f"o-{number}"),
        )
        return [envelope(number * 10 + 2, "profile", "server", user_id=f"n-{number}")]

    def send(*messages: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            services.ingest(cut([*messages], set())[0], source=source, actor=SYSTEM)
        return len(captured)

    one = send(*chain(1))
    many = send(*(each for number in range(2, 20) for each in chain(number)))

    assert not CaptureLink.objects.filter(customer=None).exists()
    assert many <= one
