"""Loading the facts that decide whether somebody may be contacted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from customers import contact_rules
from customers.choices import (
    FLAG_RESTRICTED,
    ConsentChannel,
    ConsentMode,
    CustomerStatus,
    Purpose,
)
from customers.contact_rules import Answer, Facts, Said
from customers.models import (
    Business,
    ConsentEvent,
    Customer,
    CustomerStats,
    Flag,
    Preferences,
)


def may_contact(
    customer: Customer, purpose: str, channel: str, *, at: datetime | None = None
) -> Answer:
    """Return whether this customer may be contacted, and the rule that decided.

    `at` leaves out consent events after that moment; the other facts are today's.
    """
    contact_facts = load_facts([customer], at=at)[customer.pk]
    return contact_rules.may_contact(contact_facts, purpose, channel)


def load_facts(
    customers: Iterable[Customer],
    *,
    purchases: Mapping[UUID, int] | None = None,
    businesses: Mapping[UUID, Business] | None = None,
    at: datetime | None = None,
) -> dict[UUID, Facts]:
    """Return the facts of many customers, in a constant number of queries.

    `purchases` and the `businesses` of the customers are known when figures are being
    computed; else the projection tells.
    """
    rows = {customer.pk: customer for customer in customers}
    if purchases is None:
        stats = CustomerStats.objects.filter(customer__in=rows)
        purchases = dict(stats.values_list("customer_id", "total_purchases"))
    if businesses is None:
        ids = {row.business_id for row in rows.values()}
        businesses = Business.objects.in_bulk(ids)
    preferences = {
        p.customer_id: p for p in Preferences.objects.filter(customer__in=rows)
    }
    flags = Flag.objects.filter(
        customer__in=rows, code=FLAG_RESTRICTED, removed_at=None
    )
    restricted = set(flags.values_list("customer_id", flat=True))
    events = _consent_events(rows, businesses, at or timezone.now())
    return {
        pk: _contact_facts(
            row,
            businesses[row.business_id],
            preferences.get(pk),
            is_restricted=pk in restricted,
            purchases=purchases.get(pk, 0),
            said=tuple(events[pk]),
        )
        for pk, row in rows.items()
    }


def is_opted_in(facts: Facts) -> bool:
    """Tell whether offers may go out on at least one channel."""
    return any(
        contact_rules.may_contact(facts, Purpose.MARKETING, channel).is_allowed
        for channel in ConsentChannel.values
    )


def _consent_events(
    rows: dict[UUID, Customer], businesses: Mapping[UUID, Business], at: datetime
) -> dict[UUID, list[Said]]:
    events = ConsentEvent.objects.filter(customer__in=rows, occurred_at__lte=at)
    events_by_customer: dict[UUID, list[Said]] = defaultdict(list)
    for event in events.order_by("-occurred_at", "-id"):
        business = businesses[event.business_id]
        events_by_customer[event.customer_id].append(
            Said(
                purpose=event.purpose,
                channel=event.channel,
                action=event.action,
                wording_is_valid=business.wording_is_valid(event.wording_version),
                id=event.pk,
            )
        )
    return events_by_customer


def _contact_facts(
    row: Customer,
    business: Business,
    preferences: Preferences | None,
    *,
    is_restricted: bool,
    purchases: int,
    said: tuple[Said, ...],
) -> Facts:
    preferences = preferences or Preferences()
    return Facts(
        is_erased=row.erased_at is not None,
        is_restricted=is_restricted,
        is_archived_or_blocked=row.is_archived or row.status == CustomerStatus.BLOCKED,
        do_not_contact=preferences.do_not_contact,
        can_receive_offers=preferences.can_receive_offers,
        can_receive_loyalty=preferences.can_receive_loyalty,
        prefers={
            ConsentChannel.EMAIL: preferences.prefer_email,
            ConsentChannel.SMS: preferences.prefer_sms,
            ConsentChannel.CALL: preferences.prefer_call,
        },
        reachable=_reachable(row, business),
        is_soft_opt_in=business.consent_mode == ConsentMode.SOFT_OPT_IN,
        purchases=purchases,
        said=said,
    )


def _reachable(row: Customer, business: Business) -> frozenset[str]:
    channels: set[str] = set()
    must_verify = business.settings.get("require_verified_email") is True
    is_trusted = row.is_email_verified or not must_verify
    if row.email and row.email_bounced_at is None and is_trusted:
        channels.add(ConsentChannel.EMAIL)
    if row.phone:
        channels |= {ConsentChannel.SMS, ConsentChannel.CALL}
    return frozenset(channels)
