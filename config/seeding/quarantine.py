"""What could not be taken, and what staff did with it; corrections and refusals too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from audit.tenancy.actors import OperationContext
from capture import services as capture
from config.seeding.captures import Message, send
from config.seeding.shops import Shop
from config.seeding.sources import BROWSER, SERVER, WEBHOOK, Entrance
from config.seeding.staff import acting

_AMOUNT = "12.00"
_WHO = {"user_email": "kari.nordmann@example.org"}
# Of which type, and what is wrong with each: an address that is none, nobody named, …
_WRONG: list[tuple[str, str, dict[str, Any]]] = [
    (SERVER, "signup", {"user_email": "kari.nordmann.example.org"}),
    (SERVER, "signup", {"full_name": "Kari Nordmann"}),
    (BROWSER, "login", {"user_id": "undefined"}),
    (BROWSER, "login", {**_WHO, "success": "perhaps"}),
    (SERVER, "payment", {**_WHO, "final_price": "-12.00", "transaction_id": "T-9001"}),
    (SERVER, "payment", {**_WHO, "final_price": "ten", "transaction_id": "T-9002"}),
    (
        SERVER,
        "payment",
        {
            **_WHO,
            "final_price": _AMOUNT,
            "currency": "EURO",
            "transaction_id": "T-9003",
        },
    ),
    (SERVER, "payment", {**_WHO, "final_price": _AMOUNT, "amount": "21.00"}),
    (BROWSER, "page", {**_WHO, "name": "Prices", "gpc": True}),
    (BROWSER, "questionnaire", {"user_email": "kari\u200bnordmann@example.org"}),
    (WEBHOOK, "", {"type": "charge.succeeded", "data": {"object": {}}}),
]
_REPAIRED = '{"user_email": "kari.nordmann@example.org", "full_name": "Kari Nordmann"}'
# Requests that were not let in, and how many of each in this hour.
_REFUSED = {"quota_exceeded": 14, "too_large": 3, "unsupported_encoding": 1}


def send_wrong(shop: Shop, entrances: dict[str, Entrance]) -> None:
    """Send what is wrong, some of it twice, and one id with other content."""
    messages = []
    for number, (trust, kind, body) in enumerate(_WRONG):
        at = shop.ago(days=2 * number, hours=1)
        messages.append(Message(trust, kind, dict(body), at))
        if number % 3 == 0:
            again = Message(trust, kind, dict(body), at + timedelta(minutes=20))
            messages.append(again)
    conflict = {**_WHO, "full_name": "Somebody", "message_id": _first_id(shop)}
    messages.append(Message(SERVER, "signup", conflict, shop.ago(hours=5)))
    send(shop, entrances, messages)


def _first_id(shop: Shop) -> str:
    """Return the id of a message that was captured as something else."""
    captures = capture.list_captures(actor=shop.actor, kind="signup")
    mine = captures.filter(business=shop.business, message_id__startswith="demo-")
    return mine.order_by("received_at", "pk")[0].message_id


def decide(shop: Shop) -> None:
    """Let the admin repair one item, and discard two."""
    admin = acting(shop.staff.admin)
    items = list(capture.list_quarantined(actor=admin).order_by("received_at", "pk"))
    by_code = {item.code: item for item in items}
    capture.replay_quarantined(
        by_code["no_identity"],
        actor=admin,
        text=_REPAIRED,
        reason="Asked the customer for the address.",
    )
    for code, reason in (
        ("illegal_identity", "An old version of the app; it is fixed."),
        ("amount_invalid", "A test of the programmers."),
    ):
        capture.discard_quarantined(by_code[code], actor=admin, reason=reason)


def correct(shop: Shop) -> None:
    """Let the admin correct what was captured wrongly."""
    admin = acting(shop.staff.admin)
    signups = capture.list_captures(actor=admin, kind="signup")
    for number, signup in enumerate(signups.order_by("received_at", "pk")[:3]):
        changes: dict[str, object] = {"location": shop.towns[number][0]}
        if capture.fields_of(signup).get("location") != changes["location"]:
            capture.correct_capture(
                signup, changes, actor=admin, reason="Moved; told us on the phone."
            )


def count_refused(entrance: Entrance) -> None:
    """Count requests of a key that were refused."""
    operation = OperationContext(via="capture", route="seed")
    for code, number in _REFUSED.items():
        for _ in range(number):
            capture.count_refusal(code, key=entrance.opener, operation=operation)  # type: ignore[arg-type]  # of the page, so a key
