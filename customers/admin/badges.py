"""The marks of a customer, which the list and the page share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import clock
from audit.admin.display import Badge
from customers.choices import FLAG_RESTRICTED, FLAG_VERIFIED, CustomerStatus
from customers.models import Customer

# A customer counts as new for so long after joining.
NEW_FOR = timedelta(days=7)
# Flags of ours; those of a business are in its own words.
_FLAGS = {FLAG_RESTRICTED: _("Restricted")}
_BLOCKED: str = CustomerStatus.BLOCKED


def badges_of(
    customer: Customer, flags: Iterable[str] = (), *, sees_tickets: bool
) -> Iterator[Badge]:
    """Yield the marks of a customer, the gravest first.

    Those of tickets for who sees them. Reads `stats` and `preferences`, which the
    caller has loaded, and the codes of the flags that stand now.
    """
    yield _state(customer)
    preferences = getattr(customer, "preferences", None)
    if preferences is not None and preferences.do_not_contact:
        yield Badge(gettext("Do not contact"), "bad")
    if sees_tickets and customer.stats.urgent_tickets:
        yield Badge(gettext("Urgent"), "bad")
    flags = list(flags)
    if customer.is_email_verified or FLAG_VERIFIED in flags:
        yield Badge(gettext("Verified"))
    if customer.stats.repeat_frequency:
        yield Badge(customer.stats.get_repeat_frequency_display(), "brand")
    for code in (code for code in flags if code != FLAG_VERIFIED):
        yield Badge(_flag_words(code), "warn")


def _state(customer: Customer) -> Badge:
    if customer.archived_at is not None:
        return Badge(gettext("Archived"))
    words = customer.get_status_display()
    if customer.status != CustomerStatus.ACTIVE:
        return Badge(words, "bad" if customer.status == _BLOCKED else "")
    return Badge(gettext("New"), "info") if is_new(customer) else Badge(words, "ok")


def _flag_words(code: str) -> str:
    if code in _FLAGS:
        return str(_FLAGS[code])
    return code.replace("_", " ").replace("-", " ").capitalize()


def is_new(customer: Customer) -> bool:
    """Tell whether the customer joined within the last seven days."""
    return clock.now() - customer.joined_at < NEW_FOR
