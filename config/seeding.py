"""Made-up people: the five of the demo, and any number more, the same every time."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from django.apps import apps
from django.db.models import Model

from audit.tenancy.actors import Actor
from customers import services

if TYPE_CHECKING:
    from customers.models import Booking, Business, Customer

BAKERY, RIVAL = "bakery-nord", "studio-sud"
WORDING = "v3"
_BATCH = 2000
_LIKELY, _RARE = 0.7, 0.08
_REASON = "demo data"
_FIRST = (
    "Ada Alva Arne Asta Bea Bo Dag Dina Edda Egil Eira Elin Emil Esben Falk "
    "Frida Gro Hedda Ida Ingrid Ivar Jonas Kari Lars Lea Liv Magnus Maja Mia "
    "Nils Nora Odin Ola Pia Rolf Runa Saga Siri Sven Tara Tore Tuva Ulf Una "
    "Vera Vidar Ylva"
).split()
_LAST = (
    "Aas Bakke Berg Dahl Eide Fjeld Foss Gran Hagen Haug Holm Krogh Lie Lund "
    "Moe Myhre Nygard Odden Roth Rud Sand Sletten Solberg Strand Sunde Tangen "
    "Vik Voll"
).split()
_STREETS = ("Storgata Kirkeveien Havnegata Skolegata Fjordveien Parkveien").split()
_TOWNS = [("Oslo", "0150"), ("Bergen", "5003"), ("Tromso", "9008"), ("Bodo", "8006")]
_GOODS = [
    ("Rye bread", "4.50"),
    ("Oat bread", "4.20"),
    ("Cardamom bun", "2.80"),
    ("Birthday cake", "38.00"),
    ("Coffee, 250 g", "9.90"),
]

# One of the five: columns, and what belongs to them in a few words each.
Person: TypeAlias = dict[str, Any]
# The customer and the business of a row.
Owners: TypeAlias = dict[str, Any]

# The five of the demo. Days are counted back from the day of the seed.
NAMED: list[Person] = [
    {
        "unique_id": "C-DEM0-0001",
        "name": "Ana Silva",
        "email": "ana.silva@example.org",
        "phone": "+47 22 00 04 21",
        "customer_type": "vip",
        "joined": 620,
        "is_email_verified": True,
        "orders": [
            ("completed", 600, 3), ("completed", 410, 5), ("completed", 300, 2),
            ("completed", 200, 9), ("completed", 90, 4), ("completed", 20, 6),
            ("refunded", 150, 2), ("cancelled", 60, 1),
        ],
        "tickets": [
            ("Cake without nuts?", "open", "urgent"), ("Invoice", "closed", "low"),
        ],
        "flags": ["verified", "fragile-goods"],
        "consent": [("given", "email")],
        "credit": "15.00",
        "favorite_products": "rye, cardamom buns",
    },
    {
        "unique_id": "C-DEM0-0002",
        "name": "Jonas Berg",
        "email": "jonas.berg@example.net",
        "phone": "+47 22 00 17 03",
        "customer_type": "regular",
        "joined": 240,
        "is_email_verified": True,
        "orders": [("completed", 230, 2), ("completed", 100, 3), ("no_show", 50, 1)],
        "tickets": [("Where is my order?", "pending", "normal")],
        "flags": ["verified"],
        "consent": [("given", "email"), ("withdrawn", "email")],
    },
    {
        "unique_id": "C-DEM0-0003",
        "name": "Mia Roth",
        "email": "mia.roth@example.org",
        "phone": "+49 30 5550199",
        "customer_type": "wholesale",
        "joined": 400,
        "orders": [("completed", 30 * n, 30) for n in range(1, 12)],
        "tickets": [("Standing order", "resolved", "normal")],
        "consent": [("refused", None)],
        "favorite_products": "coffee",
        "do_not_contact": True,
    },
    {
        "unique_id": "C-DEM0-0004",
        "name": "Lea Moor",
        "email": "lea.moor@example.com",
        "phone": "+41 44 000 00 00",
        "customer_type": "walk_in",
        "joined": 3,
        "orders": [("pending", 1, 2)],
        "tickets": [],
        "consent": [],
    },
    {
        "unique_id": "C-DEM0-0005",
        "name": "Ida Lund",
        "email": "ida.lund@example.no",
        "phone": "+47 22 00 00 12",
        "customer_type": "regular",
        "joined": 90,
        "orders": [("completed", 80, 4), ("cancelled", 40, 3), ("confirmed", 2, 1)],
        "tickets": [("Change the address", "open", "normal")],
        "consent": [("given", "sms")],
        "status": "inactive",
    },
]  # fmt: skip


def today() -> datetime:
    """Return noon of this day (UTC): the moment that all of the demo counts from.

    So that somebody is new this week on whatever day the demo is made.
    """
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def how_to_add_more(number: int) -> str:
    """Return how to get so many made-up people where a demo is already."""
    return (
        "For more made-up people move the database away, or name an empty one in "
        f"DATABASE_URL, and run: python3 manage.py demo --customers {number or 2000}"
    )


def make_businesses(actor: Actor) -> tuple[Business, Business]:
    """Make two businesses, so that one can be seen not to see the other."""
    wordings = {"consent_wordings": {WORDING: True, "v1": False}}
    bakery = services.create_business(
        BAKERY,
        actor=actor,
        name="Bakery Nord",
        timezone="Europe/Oslo",
        currency="EUR",
        country="NO",
        settings=wordings,
    )
    rival = services.create_business(
        RIVAL, actor=actor, name="Studio Sud", timezone="Europe/Lisbon", currency="EUR"
    )
    return bakery, rival


def make_named_customers(bakery: Business, rival: Business, actor: Actor) -> None:
    """Make the five of the demo, and one of the other business."""
    now = today()
    for number, person in enumerate(NAMED, start=1):
        _make_person(bakery, person, number, now, actor)
    other = _model("Customer")(
        business=rival,
        unique_id="C-DEM0-0006",
        name="Ana Silva",
        email="ana.silva@example.org",
        joined_at=now,
    )
    services.save_record(other, actor=actor, reason=_REASON)


def _make_person(
    business: Business, person: Person, number: int, now: datetime, actor: Actor
) -> None:
    columns = ("unique_id", "name", "email", "phone", "customer_type")
    customer = _model("Customer")(
        business=business,
        status=person.get("status", "active"),
        is_email_verified=person.get("is_email_verified", False),
        joined_at=now - timedelta(days=person["joined"]),
        **{name: person[name] for name in columns},
    )
    services.save_record(customer, actor=actor, reason=_REASON)
    services.update_preferences(
        customer,
        actor=actor,
        favorite_products=person.get("favorite_products"),
        do_not_contact=person.get("do_not_contact", False),
        best_contact_time="after 17:00",
    )
    for instance in _belongings(customer, person, number, now):
        instance.full_clean()
        services.save_record(instance, actor=actor, reason=_REASON)


def _belongings(
    customer: Customer, person: Person, number: int, now: datetime
) -> Iterator[Model]:
    """Yield what belongs to one of the five, parents before children."""
    whose = {"customer": customer, "business": customer.business}
    for kind, primary in (("home", True), ("delivery", False)):
        yield _model("Address")(
            kind=kind,
            line1=f"{_STREETS[number]} {number}{'' if primary else ' B'}",
            city=_TOWNS[number % 4][0],
            postal_code=_TOWNS[number % 4][1],
            country="NO",
            is_primary=primary,
            **whose,
        )
    for kind, relation in (("emergency", "sister"), ("alternative", "neighbour")):
        yield _model("Contact")(
            kind=kind,
            relation=relation,
            name=f"{_FIRST[number * 3]} {_LAST[number]}",
            phone=f"+47 22 00 9{number} 00",
            **whose,
        )
    yield _model("Note")(
        note_type="preference", content="Likes to collect in the evening.", **whose
    )
    for code in person.get("flags", ()):
        yield _model("Flag")(code=code, reason="seen at the counter", **whose)
    for age, (action, channel) in enumerate(reversed(person["consent"])):
        yield _model("ConsentEvent")(
            purpose="marketing",
            action=action,
            channel=channel,
            wording_version=WORDING,
            occurred_at=now - timedelta(days=30 + 60 * age),
            **whose,
        )
    if "credit" in person:
        yield _model("Credit")(
            kind="issued",
            amount=Decimal(person["credit"]),
            currency=customer.business.currency,
            reason_code="compensation",
            reason="A late delivery.",
            **whose,
        )
    yield from _orders(whose, person, number, now)
    yield from _tickets(whose, person, number, now)


def _orders(
    whose: Owners, person: Person, number: int, now: datetime
) -> Iterator[Model]:
    for position, (status, age, quantity) in enumerate(person["orders"]):
        goods, price = _GOODS[(position + number) % len(_GOODS)]
        booking = _booking(
            whose,
            f"B-DEM{number}-{position:04d}",
            (status, now - timedelta(days=age), goods, Decimal(price), quantity),
        )
        yield booking
        if status == "refunded":
            yield _model("Refund")(
                booking=booking,
                amount=booking.paid_amount,
                currency=booking.currency,
                status="succeeded",
                reason_code="quality",
                reason="Two were broken.",
                **whose,
            )


def _tickets(
    whose: Owners, person: Person, number: int, now: datetime
) -> Iterator[Model]:
    for position, (subject, status, priority) in enumerate(person["tickets"]):
        opened = now - timedelta(days=2 + position, hours=number)
        ticket = _model("Ticket")(
            subject=subject,
            status=status,
            priority=priority,
            channel="email",
            number=number * 10 + position,
            opened_at=opened,
            **whose,
        )
        yield ticket
        for kind, body, minutes in (
            ("customer", f"{subject} Please tell me.", 0),
            ("staff", "We look into it and write again today.", 45),
        ):
            yield _model("TicketMessage")(
                ticket=ticket,
                business=whose["business"],
                author_kind=kind,
                body=body,
                sent_at=opened + timedelta(minutes=minutes),
            )


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
            customers, belongings, actor=actor, reason=_REASON
        )
        done += size
        yield done


def _generated(
    chance: random.Random, number: int, business: object, now: datetime
) -> tuple[Customer, *tuple[Sequence[Model], ...]]:
    """Return a customer with addresses, bookings, tickets, notes and consents."""
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    joined = now - timedelta(
        days=chance.randrange(900), seconds=chance.randrange(86_400)
    )
    customer = _model("Customer")(
        business=business,
        unique_id=f"C-{number // 10_000:04d}-{number % 10_000:04d}",
        name=f"{first} {last}",
        email=f"{first}.{last}.{number}@example.org".lower(),
        phone=f"+4722{number % 1_000_000:06d}" if chance.random() < _LIKELY else None,
        customer_type=chance.choice([None, "walk_in", "regular", "vip"]),
        joined_at=joined,
    )
    whose = {"customer": customer, "business": business}
    town, code = chance.choice(_TOWNS)
    address = _model("Address")(
        line1=f"{chance.choice(_STREETS)} {chance.randrange(1, 120)}",
        city=town,
        postal_code=code,
        country="NO",
        is_primary=True,
        **whose,
    )
    age = max((now - joined).days, 1)
    bookings = []
    for position in range(min(int(chance.expovariate(0.5)), 6)):
        goods, price = chance.choice(_GOODS)
        status = chance.choices(["completed", "cancelled", "pending"], [88, 7, 5])[0]
        moment = joined + timedelta(days=chance.randrange(age))
        line = (status, moment, goods, Decimal(price), chance.randrange(1, 6))
        bookings.append(_booking(whose, f"B-{number:07d}-{position}", line))
    tickets = notes = consents = []
    if chance.random() < _RARE:
        tickets = [
            _model("Ticket")(
                number=1000 + number, subject="A question", opened_at=joined, **whose
            )
        ]
    if chance.random() < _RARE:
        notes = [_model("Note")(content="Asks for oat bread.", **whose)]
    action = chance.choices([None, "given", "refused"], [60, 30, 10])[0]
    if action:
        consents = [
            _model("ConsentEvent")(
                purpose="marketing",
                channel="email",
                action=action,
                wording_version=WORDING,
                occurred_at=joined,
                **whose,
            )
        ]
    return customer, [address], bookings, tickets, notes, consents


def _booking(
    whose: Owners,
    reference: str,
    line: tuple[str, datetime, str, Decimal, int],
) -> Booking:
    status, moment, goods, price, quantity = line
    amount = price * quantity
    is_purchase = status in ("completed", "refunded")
    return _model("Booking")(
        reference=reference,
        status=status,
        placed_at=moment,
        completed_at=moment if is_purchase else None,
        cancelled_at=moment if status == "cancelled" else None,
        cancelled_by="customer" if status == "cancelled" else None,
        items_count=quantity,
        lines=[
            {
                "description": goods,
                "quantity": str(quantity),
                "unit_price": str(price),
                "amount": str(amount),
            }
        ],
        total_amount=amount,
        paid_amount=amount if is_purchase else 0,
        currency=whose["business"].currency,
        **whose,
    )


@cache
def _model(name: str) -> Any:
    return apps.get_model("customers", name)
