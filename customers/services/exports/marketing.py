"""Marketing lists: targeting, and leaving out customers without consent."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack
from uuid import UUID

from django.db.models import Q

from audit.tenancy.actors import Actor
from customers import contact_rules
from customers.choices import ConsentChannel, Purpose
from customers.models import Customer, CustomerQuerySet
from customers.selectors.customers import list_customers
from customers.services.consent import load_contact_profiles

COLUMNS = (
    "email",
    "name",
    "phone",
    "total_orders",
    "total_spent",
    "currency",
    "first_purchase_date",
    "last_purchase_date",
)
_MAILCHIMP = {"email": "Email Address", "name": "Full Name", "phone": "Phone Number"}
_BREVO = {"name": "FULLNAME", "phone": "SMS"}
# Header names by which mail tools know the columns when a file is loaded.
PRESETS: dict[str, tuple[str, ...]] = {
    "plain": COLUMNS,
    "mailchimp": tuple(_MAILCHIMP.get(n, n.replace("_", " ").title()) for n in COLUMNS),
    "brevo": tuple(_BREVO.get(n, n.upper()) for n in COLUMNS),
}


class Conditions(TypedDict, total=False):
    """Conditions of a targeted list: all have to hold; None is no condition.

    `min_…` and `…_after` include the value, `…_before` does not. `last_login_before`
    includes customers who never signed in and joined before it. Orders are purchases.
    """

    min_spent: Decimal | None
    min_orders: int | None
    last_login_after: datetime | None
    last_login_before: datetime | None
    joined_after: datetime | None
    joined_before: datetime | None


_LOOKUPS = {
    "min_spent": "stats__total_spent__gte",
    "min_orders": "stats__total_purchases__gte",
    "last_login_after": "stats__last_login_at__gte",
    "joined_after": "joined_at__gte",
    "joined_before": "joined_at__lt",
}


def get_customers_for_targeted_marketing(
    *, actor: Actor, business_id: UUID | None = None, **conditions: Unpack[Conditions]
) -> CustomerQuerySet:
    """Return live customers who meet every given condition."""
    customers = list_customers(actor=actor, business_id=business_id).for_list()
    return targeted(customers, **conditions)


def targeted(
    customers: CustomerQuerySet, **conditions: Unpack[Conditions]
) -> CustomerQuerySet:
    """Keep the customers who meet every given condition."""
    given = {name: value for name, value in conditions.items() if value is not None}
    before = given.pop("last_login_before", None)
    customers = customers.filter(**{_LOOKUPS[n]: value for n, value in given.items()})
    if before is not None:
        never = Q(stats__last_login_at=None, joined_at__lt=before)
        customers = customers.filter(never | Q(stats__last_login_at__lt=before))
    return customers


def contactable(customers: list[Customer]) -> dict[UUID, dict[str, bool | str]]:
    """Return on which channels each customer may get offers, and the rule.

    The rule is that of the first allowed channel, else that of e-mail. A constant
    number of queries.
    """
    profiles = load_contact_profiles(customers)
    decisions: dict[UUID, dict[str, bool | str]] = {}
    for customer in customers:
        answers = {
            str(channel): contact_rules.may_contact(
                profiles[customer.pk], Purpose.MARKETING, channel
            )
            for channel in ConsentChannel.values
        }
        first = next((a for a in answers.values() if a.is_allowed), None)
        rule = (first or answers[ConsentChannel.EMAIL]).rule
        allowed = {name: answer.is_allowed for name, answer in answers.items()}
        decisions[customer.pk] = {**allowed, "rule": rule}
    return decisions


def consenting(
    batch: list[Customer], channel: str, left_out: Counter[str]
) -> list[Customer]:
    """Return who of a batch may get offers on a channel; count the others by rule.

    Every marketing export is filtered here, whatever its list.
    """
    profiles = load_contact_profiles(batch)
    allowed = []
    for customer in batch:
        answer = contact_rules.may_contact(
            profiles[customer.pk], Purpose.MARKETING, channel
        )
        if answer.is_allowed:
            allowed.append(customer)
        else:
            left_out[answer.rule] += 1
    return allowed
