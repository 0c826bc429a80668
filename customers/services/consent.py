"""Loading what decides whether a customer may be contacted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone

from customers import contact_rules
from customers.choices import (
    FLAG_RESTRICTED,
    ConsentAction,
    ConsentChannel,
    ConsentMode,
    CustomerStatus,
    Purpose,
)
from customers.contact_rules import Answer, ConsentRecord, ContactProfile
from customers.models import (
    Business,
    ConsentEvent,
    Customer,
    CustomerStats,
    Flag,
    Preferences,
)

# Preferences that say no to something: they leave with every list of customers.
RESTRICTIONS = (
    "prefer_sms",
    "prefer_email",
    "prefer_call",
    "do_not_contact",
    "can_receive_offers",
    "can_receive_loyalty",
)
MARKETING_CONSENT = "marketing_consent"


def may_contact(customer: Customer, purpose: str, channel: str) -> Answer:
    """Return whether this customer may be contacted, and the rule that decided."""
    profile = load_contact_profiles([customer])[customer.pk]
    return contact_rules.may_contact(profile, purpose, channel)


def load_contact_profiles(
    customers: Iterable[Customer],
    *,
    purchases: Mapping[UUID, int] | None = None,
    businesses: Mapping[UUID, Business] | None = None,
    preferences: Mapping[UUID, Preferences] | None = None,
) -> dict[UUID, ContactProfile]:
    """Return the profiles of many customers, in a constant number of queries.

    `purchases`, `businesses` and `preferences` are passed by callers that have them;
    else the stored ones are loaded.
    """
    by_id = {customer.pk: customer for customer in customers}
    if purchases is None:
        stats = CustomerStats.objects.filter(customer__in=by_id)
        purchases = dict(stats.values_list("customer_id", "total_purchases"))
    if businesses is None:
        ids = {customer.business_id for customer in by_id.values()}
        businesses = Business.objects.in_bulk(ids)
    if preferences is None:
        stored = Preferences.objects.filter(customer__in=by_id)
        preferences = {each.customer_id: each for each in stored}
    flags = Flag.objects.filter(
        customer__in=by_id, code=FLAG_RESTRICTED, removed_at=None
    )
    restricted = set(flags.values_list("customer_id", flat=True))
    events = _consent_events(by_id, businesses)
    return {
        pk: _contact_profile(
            customer,
            businesses[customer.business_id],
            preferences.get(pk),
            is_restricted=pk in restricted,
            purchases=purchases.get(pk, 0),
            consents=tuple(events[pk]),
        )
        for pk, customer in by_id.items()
    }


def attach_restrictions(customers: Iterable[Customer]) -> None:
    """Set what each customer wants, and answered, under the names of file columns.

    The preferences of RESTRICTIONS; `marketing_consent_<channel>`, the newest answer on
    it or None; and `marketing_consent`: False where no channel is left, True where one
    is, None where nobody asked. Two statements for any number of customers.
    """
    by_id: dict[UUID, Any] = {customer.pk: customer for customer in customers}
    preferences = {
        p.customer_id: p for p in Preferences.objects.filter(customer__in=by_id)
    }
    answers = _marketing_answers(by_id)
    for pk, customer in by_id.items():
        stored = preferences.get(pk) or Preferences()
        for name in RESTRICTIONS:
            setattr(customer, name, getattr(stored, name))
        for channel in ConsentChannel.values:
            name = f"{MARKETING_CONSENT}_{channel}"
            setattr(customer, name, answers[pk].get(channel))
        actions = set(answers[pk].values())
        is_out = len(answers[pk]) == len(ConsentChannel)
        customer.marketing_consent = False if is_out else None
        if ConsentAction.GIVEN in actions:
            customer.marketing_consent = True


def _marketing_answers(customer_ids: Iterable[UUID]) -> dict[UUID, dict[str, str]]:
    """Return the newest answer on each channel."""
    now = timezone.now()
    events = ConsentEvent.objects.filter(
        customer__in=customer_ids, purpose=Purpose.MARKETING, occurred_at__lte=now
    )
    answers: dict[UUID, dict[str, str]] = defaultdict(dict)
    newest_first = events.order_by("-occurred_at", "-id")
    for pk, channel, action in newest_first.values_list(
        "customer_id", "channel", "action"
    ):
        record = ConsentRecord(Purpose.MARKETING, channel, action)
        for each in filter(record.covers, ConsentChannel.values):
            answers[pk].setdefault(each, action)
    return answers


def is_opted_in(profile: ContactProfile) -> bool:
    """Return True if marketing is allowed on at least one channel."""
    return any(
        contact_rules.may_contact(profile, Purpose.MARKETING, channel).is_allowed
        for channel in ConsentChannel.values
    )


def _consent_events(
    customer_ids: Iterable[UUID], businesses: Mapping[UUID, Business]
) -> dict[UUID, list[ConsentRecord]]:
    now = timezone.now()
    events = ConsentEvent.objects.filter(
        customer__in=customer_ids, occurred_at__lte=now
    )
    events_by_customer: dict[UUID, list[ConsentRecord]] = defaultdict(list)
    for event in events.order_by("-occurred_at", "-id"):
        business = businesses[event.business_id]
        events_by_customer[event.customer_id].append(
            ConsentRecord(
                purpose=event.purpose,
                channel=event.channel,
                action=event.action,
                wording_is_valid=business.wording_is_valid(event.wording_version),
                id=event.pk,
            )
        )
    return events_by_customer


def _contact_profile(
    customer: Customer,
    business: Business,
    preferences: Preferences | None,
    *,
    is_restricted: bool,
    purchases: int,
    consents: tuple[ConsentRecord, ...],
) -> ContactProfile:
    preferences = preferences or Preferences()
    return ContactProfile(
        is_erased=customer.erased_at is not None,
        is_restricted=is_restricted,
        is_archived_or_blocked=customer.is_archived
        or customer.status == CustomerStatus.BLOCKED,
        do_not_contact=preferences.do_not_contact,
        can_receive_offers=preferences.can_receive_offers,
        can_receive_loyalty=preferences.can_receive_loyalty,
        prefers={
            ConsentChannel.EMAIL: preferences.prefer_email,
            ConsentChannel.SMS: preferences.prefer_sms,
            ConsentChannel.CALL: preferences.prefer_call,
        },
        reachable=_reachable(customer, business),
        is_soft_opt_in=business.consent_mode == ConsentMode.SOFT_OPT_IN,
        purchases=purchases,
        consents=consents,
    )


def _reachable(customer: Customer, business: Business) -> frozenset[str]:
    channels: set[str] = set()
    is_trusted = customer.is_email_verified or not business.requires_verified_email
    if customer.email and customer.email_bounced_at is None and is_trusted:
        channels.add(ConsentChannel.EMAIL)
    if customer.phone:
        channels |= {ConsentChannel.SMS, ConsentChannel.CALL}
    return frozenset(channels)
