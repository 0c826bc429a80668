"""What the two businesses of the demo differ in, and what their rows are made by."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from audit.tenancy.actors import Actor
from config.seeding import words
from config.seeding.drafts import Owners
from config.seeding.staff import BAKERY_STAFF, STUDIO_STAFF, Staff, make_staff

if TYPE_CHECKING:
    from customers.models import Business, Customer


@dataclass(frozen=True)
class Shop:
    """One business, its staff, and the chance that decides everything in it.

    `code` is part of the references of its rows; `size` and `tickets` say how many.
    """

    business: Business
    staff: Staff
    actor: Actor
    chance: random.Random
    now: datetime
    code: int
    size: int
    tickets: int
    goods: list[tuple[str, str]]
    first: list[str]
    last: list[str]
    streets: list[str]
    towns: list[tuple[str, str]]
    country: str
    questions: list[tuple[str, str]]
    refund_limit: Decimal
    has_sessions: bool = False
    rare_names: list[tuple[str, str]] = field(default_factory=list)

    def owners(self, customer: Customer) -> Owners:
        """Return the columns that say whose a row is."""
        return {"customer": customer, "business": self.business}

    def likely(self, share: float) -> bool:
        """Tell whether this is one of the share of cases that are so."""
        return self.chance.random() < share

    def between(self, start: datetime, end: datetime | None = None) -> datetime:
        """Return a moment between two, the second of which is now by default."""
        seconds = int(((end or self.now) - start).total_seconds())
        return start + timedelta(seconds=self.chance.randrange(max(seconds, 1)))

    def ago(self, **time: float) -> datetime:
        """Return the moment so long ago."""
        return self.now - timedelta(**time)


def make_shops(
    bakery: Business, rival: Business, *, seed: int, now: datetime, actor: Actor
) -> list[Shop]:
    """Return the bakery, and the studio, which is small; with their staff."""
    return [
        Shop(
            bakery,
            make_staff(bakery, BAKERY_STAFF, actor),
            actor,
            random.Random(f"{seed} bakery"),  # noqa: S311 - made-up people, no secrets
            now,
            code=1,
            size=180,
            tickets=46,
            goods=words.GOODS,
            first=words.FIRST,
            last=words.LAST,
            streets=words.STREETS,
            towns=words.TOWNS,
            country="NO",
            questions=words.QUESTIONS,
            refund_limit=Decimal(50),
            rare_names=words.RARE_NAMES,
        ),
        Shop(
            rival,
            make_staff(rival, STUDIO_STAFF, actor),
            actor,
            random.Random(f"{seed} studio"),  # noqa: S311 - made-up people, no secrets
            now,
            code=2,
            size=20,
            tickets=9,
            goods=words.SESSIONS,
            first=words.SOUTHERN_FIRST,
            last=words.SOUTHERN_LAST,
            streets=words.SOUTHERN_STREETS,
            towns=words.SOUTHERN_TOWNS,
            country="PT",
            questions=words.STUDIO_QUESTIONS,
            refund_limit=Decimal(100),
            has_sessions=True,
        ),
    ]
