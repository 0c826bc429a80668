"""Loading what decides whether a customer may be contacted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
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
from customers.services.consent_origins import PAGE, origins_of

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
    events = ConsentEvent.objects.filter(
        customer__in=customer_ids, purpose=Purpose.MARKETING
    )
    answers: dict[UUID, dict[str, str]] = defaultdict(dict)
    for event in answers_that_count(events):
        record = ConsentRecord(Purpose.MARKETING, event.channel, event.action)
        for each in filter(record.covers, ConsentChannel.values):
            answers[event.customer_id].setdefault(each, event.action)
    return answers


def answers_that_count(events: QuerySet[ConsentEvent]) -> list[ConsentEvent]:
    """Return these answers but those that pages may not give, the newest first.

    What a page says is a claim, but for a no: its yes counts for nothing on a channel
    on which the newest answer of anybody else is a no, however late it comes. The
    events are all of their customers about their purposes. Two statements, or one
    where no yes of a capture comes after a no.
    """
    now = timezone.now()
    newest_first = list(
        events.filter(occurred_at__lte=now).order_by("-occurred_at", "-id")
    )
    doubted = _with_captured_yes_over_no(newest_first)
    if not doubted:
        return newest_first
    origins = origins_of([e for e in newest_first if _person_and_purpose(e) in doubted])
    is_page = {pk for pk, origin in origins.items() if origin.kind == PAGE}
    refused: set[tuple[UUID, str, str]] = set()
    settled: set[tuple[UUID, str, str]] = set()
    for event in newest_first:
        if event.pk not in is_page:
            keys = set(_channels_of(event)) - settled
            settled |= keys
            refused |= keys if event.action != ConsentAction.GIVEN else set()
    return [
        event
        for event in newest_first
        if event.pk not in is_page
        or event.action != ConsentAction.GIVEN
        or not refused.issuperset(_channels_of(event))
    ]


def _with_captured_yes_over_no(
    newest_first: Iterable[ConsentEvent],
) -> set[tuple[UUID, str]]:
    """Return the customers and purposes with a captured yes, and a no before it."""
    claimed: set[tuple[UUID, str]] = set()
    doubted: set[tuple[UUID, str]] = set()
    for event in newest_first:
        key = _person_and_purpose(event)
        if event.action != ConsentAction.GIVEN:
            doubted |= {key} & claimed
        elif event.capture_id is not None:
            claimed.add(key)
    return doubted


def _person_and_purpose(event: ConsentEvent) -> tuple[UUID, str]:
    return event.customer_id, event.purpose


def _channels_of(event: ConsentEvent) -> list[tuple[UUID, str, str]]:
    record = ConsentRecord(event.purpose, event.channel, event.action)
    channels = filter(record.covers, ConsentChannel.values)
    return [(event.customer_id, event.purpose, channel) for channel in channels]


def is_opted_in(profile: ContactProfile) -> bool:
    """Return True if marketing is allowed on at least one channel."""
    return any(
        contact_rules.may_contact(profile, Purpose.MARKETING, channel).is_allowed
        for channel in ConsentChannel.values
    )


def _consent_events(
    customer_ids: Iterable[UUID], businesses: Mapping[UUID, Business]
) -> dict[UUID, list[ConsentRecord]]:
    events = ConsentEvent.objects.filter(customer__in=customer_ids)
    events_by_customer: dict[UUID, list[ConsentRecord]] = defaultdict(list)
    for event in answers_that_count(events):
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
