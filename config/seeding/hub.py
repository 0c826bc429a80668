"""A hub in use: two hundred people, what they did, and what waits for the staff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.apps import apps

from audit.tenancy.actors import Actor
from config.seeding.activity import work
from config.seeding.drafts import REASON, model, this_minute
from config.seeding.orders import credits_of, orders_of, refunds_of
from config.seeding.people import belongings_of, new_customers
from config.seeding.shops import Shop, make_shops
from config.seeding.tickets import messages_of, tickets_of
from customers import services

if TYPE_CHECKING:
    from config.seeding.sources import Entrance
    from customers.models import Business, Customer


def fill_hub(bakery: Business, rival: Business, seed: int, actor: Actor) -> int:
    """Fill both businesses; return how many customers they have now.

    The same people, orders and tickets for the same seed; their days count back from
    the minute at which it is made.
    """
    now = this_minute()
    for shop in make_shops(bakery, rival, seed=seed, now=now, actor=actor):
        services.update_instance(
            shop.business, actor=actor, reason=REASON, refund_limit=shop.refund_limit
        )
        named = _stored(shop, "Customer", "unique_id")
        _make_customers(shop)
        everybody = _stored(shop, "Customer", "unique_id")
        customers = [one for one in everybody if one not in named]
        has_captures = apps.is_installed("capture")
        entrances = _capture(shop, customers, named) if has_captures else None
        work(shop, customers, _stored(shop, "Ticket", "number"))
        if entrances is not None:
            _send_unclear(shop, entrances)
    return int(services.list_visible(model("Customer"), actor=actor).count())


def _make_customers(shop: Shop) -> None:
    """Make the people of a business with all that they have, set by set."""
    customers = new_customers(shop)
    bookings = [order for one in customers for order in orders_of(shop, one)]
    tickets = tickets_of(shop, customers, bookings)
    messages = [m for ticket in tickets for m in messages_of(shop, ticket)]
    # Before the bookings are written: they follow their refunds.
    refunds = refunds_of(shop, bookings)
    services.bulk_create_customers(
        customers,
        [
            *belongings_of(shop, customers),
            bookings,
            tickets,
            messages,
            refunds,
            credits_of(shop, customers),
        ],
        actor=shop.actor,
        reason=REASON,
    )


def _capture(
    shop: Shop, customers: Sequence[Customer], named: Sequence[Customer]
) -> dict[str, Entrance]:
    """Send what the systems of a business send, right and wrong; return the ways in."""
    # Only where the app is installed.
    from config.seeding import captures, quarantine, sources  # noqa: PLC0415 - of capture

    entrances = sources.make_entrances(shop)
    messages = captures.make_messages(shop, customers)
    messages += captures.visits_of_named(shop, named)
    captures.send(shop, entrances, messages)
    captures.send(shop, entrances, captures.repeats_of(shop, messages))
    quarantine.send_wrong(shop, entrances)
    quarantine.decide(shop)
    quarantine.correct(shop)
    quarantine.count_refused(entrances[sources.BROWSER])
    return entrances


def _send_unclear(shop: Shop, entrances: dict[str, Entrance]) -> None:
    """Send what staff have to say whose it is, once some customers are archived."""
    from config.seeding import identities  # noqa: PLC0415 - of capture

    identities.send_unclear(shop, entrances)


def _stored(shop: Shop, name: str, order: str) -> list[Any]:
    """Return the rows of a business as they are stored, in the same order each time."""
    queryset = services.list_visible(model(name), actor=shop.actor)
    return list(queryset.filter(business=shop.business).order_by(order))
