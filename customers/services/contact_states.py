"""What holds of contacting a customer, since when, and from where that is.

Whether something holds is what sends and exports are told, too (`contact_rules`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit import log
from audit.history.writing import history_model
from customers import contact_rules
from customers.choices import ConsentAction, ConsentChannel, Purpose
from customers.contact_rules import Answer, ContactProfile
from customers.models import ConsentEvent, Customer, Preferences
from customers.services.consent import answers_that_count, load_contact_profiles
from customers.services.consent_origins import (
    FILE,
    PROGRAM,
    STAFF,
    Origin,
    origins_of,
)

# Of more versions than these nobody needs to know since when a no is set.
_MOST_VERSIONS = 200
# Rules by which an answer decides, or would under a wording that is valid.
_BY_ANSWER = ("consent", "withdrawn", "none")


@dataclass(frozen=True)
class ContactState:
    """Whether a customer may be sent something of one purpose in one way, and why.

    `since` and `origin` are those of what decides, as far as it has them.
    `was_answered` tells whether there is an answer at all, `event_id` which decides.
    """

    purpose: str
    channel: str
    answer: Answer
    was_answered: bool = False
    event_id: UUID | None = None
    since: datetime | None = None
    origin: Origin | None = None


_PAIRS = [(p, c) for p in Purpose.values for c in ConsentChannel.values]


def contact_answers(customer: Customer) -> dict[tuple[str, str], Answer]:
    """Return by purpose and channel whether a customer may be contacted, and the rule.

    The business, figures and preferences that were loaded with the customer are
    believed; two statements besides. The caller has checked access.
    """
    profile = _loaded_profile(customer)
    return {pair: contact_rules.may_contact(profile, *pair) for pair in _PAIRS}


def contact_states(
    customer: Customer, *, is_loaded: bool = False
) -> list[ContactState]:
    """Return what holds for each purpose and channel.

    With `is_loaded` the business, figures and preferences that were loaded with the
    customer are believed; else they are read now. The caller has checked access. As
    many statements for any number of answers.
    """
    if is_loaded:
        profile = _loaded_profile(customer)
    else:
        profile = load_contact_profiles([customer])[customer.pk]
    newest = {pair: contact_rules.newest_about(profile, *pair) for pair in _PAIRS}
    ids = {one.id for one in newest.values() if one is not None and one.id}
    events = ConsentEvent.objects.in_bulk(ids)
    origins = origins_of(events.values())
    answers = {pair: contact_rules.may_contact(profile, *pair) for pair in _PAIRS}
    preferences = _Preferences(customer)
    states = []
    for pair, answer in answers.items():
        record = newest[pair]
        event = events.get(record.id) if record and record.id else None
        since, origin, event_id = None, None, None
        if column := _column_of(answer.rule, *pair):
            since, origin = preferences.set_at(column)
        elif answer.rule == "archived":
            since = customer.archived_at
        elif event is not None and answer.rule in _BY_ANSWER:
            since, origin, event_id = event.occurred_at, origins[event.pk], event.pk
        states.append(
            ContactState(
                *pair,
                answer,
                was_answered=event is not None,
                event_id=event_id,
                since=since,
                origin=origin,
            )
        )
    return states


def _loaded_profile(customer: Customer) -> ContactProfile:
    profiles = load_contact_profiles(
        [customer],
        purchases={customer.pk: customer.stats.total_purchases},
        businesses={customer.business_id: customer.business},
        preferences={customer.pk: customer.preferences},
    )
    return profiles[customer.pk]


def newest_no(customer: Customer) -> tuple[ConsentEvent, Origin] | None:
    """Return the newest answer to the marketing question that counts, if it is a no.

    Three statements, or less where no capture brought it.
    """
    events = ConsentEvent.objects.filter(customer=customer, purpose=Purpose.MARKETING)
    event = next(iter(answers_that_count(events)), None)
    if event is None or event.action == ConsentAction.GIVEN:
        return None
    return event, origins_of([event])[event.pk]


def _column_of(rule: str, purpose: str, channel: str) -> str | None:
    """Return the preference by which a rule decided."""
    if rule == "do_not_contact":
        return "do_not_contact"
    if rule == "channel_off":
        return f"prefer_{channel}"
    if rule == "purpose_off":
        return {
            Purpose.MARKETING: "can_receive_offers",
            Purpose.LOYALTY: "can_receive_loyalty",
        }[Purpose(purpose)]
    return None


class _Preferences:
    """Since when the preferences of a customer are what they are; read once."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self._versions: list[Any] | None = None

    def set_at(self, column: str) -> tuple[datetime | None, Origin | None]:
        """Return when a column got the value it has, and by what."""
        if self._versions is None:
            versions = history_model(Preferences).objects.filter(
                customer_id=self._customer.pk
            )
            newest_first = versions.order_by("-history_date", "-history_id")
            self._versions = list(newest_first[:_MOST_VERSIONS])
        since = None
        for version in self._versions:
            if since is not None and getattr(version, column) != getattr(since, column):
                break
            since = version
        if since is None:
            return None, None
        return since.history_date, Origin(_kind_of(since))


def _kind_of(version: Any) -> str:
    if version.history_user_id is None:
        return PROGRAM
    operation = log.find_operation(version.operation_id)
    # The only long work that changes preferences loads a file.
    return FILE if operation is not None and operation.via == "job" else STAFF
