"""Any number of plain people, the same every time: for figures, lists and benches."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

from django.db.models import Model

from audit.tenancy.actors import Actor
from config.seeding.drafts import REASON, WORDING, model, new_booking, today
from config.seeding.words import FIRST, GOODS, LAST, STREETS, TOWNS
from customers import services

if TYPE_CHECKING:
    from customers.models import Customer

_BATCH = 2000
_LIKELY, _RARE = 0.7, 0.08


def make_customers(business: object, n: int, seed: int, actor: Actor) -> Iterator[int]:
    """Make n customers from a seed, the same for the same numbers; yield how many are.

    Set-based, a few thousand at a time, with real histories, salts and guards.
    """
    chance = random.Random(seed)  # noqa: S311 - made-up people, no secrets
    now = today()
    # Nothing here makes cycles, and looking for them costs a fifth of the time.
    gc.disable()
    try:
        yield from _make(business, n, chance, now, actor)
    finally:
        gc.enable()


def _make(
    business: object, n: int, chance: random.Random, now: datetime, actor: Actor
) -> Iterator[int]:
    done = 0
    while done < n:
        size = min(_BATCH, n - done)
        made = [_generated(chance, k, business, now) for k in range(done, done + size)]
        customers, *others = zip(*made, strict=True)
        belongings = [list(chain.from_iterable(lists)) for lists in others]
        services.bulk_create_customers(
            customers, belongings, actor=actor, reason=REASON
        )
        done += size
        yield done


def _generated(
    chance: random.Random, number: int, business: object, now: datetime
) -> tuple[Customer, *tuple[Sequence[Model], ...]]:
    """Return a customer with addresses, bookings, tickets, notes and consents."""
    first, last = chance.choice(FIRST), chance.choice(LAST)
    joined = now - timedelta(
        days=chance.randrange(900), seconds=chance.randrange(86_400)
    )
    customer = model("Customer")(
        business=business,
        unique_id=f"C-{number // 10_000:04d}-{number % 10_000:04d}",
        name=f"{first} {last}",
        email=f"{first}.{last}.{number}@example.org".lower(),
        phone=f"+4722{number % 1_000_000:06d}" if chance.random() < _LIKELY else None,
        customer_type=chance.choice([None, "walk_in", "regular", "vip"]),
        joined_at=joined,
    )
    whose = {"customer": customer, "business": business}
    town, code = chance.choice(TOWNS)
    address = model("Address")(
        line1=f"{chance.choice(STREETS)} {chance.randrange(1, 120)}",
        city=town,
        postal_code=code,
        country="NO",
        is_primary=True,
        **whose,
    )
    age = max((now - joined).days, 1)
    bookings = []
    for position in range(min(int(chance.expovariate(0.5)), 6)):
        goods, price = chance.choice(GOODS)
        status = chance.choices(["completed", "cancelled", "pending"], [88, 7, 5])[0]
        moment = joined + timedelta(days=chance.randrange(age))
        line = (status, moment, goods, Decimal(price), chance.randrange(1, 6))
        bookings.append(new_booking(whose, f"B-{number:07d}-{position}", line))
    tickets = notes = consents = []
    if chance.random() < _RARE:
        tickets = [
            model("Ticket")(
                number=1000 + number, subject="A question", opened_at=joined, **whose
            )
        ]
    if chance.random() < _RARE:
        notes = [model("Note")(content="Asks for oat bread.", **whose)]
    action = chance.choices([None, "given", "refused"], [60, 30, 10])[0]
    if action:
        consents = [
            model("ConsentEvent")(
                purpose="marketing",
                channel="email",
                action=action,
                wording_version=WORDING,
                occurred_at=joined,
                **whose,
            )
        ]
    return customer, [address], bookings, tickets, notes, consents
