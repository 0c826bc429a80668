"""The marks of a customer, which the list and the page share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from audit import clock
from audit.admin.display import Badge
from customers.choices import FLAG_VERIFIED, CustomerStatus
from customers.models import Customer

# A customer counts as new for so long after joining.
NEW_FOR = timedelta(days=7)
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
        yield Badge("Do not contact", "bad")
    if sees_tickets and customer.stats.urgent_tickets:
        yield Badge("Urgent", "bad")
    flags = list(flags)
    if customer.is_email_verified or FLAG_VERIFIED in flags:
        yield Badge("Verified")
    if customer.stats.repeat_frequency:
        yield Badge(customer.stats.get_repeat_frequency_display(), "brand")
    for code in (code for code in flags if code != FLAG_VERIFIED):
        yield Badge(code.replace("_", " ").replace("-", " ").capitalize(), "warn")


def _state(customer: Customer) -> Badge:
    if customer.archived_at is not None:
        return Badge("Archived")
    words = customer.get_status_display()
    if customer.status != CustomerStatus.ACTIVE:
        return Badge(words, "bad" if customer.status == _BLOCKED else "")
    return Badge("New", "info") if is_new(customer) else Badge(words, "ok")


def is_new(customer: Customer) -> bool:
    """Tell whether the customer joined within the last seven days."""
    return clock.now() - customer.joined_at < NEW_FOR
