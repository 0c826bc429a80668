"""Messages of which nobody can say whose they are, for staff to decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from capture import services as capture
from config.seeding.captures import Message, send
from config.seeding.drafts import model
from config.seeding.shops import Shop
from config.seeding.sources import SERVER, Entrance
from config.seeding.staff import acting
from customers import services

if TYPE_CHECKING:
    from capture.models import Capture

# The signups before these are corrected by staff.
_FIRST = 3


def send_unclear(shop: Shop, entrances: dict[str, Entrance]) -> None:
    """Send a contradiction, changed e-mails and a payment of somebody archived.

    One of the changed e-mails is decided.
    """
    signups = capture.list_captures(actor=shop.actor, kind="signup")
    usable = signups.filter(
        business=shop.business,
        trust=SERVER,
        email__isnull=False,
        user_ref__isnull=False,
        link__customer__archived_at=None,
        link__customer__email_key__isnull=False,
    )
    chosen = list(usable.order_by("received_at", "pk")[_FIRST : _FIRST + 4])
    contents = [*_of_live(chosen), *_of_archived(shop)]
    messages = [
        Message(
            SERVER,
            kind,
            {**body, "message_id": f"demo-{shop.code}-unclear-{number}"},
            shop.ago(hours=30 - number),
        )
        for number, (kind, body) in enumerate(contents)
    ]
    send(shop, entrances, messages)
    _decide(shop, chosen[-1])


def _of_live(signups: Sequence[Capture]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the e-mail of one with the id of another, and ids with a new e-mail."""
    first, second, *others = signups
    both = {"user_email": first.email, "user_id": second.user_ref}
    yield "login", {**both, "success": True, "login_method": "password"}
    yield "payment", {**both, **_paid("T-8001")}
    for one in others:
        name, _, _ = (one.email or "").partition("@")
        new = {"user_email": f"{name}@new.example", "user_id": one.user_ref}
        yield "profile", {**new, "location": "Bergen"}


def _of_archived(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the payment of one who is archived."""
    customers = services.list_visible(model("Customer"), actor=shop.actor)
    archived = customers.filter(
        business=shop.business,
        archived_at__isnull=False,
        erased_at=None,
        email_key__isnull=False,
    )
    one: Any = archived.order_by("unique_id").first()
    if one is not None:
        yield "payment", {"user_email": one.email, **_paid("T-8002")}


def _decide(shop: Shop, signup: Capture) -> None:
    """Let support decide that somebody has changed their e-mail."""
    support = acting(shop.staff.support[0])
    customer = signup.link.customer_id
    [review] = capture.list_identity_reviews(actor=support, customer=customer)
    capture.decide_identity_review(
        review, "changed_email", reason="Wrote from the new address.", actor=support
    )


def _paid(number: str) -> dict[str, Any]:
    return {
        "plan_name": "Club",
        "final_price": "19.00",
        "payment_method": "card",
        "payment_processor": "nets",
        "payment_status": "completed",
        "transaction_id": number,
    }
