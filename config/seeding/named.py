"""The two businesses of the demo, and its five customers who have everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from django.db.models import Model

from audit.tenancy.actors import Actor
from config.seeding.drafts import (
    FORMER_WORDING,
    REASON,
    WORDING,
    Owners,
    model,
    new_booking,
    this_minute,
    today,
)
from config.seeding.words import FIRST, GOODS, LAST, STREETS, TOWNS
from customers import services

if TYPE_CHECKING:
    from customers.models import Business, Customer

BAKERY, RIVAL = "bakery-nord", "studio-sud"

# One of the five: columns, and what belongs to them in a few words each.
Person: TypeAlias = dict[str, Any]
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


def how_to_add_more(number: int) -> str:
    """Return how to get so many made-up people where a demo is already."""
    return (
        "For more made-up people move the database away, or name an empty one in "
        f"DATABASE_URL, and run: python3 manage.py demo --customers {number or 2000}"
    )


def make_businesses(actor: Actor) -> tuple[Business, Business]:
    """Make two businesses, so that one can be seen not to see the other."""
    settings = {
        "consent_wordings": {WORDING: True, FORMER_WORDING: False},
        "invoice": {"seller_lines": ["Kongens gate 1", "0153 Oslo"]},
    }
    bakery = services.create_business(
        BAKERY,
        actor=actor,
        name="Bakery Nord",
        timezone="Europe/Oslo",
        currency="EUR",
        country="NO",
        settings=settings,
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
    other = model("Customer")(
        business=rival,
        unique_id="C-DEM0-0006",
        name="Ana Silva",
        email="ana.silva@example.org",
        joined_at=min(now, this_minute()),
    )
    services.save_record(other, actor=actor, reason=REASON)


def _make_person(
    business: Business, person: Person, number: int, now: datetime, actor: Actor
) -> None:
    columns = ("unique_id", "name", "email", "phone", "customer_type")
    customer = model("Customer")(
        business=business,
        status=person.get("status", "active"),
        is_email_verified=person.get("is_email_verified", False),
        joined_at=now - timedelta(days=person["joined"]),
        **{name: person[name] for name in columns},
    )
    services.save_record(customer, actor=actor, reason=REASON)
    services.update_preferences(
        customer,
        actor=actor,
        favorite_products=person.get("favorite_products"),
        do_not_contact=person.get("do_not_contact", False),
        best_contact_time="after 17:00",
    )
    for instance in _belongings(customer, person, number, now):
        instance.full_clean()
        services.save_record(instance, actor=actor, reason=REASON)


def _belongings(
    customer: Customer, person: Person, number: int, now: datetime
) -> Iterator[Model]:
    """Yield what belongs to one of the five, parents before children."""
    whose = {"customer": customer, "business": customer.business}
    for kind, primary in (("home", True), ("delivery", False)):
        yield model("Address")(
            kind=kind,
            line1=f"{STREETS[number]} {number}{'' if primary else ' B'}",
            city=TOWNS[number % 4][0],
            postal_code=TOWNS[number % 4][1],
            country="NO",
            is_primary=primary,
            **whose,
        )
    for kind, relation in (("emergency", "sister"), ("alternative", "neighbour")):
        yield model("Contact")(
            kind=kind,
            relation=relation,
            name=f"{FIRST[number * 3]} {LAST[number]}",
            phone=f"+47 22 00 9{number} 00",
            **whose,
        )
    yield model("Note")(
        note_type="preference", content="Likes to collect in the evening.", **whose
    )
    for code in person.get("flags", ()):
        yield model("Flag")(code=code, reason="seen at the counter", **whose)
    for age, (action, channel) in enumerate(reversed(person["consent"])):
        yield model("ConsentEvent")(
            purpose="marketing",
            action=action,
            channel=channel,
            wording_version=WORDING,
            occurred_at=now - timedelta(days=30 + 60 * age),
            **whose,
        )
    if "credit" in person:
        yield model("Credit")(
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
        goods, price = GOODS[(position + number) % len(GOODS)]
        booking = new_booking(
            whose,
            f"B-DEM{number}-{position:04d}",
            (status, now - timedelta(days=age), goods, Decimal(price), quantity),
        )
        yield booking
        if status == "refunded":
            yield model("Refund")(
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
        ticket = model("Ticket")(
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
            yield model("TicketMessage")(
                ticket=ticket,
                business=whose["business"],
                author_kind=kind,
                body=body,
                sent_at=opened + timedelta(minutes=minutes),
            )
