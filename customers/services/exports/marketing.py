"""Whom to write to: targeted lists, and the rules that leave out who said no."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from audit.tenancy.actors import Actor
from customers import contact_rules
from customers.choices import ConsentChannel, Purpose
from customers.models import Customer, CustomerQuerySet
from customers.money import quantise
from customers.selectors.customers import list_customers
from customers.services.consent import load_facts

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


def get_customers_for_targeted_marketing(
    *,
    actor: Actor,
    business_id: UUID | None = None,
    min_spent: Decimal | None = None,
    min_orders: int | None = None,
    last_login_after: datetime | None = None,
    last_login_before: datetime | None = None,
    joined_after: datetime | None = None,
    joined_before: datetime | None = None,
) -> CustomerQuerySet:
    """Return live customers who meet every given condition.

    `min_…` and `…_after` include the value, `…_before` does not. Before a login time
    also are those who never signed in and joined before it. Orders are purchases.
    """
    return targeted(
        list_customers(actor=actor, business_id=business_id).for_list(),
        min_spent=min_spent,
        min_orders=min_orders,
        last_login_after=last_login_after,
        last_login_before=last_login_before,
        joined_after=joined_after,
        joined_before=joined_before,
    )


def targeted(
    customers: CustomerQuerySet,
    *,
    min_spent: Decimal | None = None,
    min_orders: int | None = None,
    last_login_after: datetime | None = None,
    last_login_before: datetime | None = None,
    joined_after: datetime | None = None,
    joined_before: datetime | None = None,
) -> CustomerQuerySet:
    """Keep the customers who meet every given condition, as above."""
    conditions = {
        "stats__total_spent__gte": min_spent,
        "stats__total_purchases__gte": min_orders,
        "stats__last_login_at__gte": last_login_after,
        "joined_at__gte": joined_after,
        "joined_at__lt": joined_before,
    }
    given = {name: value for name, value in conditions.items() if value is not None}
    customers = customers.filter(**given)
    if last_login_before is not None:
        never = Q(stats__last_login_at=None, joined_at__lt=last_login_before)
        customers = customers.filter(
            never | Q(stats__last_login_at__lt=last_login_before)
        )
    return customers


def contactable(customers: list[Customer]) -> dict[UUID, dict[str, Any]]:
    """Return for each customer which channels may carry offers, and the rule.

    The rule is that of the first channel that may, else that of e-mail. A constant
    number of queries.
    """
    facts = load_facts(customers)
    decisions = {}
    for customer in customers:
        answers = {
            str(channel): contact_rules.may_contact(
                facts[customer.pk], Purpose.MARKETING, channel
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
    """Return who of a batch may be sent offers on a channel; count the others by rule.

    Every export of people for marketing passes here, whatever list it began with.
    """
    facts = load_facts(batch)
    allowed = []
    for customer in batch:
        answer = contact_rules.may_contact(
            facts[customer.pk], Purpose.MARKETING, channel
        )
        if answer.is_allowed:
            allowed.append(customer)
        else:
            left_out[answer.rule] += 1
    return allowed


def marketing_row(customer: Customer) -> dict[str, Any]:
    """Return the columns of a marketing export, in their order."""
    stats, currency = customer.stats, customer.business.currency
    return {
        "email": customer.email,
        "name": customer.name,
        # Mail tools want the code of the country.
        "phone": customer.phone_e164 or customer.phone,
        "total_orders": stats.total_purchases,
        "total_spent": quantise(stats.total_spent, currency),
        "currency": currency,
        "first_purchase_date": stats.first_purchase_date,
        "last_purchase_date": stats.last_purchase_date,
    }


# Header names by which mail tools know the columns when a file is loaded.
PRESETS: dict[str, tuple[str, ...]] = {
    "plain": COLUMNS,
    "mailchimp": (
        "Email Address",
        "Full Name",
        "Phone Number",
        "Total Orders",
        "Total Spent",
        "Currency",
        "First Purchase Date",
        "Last Purchase Date",
    ),
    "brevo": (
        "EMAIL",
        "FULLNAME",
        "SMS",
        "TOTAL_ORDERS",
        "TOTAL_SPENT",
        "CURRENCY",
        "FIRST_PURCHASE_DATE",
        "LAST_PURCHASE_DATE",
    ),
}
