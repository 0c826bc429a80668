"""What stands beside a customer when `expand` names it: one call for one screen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from audit.json_text import JsonObject
from audit.rest.expansion import Expansion, Related, RelatedList, RelatedValue
from audit.tenancy.actors import Actor
from customers import services
from customers.api.serializers import bookings, businesses, customers, money, tickets
from customers.api.serializers import customer_detail as detail
from customers.api.serializers import customer_related as related
from customers.models import Customer


def _balance(customer: Customer, actor: Actor) -> JsonObject:
    return {"balances": services.credit_balance(customer, actor=actor)}


def _contactability(customer: Customer, actor: Actor) -> JsonObject:
    answers = services.contact_answers(customer)
    return {
        "states": [
            {"purpose": purpose, "channel": channel, **vars(answer)}
            for (purpose, channel), answer in answers.items()
        ]
    }


def _metrics(customer: Customer, actor: Actor) -> JsonObject:
    metrics = services.get_customer_metrics(customer, actor=actor, stats=customer.stats)
    return {**vars(metrics.stats), **vars(metrics)}


_Of = partial(RelatedList, column="customer")
_OfNow = partial(_Of, conditions={"archived_at": None})
_MESSAGES = RelatedList(tickets.MessageSerializer, "ticket", "sent_at")

EXPANSIONS: Mapping[str, Expansion] = {
    "business": Related(businesses.BusinessSerializer, "business"),
    "preferences": Related(
        customers.PreferencesSerializer, "preferences", ("preferences__business",)
    ),
    "stats": Related(customers.StatsSerializer, "stats", ("stats__business",)),
    "addresses": _OfNow(related.AddressSerializer),
    "contacts": _OfNow(related.ContactSerializer),
    "notes": _OfNow(related.NoteSerializer),
    "flags": _Of(related.FlagSerializer),
    "consents": _Of(related.ConsentSerializer, time="occurred_at"),
    "bookings": _Of(bookings.BookingSerializer, time="placed_at"),
    "tickets": _Of(
        tickets.TicketSerializer, time="opened_at", lists={"messages": _MESSAGES}
    ),
    "balance": RelatedValue(
        money.BalancesSerializer, _balance, "customers.view_credit"
    ),
    "contactability": RelatedValue(
        related.ContactabilitySerializer,
        _contactability,
        "customers.view_consentevent",
        ("business", "stats", "preferences"),
    ),
    "metrics": RelatedValue(
        detail.PersonMetricsSerializer,
        _metrics,
        "customers.view_customerstats",
        ("business", "stats"),
    ),
}
