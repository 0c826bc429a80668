"""The words for what holds of contacting a customer: in messages and on the page."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.utils.text import capfirst, get_text_list
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from customers import services
from customers.choices import ConsentChannel, ConsentMethod, Purpose
from customers.models import Customer

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_CHANNEL_WORDS = {
    ConsentChannel.EMAIL: _("e-mail"),
    ConsentChannel.SMS: _("SMS"),
    ConsentChannel.CALL: _("phone"),
}
PURPOSE_WORDS: dict[str, _StrOrPromise] = {
    Purpose.MARKETING: _("marketing"),
    Purpose.LOYALTY: _("loyalty"),
    Purpose.SERVICE: _("service"),
}
METHOD_WORDS: dict[str, _StrOrPromise] = {
    **dict(ConsentMethod.choices),
    "staff": _("staff"),
    "import": _("from a file"),
    "captured": _("from a website or program"),
}
# Which rule says whether a person may be contacted.
RULE_WORDS: dict[str, _StrOrPromise] = {
    "consent": _("consent"),
    "service": _("service"),
    "soft_opt_in": _("soft opt-in"),
    "none": pgettext_lazy("consent", "none"),
    "erased": _("erased"),
    "restricted": _("restricted"),
    "archived": _("archived"),
    "do_not_contact": _("do not contact"),
    "withdrawn": _("withdrawn"),
    "channel_off": _("channel off"),
    "purpose_off": _("purpose off"),
    "no_address": _("no address"),
}
# Why a message may not go out.
_BECAUSE = {
    "restricted": _("the customer is restricted"),
    "archived": _("the customer is archived or blocked"),
    "do_not_contact": _("“do not contact” is set"),
    "withdrawn": _("a newer answer says no"),
    "channel_off": _("the preferences say no to this channel"),
    "purpose_off": _("the preferences say no to it"),
    "no_address": _("there is no address for it that works"),
    "none": _("no consent under a valid wording is recorded"),
}
_ORIGINS = {
    "page": _("from a web page"),
    "server": _("from a server"),
    "webhook": _("from a webhook"),
    "staff": _("by staff"),
    "file": _("from a file"),
    "program": _("by a program"),
}


def origin_words(origin: services.Origin | None) -> str:
    """Return where an answer is from, with the name of its source; empty for none."""
    if origin is None:
        return ""
    words = str(_ORIGINS[origin.kind])
    return f"{words}: {origin.name}" if origin.name else words


def what_holds(
    customer: Customer, purpose: str, changed: Collection[str] = ConsentChannel.values
) -> str:
    """Return what may be sent of a purpose in each way, and what not, and why.

    `changed` are the channels that the answer was about. Some statements.
    """
    groups: dict[tuple[str, bool], list[str]] = {}
    states = [s for s in services.contact_states(customer) if s.purpose == purpose]
    for state in sorted(states, key=lambda one: one.channel not in changed):
        key = _key_of(state), state.channel in changed
        groups.setdefault(key, []).append(state.channel)
    sentences = [
        _sentence(rule, is_changed=is_changed)
        % {
            "purpose": PURPOSE_WORDS[Purpose(purpose)],
            "channels": _joined(channels),
            "why": _BECAUSE.get(rule, rule),
        }
        for (rule, is_changed), channels in groups.items()
    ]
    return " ".join(map(capfirst, sentences))


def _key_of(state: services.ContactState) -> str:
    if state.answer.is_allowed:
        return "allowed"
    is_never = state.answer.rule == "none" and not state.was_answered
    return "never" if is_never else state.answer.rule


def _sentence(rule: str, *, is_changed: bool) -> str:
    if rule == "allowed":
        return gettext("%(purpose)s by %(channels)s is allowed now.")
    if rule == "never":
        return gettext("%(purpose)s by %(channels)s was never allowed.")
    if rule == "withdrawn" and is_changed:
        return gettext("No %(purpose)s by %(channels)s from now on.")
    if is_changed:
        return gettext("No %(purpose)s by %(channels)s from now on: %(why)s.")
    return gettext("No %(purpose)s by %(channels)s: %(why)s.")


def _joined(channels: list[str]) -> str:
    words = [str(_CHANNEL_WORDS[ConsentChannel(one)]) for one in channels]
    return get_text_list(words, gettext("or"))
