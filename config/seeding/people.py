"""People in their variety: names, ways to reach them, preferences, notes, consents."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Model

from config.seeding.drafts import FORMER_WORDING, WORDING, model
from config.seeding.shops import Shop
from config.seeding.words import FLAGS, NO_CONTACT, NOTES

if TYPE_CHECKING:
    from customers.models import Customer

# Of all: those who joined this week, this quarter, and before.
_JOINED = ([(0, 7), (7, 90), (90, 730)], [6, 24, 70])
# One name in so many is a rare one; one person in so many cannot be reached.
_RARE, _UNREACHED = 7, 45
# Answers before so many days were to the former wording.
_NEW_WORDING = 300
_DOMAINS = ("example.org", "example.com", "example.net")
_CHANNELS = ["email", "sms", "call", None]


def new_customers(shop: Shop) -> list[Customer]:
    """Return the unsaved customers of a business, with a few who are there twice."""
    customers = [_person(shop, number) for number in range(shop.size)]
    _make_duplicates(customers)
    return customers


def _person(shop: Shop, number: int) -> Customer:
    chance = shop.chance
    name, local = _name(shop, number)
    start, end = chance.choices(*_JOINED)[0]
    joined = shop.ago(
        days=chance.randrange(start, end) + 1, seconds=-chance.randrange(86_400)
    )
    reached_by = chance.choices(["both", "email", "phone"], [70, 18, 12])[0]
    email = f"{local}@{chance.choice(_DOMAINS)}" if reached_by != "phone" else None
    phone = _phone(shop, number) if reached_by != "email" else None
    turn, is_unreached = number // _UNREACHED, number % _UNREACHED == _UNREACHED - 1
    if is_unreached:
        name, email, phone = NO_CONTACT[turn % len(NO_CONTACT)], None, None
    customer: Customer = model("Customer")(
        business=shop.business,
        unique_id=f"C-DEM{shop.code}-{number + 1:04d}",
        name=name,
        email=email,
        phone=phone,
        is_email_verified=email is not None and shop.likely(0.6),
        email_bounced_at=shop.between(joined) if email and shop.likely(0.03) else None,
        customer_type=chance.choices(
            [None, "walk_in", "regular", "vip", "wholesale", "other"],
            [20, 25, 35, 8, 8, 4],
        )[0],
        status=chance.choices(["active", "inactive", "blocked"], [90, 7, 3])[0],
        signup_method=chance.choice(["email", "email", "google", "staff"]),
        source=chance.choice(["website", "website", "market", "referral", "import"]),
        location=chance.choice(shop.towns)[0] if shop.likely(0.6) else None,
        external_id=f"KD-{10_000 + number}" if shop.likely(0.3) else None,
        joined_at=joined,
    )
    return customer


def _name(shop: Shop, number: int) -> tuple[str, str]:
    """Return a name, and how it is written in an address: unlike any other's."""
    # Spread over the list, so that pages meet them everywhere.
    turn, is_rare = number // _RARE, number % _RARE == _RARE // 2
    if is_rare and turn < len(shop.rare_names):
        return shop.rare_names[turn]
    first, last = shop.chance.choice(shop.first), shop.chance.choice(shop.last)
    if shop.likely(0.05):
        last = f"{last}-{shop.chance.choice(shop.last)}"
    return f"{first} {last}", f"{_ascii(first)}.{_ascii(last)}{number}"


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return plain.lower().replace(" ", "")


def _phone(shop: Shop, number: int) -> str:
    if shop.country == "PT":
        return f"+351 912 000 {number:03d}"
    return f"+47 22 10 {number // 100:02d} {number % 100:02d}"


def _make_duplicates(customers: list[Customer]) -> None:
    """Let the last ones look like earlier ones: by phone, e-mail and name."""
    by_phone = [p for p in customers[:-6] if p.phone]
    by_email = [p for p in customers[:-6] if p.email and "m" in p.email.split("@")[0]]
    by_name = [p for p in customers[:-6] if (p.name or "").isascii()]
    by_name = [p for p in by_name if "a" in (p.name or "")]
    for duplicate, original in zip(customers[-2:], by_phone, strict=False):
        duplicate.phone = original.phone
    for duplicate, original in zip(customers[-4:-2], by_email, strict=False):
        local, _, domain = (original.email or "").partition("@")
        duplicate.name = original.name
        duplicate.email = f"{local.replace('m', 'rn', 1)}@{domain}"
    for duplicate, original in zip(customers[-6:-4], by_name, strict=False):
        # A Cyrillic letter in the place of a Latin one.
        duplicate.name = (original.name or "").replace("a", "\u0430", 1)


def preferences_of(shop: Shop, customer: Customer) -> Model:
    """Return how a customer wants to be reached and served."""
    chance = shop.chance
    names = [name for name, _ in shop.goods]
    favourites = chance.sample(names, chance.randrange(3))
    preferences: Model = model("Preferences")(
        prefer_sms=chance.choice([None, None, True, False]),
        prefer_email=chance.choice([None, True, True, False]),
        prefer_call=chance.choice([None, None, True, False]),
        favorite_products=", ".join(favourites) or None,
        preferred_categories=chance.sample(["gifts", "news", "events"], 2)
        if shop.likely(0.2)
        else None,
        preferred_payment=chance.choice([None, "card", "invoice", "cash"]),
        best_contact_time=chance.choice([None, None, "mornings", "after 17:00"]),
        do_not_contact=shop.likely(0.05),
        can_receive_offers=not shop.likely(0.08),
        **shop.owners(customer),
    )
    return preferences


def addresses_of(shop: Shop, customer: Customer) -> Iterator[Model]:
    """Yield the addresses of a customer: mostly one, some none, some as typed."""
    kinds = shop.chance.choices([[], ["home"], ["home", "work"], ["billing"]],
                                [15, 55, 20, 10])[0]  # fmt: skip
    for kind in kinds:
        town, code = shop.chance.choice(shop.towns)
        line = f"{shop.chance.choice(shop.streets)} {shop.chance.randrange(1, 120)}"
        columns = {
            "line1": line,
            "city": town,
            "postal_code": code,
            "country": shop.country,
        }
        if shop.likely(0.05):
            columns = {"raw": f"{line}, {code} {town}, c/o the neighbours"}
        yield model("Address")(
            kind=kind,
            is_primary=kind == kinds[0],
            **columns,
            **shop.owners(customer),
        )


def contacts_of(shop: Shop, customer: Customer) -> Iterator[Model]:
    """Yield other people to reach, and former ways to reach the customer."""
    if number_of(customer) % 5 != 0:
        return
    first, last = shop.chance.choice(shop.first), shop.chance.choice(shop.last)
    kind = shop.chance.choice(["emergency", "alternative", "email", "phone"])
    number = f"+47 22 30 00 {shop.chance.randrange(100):02d}"
    former = {"valid_to": shop.between(customer.joined_at)}
    all_columns: dict[str, dict[str, object]] = {
        "emergency": {"name": f"{first} {last}", "relation": "sister", "phone": number},
        "alternative": {"name": f"{first} {last}", "relation": "assistant"},
        "email": {"email": f"former.{customer.unique_id}@example.net", **former},
        "phone": {"phone": number, **former},
    }
    yield model("Contact")(kind=kind, **all_columns[kind], **shop.owners(customer))


def notes_of(shop: Shop, customer: Customer) -> Iterator[Model]:
    """Yield what staff wrote down over the time."""
    for _ in range(shop.chance.choices([0, 1, 2, 4], [55, 28, 12, 5])[0]):
        kind = shop.chance.choice(list(NOTES))
        yield model("Note")(
            note_type=kind,
            content=shop.chance.choice(NOTES[kind]),
            is_pinned=shop.likely(0.15),
            created_by=shop.chance.choice([shop.staff.admin, *shop.staff.support]),
            created_at=shop.between(customer.joined_at),
            **shop.owners(customer),
        )


def flags_of(shop: Shop, customer: Customer) -> Iterator[Model]:
    """Yield the marks on a customer; some were removed again."""
    if number_of(customer) % 7 != 0:
        return
    person = shop.chance.choice(shop.staff.support)
    for code in shop.chance.sample(list(FLAGS), shop.chance.choice([1, 1, 2])):
        added = shop.between(customer.joined_at)
        removal = {}
        if shop.likely(0.2):
            removal = {
                "removed_at": shop.between(added),
                "removed_by_id": shop.staff.admin.pk,
                "removed_reason": "no longer so",
            }
        yield model("Flag")(
            code=code,
            reason=FLAGS[code],
            added_by_id=person.pk,
            created_at=added,
            **removal,
            **shop.owners(customer),
        )


def consents_of(shop: Shop, customer: Customer) -> Iterator[Model]:
    """Yield answers to the marketing question: given, refused, withdrawn."""
    answers = shop.chance.choices(
        [[], ["given"], ["refused"], ["given", "withdrawn"], ["given", "given"]],
        [50, 28, 8, 9, 5],
    )[0]
    moment, channel = customer.joined_at, shop.chance.choice(_CHANNELS)
    for position, action in enumerate(answers):
        is_new = (shop.now - moment).days < _NEW_WORDING or position > 0
        yield model("ConsentEvent")(
            purpose=shop.chance.choices(["marketing", "loyalty"], [9, 1])[0],
            channel=channel,
            action=action,
            wording_version=WORDING if is_new else FORMER_WORDING,
            method=shop.chance.choice(["staff", "phone", "form"]),
            occurred_at=moment,
            recorded_by_id=shop.chance.choice(shop.staff.support).pk,
            operation_id=shop.actor.operation.id,
            evidence="Asked at the counter." if shop.likely(0.3) else None,
            **shop.owners(customer),
        )
        moment = shop.between(moment)


def belongings_of(shop: Shop, customers: Sequence[Customer]) -> list[list[Model]]:
    """Return what people have apart from orders and tickets, by kind."""
    parts = (addresses_of, contacts_of, notes_of, flags_of, consents_of)
    preferences = [preferences_of(shop, customer) for customer in customers]
    lists = [[made for one in customers for made in part(shop, one)] for part in parts]
    return [preferences, *lists]


def is_silent(customer: Customer, now: datetime) -> bool:
    """Tell whether nothing is heard of a customer any more, as of a third."""
    joined_long_ago = customer.joined_at < now - timedelta(days=200)
    return joined_long_ago and number_of(customer) % 3 == 0


def number_of(customer: Customer) -> int:
    """Return the number of a customer among those of the business."""
    return int(customer.unique_id[-4:])
