"""Segments: named sets of customers, each with the sentence that defines it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers.metrics import ENGAGED_FOR, NEW_FOR
from customers.models import Business, Customer, CustomerQuerySet
from customers.money import format_money
from customers.selectors.customers import list_businesses, list_customers
from customers.services.segment_rules import read_rule


@dataclass(frozen=True)
class Segment:
    """One ready segment: a rule with a name, for whom it is good, what it says."""

    key: str
    title: str
    use: str
    rule: Callable[[datetime], Q]
    sentence: Callable[[Business], str]


def _recent(now: datetime) -> Q:
    return Q(joined_at__gt=now - NEW_FOR)


def _inactive(now: datetime) -> Q:
    since = now - ENGAGED_FOR
    login = Q(stats__last_login_at=None) | Q(stats__last_login_at__lte=since)
    return Q(joined_at__lte=since) & login


_READY = (
    Segment(
        "high_value",
        "High value",
        "premium offers",
        lambda _: Q(stats__is_high_value=True),
        lambda business: (
            f"{business.high_value_purchases} purchases or more, and "
            f"{format_money(business.high_value_spent, business.currency)} or more "
            "spent. Both are settings of the business."
        ),
    ),
    Segment(
        "recent_signups",
        "Recent signups",
        "welcome",
        _recent,
        lambda _: f"Joined within the last {NEW_FOR.days} times 24 hours.",
    ),
    Segment(
        "inactive",
        "Inactive",
        "re-engagement",
        _inactive,
        lambda _: (
            f"Neither signed in nor joined within the last {ENGAGED_FOR.days} times "
            "24 hours, whatever the status."
        ),
    ),
    Segment(
        "repeat",
        "Repeat customers",
        "loyalty",
        lambda _: Q(stats__is_repeat_customer=True),
        lambda _: "Two purchases or more.",
    ),
)
SEGMENTS = {segment.key: segment for segment in _READY}


def list_segments(business: Business, *, actor: Actor) -> list[dict[str, object]]:
    """Return every ready segment with its definition and the number of its people.

    One query, whatever the number of segments.
    """
    actor.require_perm(business.pk, "customers.view_segment")
    now = timezone.now()
    live = list_customers(actor=actor, business_id=business.pk).order_by()
    counts = live.aggregate(
        **{s.key: Count("pk", filter=s.rule(now)) for s in SEGMENTS.values()}
    )
    return [
        {
            "key": segment.key,
            "title": segment.title,
            "definition": segment.sentence(business),
            "use": segment.use,
            "count": counts[segment.key],
            "as_of": now,
        }
        for segment in SEGMENTS.values()
    ]


def get_segment(key: str) -> Segment:
    """Return a ready segment. Raises DoesNotExist for a key that is none."""
    if key not in SEGMENTS:
        raise Customer.DoesNotExist
    return SEGMENTS[key]


def list_segment_customers(
    key: str, *, actor: Actor, business: Business, now: datetime | None = None
) -> CustomerQuerySet:
    """Return the live customers of a ready segment. Raises DoesNotExist."""
    rule = get_segment(key).rule(now or timezone.now())
    return list_customers(actor=actor, business_id=business.pk).filter(rule).for_list()


def list_rule_customers(
    rule: object, *, actor: Actor, business: Business
) -> CustomerQuerySet:
    """Return the live customers that meet a rule. Raises RuleError."""
    condition = read_rule(rule, business=business)
    customers = list_customers(actor=actor, business_id=business.pk)
    return customers.filter(condition).for_list()


def meeting_rule(
    customers: CustomerQuerySet, rule: object, *, actor: Actor
) -> CustomerQuerySet:
    """Keep the customers, of any of the actor's businesses, that meet a rule.

    A day is one of each business's time zone. Raises RuleError.
    """
    now = timezone.now()
    businesses: dict[Q, list[UUID]] = defaultdict(list)
    for business in list_businesses(actor=actor):
        businesses[read_rule(rule, business=business, now=now)].append(business.pk)
    if len(businesses) == 1:
        return customers.filter(*businesses)
    condition = Q(pk__in=[])
    for each, ids in businesses.items():
        condition |= each & Q(business_id__in=ids)
    return customers.filter(condition)
