"""What the systems of a business have sent over the months, through the real ingest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from capture import services as capture
from config.seeding.people import is_silent
from config.seeding.shops import Shop
from config.seeding.sources import BROWSER, SERVER, WEBHOOK, Entrance

if TYPE_CHECKING:
    from customers.models import Customer

# As many items as one request may have.
_MOST = 1000
_DEVICES = ["Firefox on Linux", "Safari on iPhone", "Chrome on Android"]
# Minutes since the last of them were here.
_RECENTLY = (4, 11, 35, 70, 140, 260, 410, 620, 900, 1300)
_WHOLE, _PART = 4200, 1500
_PLANS = [("Club", "19.00"), ("Office plan", "64.00"), ("Gift card", "30.00")]


@dataclass(frozen=True)
class Message:
    """What one request has sent: over which way, of which type, and when it came.

    `kind` is empty for an event of a provider, which says it itself.
    """

    trust: str
    kind: str
    body: dict[str, Any]
    at: datetime


def send(shop: Shop, entrances: dict[str, Entrance], messages: list[Message]) -> None:
    """Take messages as the endpoints do, in the order in which they came."""
    by_trust: dict[str, list[Message]] = defaultdict(list)
    for message in sorted(messages, key=lambda message: message.at):
        by_trust[message.trust].append(message)
    # Servers name people by all of their ids, so they come first.
    for trust in (SERVER, BROWSER, WEBHOOK):
        entrance, sent = entrances[trust], by_trust[trust]
        for start in range(0, len(sent), _MOST):
            envelopes = [
                envelope
                for message in sent[start : start + _MOST]
                for envelope in _envelopes(shop, entrance, message)
            ]
            capture.ingest(envelopes, source=entrance.source, actor=entrance.actor)


def _envelopes(shop: Shop, entrance: Entrance, message: Message) -> list[Any]:
    fields: dict[str, Any] = {
        "trust": entrance.trust,
        "key_id": entrance.key_id,
        "business_id": shop.business.pk,
        "received_at": message.at,
    }
    if message.trust == WEBHOOK:
        return capture.build_webhook("stripe", message.body, **fields)
    if message.trust == BROWSER:
        fields |= {"ip": "198.51.100.7", "user_agent": shop.chance.choice(_DEVICES)}
    return capture.build_envelopes(message.kind, message.body, **fields)


def make_messages(shop: Shop, customers: Sequence[Customer]) -> list[Message]:
    """Return what was sent about people, and of some who are nobody yet."""
    online = [one for one in customers if one.email and shop.likely(0.65)]
    messages = [
        message
        for number, one in enumerate(online)
        for message in _of_customer(shop, one, does_all=number == 0)
    ]
    recent = [one for one in online if not is_silent(one, shop.now)][: len(_RECENTLY)]
    messages += [
        _login(shop, one, shop.ago(minutes=minutes))
        for one, minutes in zip(recent, _RECENTLY, strict=False)
    ]
    messages += [*_of_guests(shop), *_of_nobody(shop)]
    return _with_ids(shop, messages)


def visits_of_named(shop: Shop, customers: Sequence[Customer]) -> list[Message]:
    """Return a few visits of the five, which change no figure of their orders."""
    messages = []
    for number, one in enumerate(customers):
        visits = [_login(shop, one, shop.ago(days=9 * n + number)) for n in range(1, 4)]
        messages += [*visits, _view(shop, one, shop.ago(hours=3 + number))]
    return _with_ids(shop, messages, first=100_000)


def repeats_of(shop: Shop, messages: Sequence[Message]) -> list[Message]:
    """Return the dashboards once more, as they were a day later: sightings."""
    repeats = []
    for message in messages:
        at = min(message.at + timedelta(days=1), shop.now)
        again = {"message_id": f"{message.body.get('message_id')}-again"}
        body = {**message.body, **again, "timestamp": at.isoformat()}
        if message.kind == "dashboard":
            repeats.append(replace(message, body=body, at=at))
    return repeats


def _with_ids(shop: Shop, messages: list[Message], first: int = 1) -> list[Message]:
    """Give each message an id, as the libraries do; providers have their own."""
    numbers = count(first)
    for message in messages:
        if message.trust != WEBHOOK:
            message.body["message_id"] = f"demo-{shop.code}-{next(numbers):06d}"
    return messages


def _of_customer(shop: Shop, one: Customer, *, does_all: bool) -> Iterator[Message]:
    """Yield the signup, visits, payments and answers of one customer."""
    end = shop.ago(days=140) if is_silent(one, shop.now) else shop.now
    end = max(end, one.joined_at + timedelta(minutes=30))
    end = min(end, shop.now)
    yield _signup(shop, one)
    for _ in range(shop.chance.randrange(5)):
        yield _login(shop, one, shop.between(one.joined_at, end))
    for _ in range(shop.chance.randrange(4)):
        yield _view(shop, one, shop.between(one.joined_at, end))
    if does_all or shop.likely(0.45):
        yield from _payment(shop, one, shop.between(one.joined_at, end))
    if does_all or shop.likely(0.2):
        yield from _card_payment(shop, one, shop.between(one.joined_at, end))
    if does_all or shop.likely(0.25):
        yield _questionnaire(shop, one, shop.between(one.joined_at, end))
    if does_all or shop.likely(0.3):
        yield _dashboard(shop, one, shop.between(one.joined_at, end))


def _who(one: Customer) -> dict[str, Any]:
    return {"user_email": one.email, "user_id": one.external_id or f"u-{one.unique_id}"}


def _signup(shop: Shop, one: Customer) -> Message:
    body = {
        **_who(one),
        "full_name": one.name,
        "mobile_number": one.phone,
        "plan_type": shop.chance.choice(["free", "free", "club"]),
        "signup_date": one.joined_at.isoformat(),
        "signup_method": one.signup_method,
        "signup_source": one.source,
        "location": one.location,
        "email_verified": one.is_email_verified,
    }
    if shop.likely(0.35):
        body["marketing_consent"] = shop.likely(0.75)
    return Message(SERVER, "signup", body, one.joined_at + timedelta(seconds=2))


def _login(shop: Shop, one: Customer, at: datetime) -> Message:
    has_failed = shop.likely(0.12)
    body = {
        "user_email": one.email,
        "login_time": at.isoformat(),
        "login_method": shop.chance.choice(["password", "password", "google"]),
        "device_info": shop.chance.choice(_DEVICES),
        "success": not has_failed,
        "failure_reason": "wrong password" if has_failed else None,
    }
    return Message(BROWSER, "login", body, at + timedelta(seconds=1))


def _view(shop: Shop, one: Customer, at: datetime) -> Message:
    goods, price = shop.chance.choice(shop.goods)
    body = {
        "anonymous_id": f"browser-{one.unique_id}",
        "user_email": one.email,
        "name": shop.chance.choice(["Product viewed", "Added to cart"]),
        "properties": {"product": goods, "price": price},
        "timestamp": at.isoformat(),
    }
    return Message(BROWSER, "event", body, at + timedelta(seconds=1))


def _payment(shop: Shop, one: Customer, at: datetime) -> Iterator[Message]:
    """Yield a payment: first what the page claims, then what the server knows."""
    plan, price = shop.chance.choice(_PLANS)
    body = {
        "user_email": one.email,
        "full_name": one.name,
        "plan_name": plan,
        "final_price": price,
        "currency": shop.business.currency,
        "payment_method": shop.chance.choice(["card", "invoice", "vipps"]),
        "payment_processor": "nets",
        "transaction_id": f"T-{shop.code}-{one.unique_id[-4:]}",
        "payment_status": "pending",
        "payment_date": at.isoformat(),
    }
    yield Message(BROWSER, "payment", body, at)
    if shop.likely(0.85):
        status = shop.chance.choices(["completed", "failed"], [9, 1])[0]
        settled = {**body, **_who(one), "payment_status": status}
        yield Message(SERVER, "payment", settled, at + timedelta(minutes=2))


def _card_payment(shop: Shop, one: Customer, at: datetime) -> Iterator[Message]:
    """Yield the events of Stripe about a payment that some got back."""
    number = f"{shop.code}{one.unique_id[-4:]}"
    intent = f"pi_demo{number}"
    session = {
        "id": f"cs_demo{number}",
        "object": "checkout.session",
        "mode": "payment",
        "payment_status": "paid",
        "payment_intent": intent,
        "amount_total": _WHOLE,
        "currency": shop.business.currency.lower(),
        "customer": f"cus_demo{number}",
        "customer_details": {"email": one.email, "name": one.name},
    }
    yield _stripe("checkout.session.completed", session, at)
    if shop.likely(0.35) and at < shop.ago(days=3):
        back = shop.chance.choice([_WHOLE, _PART])
        charge = {
            "id": f"ch_demo{number}",
            "object": "charge",
            "payment_intent": intent,
            "amount": _WHOLE,
            "amount_captured": _WHOLE,
            "amount_refunded": back,
            "captured": True,
            "refunded": back == _WHOLE,
            "currency": shop.business.currency.lower(),
        }
        yield _stripe("charge.refunded", charge, at + timedelta(days=2))


def _stripe(kind: str, thing: dict[str, Any], at: datetime) -> Message:
    event = {
        "id": f"evt_{kind.replace('.', '')}_{thing['id']}",
        "object": "event",
        "type": kind,
        "created": int(at.timestamp()),
        "livemode": False,
        "data": {"object": thing},
    }
    return Message(WEBHOOK, "", event, at + timedelta(seconds=3))


def _questionnaire(shop: Shop, one: Customer, at: datetime) -> Message:
    body = {
        **_who(one),
        "user_name": one.name,
        "account_type": shop.chance.choice(["private", "company", "club"]),
        "has_account": shop.chance.choice(["yes", "no"]),
        "answers": {
            "How did you hear of us?": shop.chance.choice(["a friend", "the market"]),
            "What do you miss?": shop.chance.choice(["Sunday hours", "a café", ""]),
        },
        "timestamp": at.isoformat(),
    }
    return Message(BROWSER, "questionnaire", body, at + timedelta(seconds=1))


def _dashboard(shop: Shop, one: Customer, at: datetime) -> Message:
    balance = shop.chance.randrange(10, 400)
    state = {
        "account": {"balance": balance, "equity": balance},
        "performance": {
            "total_pnl": shop.chance.randrange(-40, 160),
            "win_rate": shop.chance.randrange(30, 90),
        },
    }
    body = {
        **_who(one),
        "dashboard_state": state,
        "theme": "dark",
        "timestamp": at.isoformat(),
    }
    return Message(SERVER, "dashboard", body, at + timedelta(seconds=1))


def _of_guests(shop: Shop) -> Iterator[Message]:
    """Yield signups without a name, for which the address or another id stands in."""
    for number in range(shop.size // 25 + 1):
        at = shop.between(shop.ago(days=40))
        email = f"guest.{shop.code}{number}@example.net"
        signup = {"user_email": email, "signup_date": at.isoformat()}
        yield Message(SERVER, "signup", signup, at)
        login = {"user_id": f"till-{shop.code}-{number}", "login_time": at.isoformat()}
        yield Message(SERVER, "login", login, at)


def _of_nobody(shop: Shop) -> Iterator[Message]:
    """Yield visits by browsers of which nobody knows whose they are."""
    for number in range(shop.size // 8 + 2):
        at = shop.between(shop.ago(days=30))
        body = {
            "anonymous_id": f"browser-{shop.code}-{number}",
            "name": shop.chance.choice(["Home", "Opening hours", "Prices"]),
            "properties": {"path": "/"},
            "timestamp": at.isoformat(),
        }
        yield Message(BROWSER, "page", body, at)
