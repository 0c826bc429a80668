"""May we contact this person? The one decision, as a pure function.

The first rule that applies decides. Segments, exports, messages, API and pages all
call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from customers.choices import ConsentAction, ConsentChannel, Purpose


@dataclass(frozen=True)
class ConsentRecord:
    """The part of a consent event that decides."""

    purpose: str
    channel: str | None
    action: str
    wording_is_valid: bool = False
    id: UUID | None = None

    def covers(self, channel: str) -> bool:
        """Return True if the event is about a channel.

        Without a channel, a given consent covers e-mail only, a refusal all of them.
        """
        if self.channel is not None:
            return self.channel == channel
        return self.action != ConsentAction.GIVEN or channel == ConsentChannel.EMAIL


@dataclass(frozen=True)
class ContactProfile:
    """What decides whether a person may be contacted, at one moment."""

    is_erased: bool = False
    is_restricted: bool = False
    is_archived_or_blocked: bool = False
    do_not_contact: bool = False
    can_receive_offers: bool = True
    can_receive_loyalty: bool = True
    # Null means not asked.
    prefers: Mapping[str, bool | None] = field(default_factory=dict)
    reachable: frozenset[str] = frozenset()
    is_soft_opt_in: bool = False
    purchases: int = 0
    # The newest first.
    consents: tuple[ConsentRecord, ...] = ()


@dataclass(frozen=True)
class Answer:
    """Yes or no, the rule that decided, and the consent event if one did."""

    is_allowed: bool
    rule: str
    record_id: UUID | None = None


def may_contact(profile: ContactProfile, purpose: str, channel: str) -> Answer:
    """Return whether a message of this purpose may go out on this channel."""
    blocked = _barrier(profile, purpose, channel)
    if blocked is not None:
        return blocked
    if purpose == Purpose.SERVICE:
        return Answer(is_allowed=True, rule="service")
    newest = newest_about(profile, purpose, channel)
    if newest and newest.action == ConsentAction.GIVEN and newest.wording_is_valid:
        return Answer(is_allowed=True, rule="consent", record_id=newest.id)
    is_offer_by_mail = purpose == Purpose.MARKETING and channel == ConsentChannel.EMAIL
    if profile.is_soft_opt_in and is_offer_by_mail and profile.purchases >= 1:
        return Answer(is_allowed=True, rule="soft_opt_in")
    return Answer(is_allowed=False, rule="none")


def _barrier(profile: ContactProfile, purpose: str, channel: str) -> Answer | None:
    """Return the first rule that says no, or None; the order is the requirement's."""
    needs_consent = purpose != Purpose.SERVICE
    newest = newest_about(profile, purpose, channel)
    is_refused = newest is not None and newest.action != ConsentAction.GIVEN
    is_off = (purpose == Purpose.MARKETING and not profile.can_receive_offers) or (
        purpose == Purpose.LOYALTY and not profile.can_receive_loyalty
    )
    rules = [
        ("erased", profile.is_erased),
        ("restricted", profile.is_restricted),
        ("archived", needs_consent and profile.is_archived_or_blocked),
        ("do_not_contact", needs_consent and profile.do_not_contact),
        ("withdrawn", needs_consent and is_refused),
        ("channel_off", profile.prefers.get(channel) is False),
        ("purpose_off", is_off),
        ("no_address", channel not in profile.reachable),
    ]
    for rule, applies in rules:
        if applies:
            record = newest.id if rule == "withdrawn" and newest else None
            return Answer(is_allowed=False, rule=rule, record_id=record)
    return None


def newest_about(
    profile: ContactProfile, purpose: str, channel: str
) -> ConsentRecord | None:
    """Return the newest answer that is about this purpose and channel."""
    for consent in profile.consents:
        if consent.purpose == purpose and consent.covers(channel):
            return consent
    return None
