"""What waits in quarantine about a person, for the export of their data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from audit.emails import fold_email
from audit.json_text import JsonValue
from capture.adapters import snake
from capture.choices import IdentifierKind
from capture.ingest.quarantine import UNREAD
from capture.models import Identifier, Quarantine
from capture.parsing import ParseError, parse_body

if TYPE_CHECKING:
    from customers.models import Customer

_IDS = ("user_id", "anonymous_id", "previous_id", "external_id")
# Bounded, so that a long text costs no more than its length.
_ADDRESS = re.compile(r"[^\s@\"'<>,;:]{1,64}@[^\s@\"'<>,;:]{1,255}")
_NO_DIGIT = re.compile(r"\D+")
# What two numbers with and without the code of the country have in common.
_SUBSCRIBER = 8
_CHUNK = 100


@dataclass(frozen=True)
class _Names:
    """How messages name a person: folded e-mails, digits of phones, ids."""

    emails: frozenset[str]
    phones: frozenset[str]
    ids: frozenset[str]

    def match(self, key: str, value: str) -> bool:
        """Tell whether a value of a message is a name of the person."""
        if snake(key) in _IDS:
            return value.strip() in self.ids
        if "@" in value:
            return fold_email(value.strip()) in self.emails
        digits = _NO_DIGIT.sub("", value)
        is_number = len(digits) >= _SUBSCRIBER and len(value) <= 2 * len(digits)
        return is_number and digits[-_SUBSCRIBER:] in self.phones


def quarantined_about(
    customer: Customer,
) -> tuple[str, QuerySet[Quarantine]]:
    """Return the items in quarantine that name a customer, and their section's name.

    By e-mail, phone or user id, also former ones; decided or not. The database looks
    for the texts, and what it finds is read: a part of a longer name is none. Of a
    body that could not be read nothing is in it that names somebody else, too.
    """
    items = Quarantine.objects.filter(business=customer.business_id)
    names = _names_of(customer)
    texts = [Q(item__icontains=name) for name in (*names.emails, *names.ids)]
    texts += [Q(item__iregex=r"\D{0,3}".join(digits)) for digits in names.phones]
    if not texts:
        return "quarantined", items.none()
    candidates = items.filter(reduce(or_, texts)).only("item", "stage").order_by("pk")
    about = [
        candidate.pk
        for candidate in candidates.iterator(chunk_size=_CHUNK)
        if _is_about(names, candidate)
    ]
    return "quarantined", items.filter(pk__in=about).order_by("pk")


def _names_of(customer: Customer) -> _Names:
    identifiers = Identifier.objects.filter(customer=customer)
    user_ids = identifiers.filter(
        kind__in=[IdentifierKind.USER_ID, IdentifierKind.ANONYMOUS_ID]
    )
    ids = {customer.external_id, *user_ids.values_list("value", flat=True)}
    contacts = customer.contacts.values_list("email_key", "phone_e164")
    emails = {customer.email_key, *(email for email, _ in contacts)}
    phones = {customer.phone_e164, *(phone for _, phone in contacts)}
    return _Names(
        emails=frozenset(filter(None, emails)),
        phones=frozenset(phone[-_SUBSCRIBER:] for phone in phones if phone),
        ids=frozenset(filter(None, ids)),
    )


def _is_about(names: _Names, item: Quarantine) -> bool:
    text = item.item or ""
    if item.stage == UNREAD:
        addresses = {fold_email(address) for address in _ADDRESS.findall(text)}
        return bool(addresses) and addresses <= names.emails
    try:
        message = parse_body(text.encode(errors="replace")).value
    except ParseError:
        return False
    return any(names.match(key, value) for key, value in _leaves("", message))


def _leaves(key: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield each text or number of a message with the key that it is under."""
    further: list[tuple[str, JsonValue]] = [(key, value)]
    while further:
        name, inner = further.pop()
        if isinstance(inner, dict):
            further += inner.items()
        elif isinstance(inner, list):
            further += ((name, each) for each in inner)
        elif inner is not None and not isinstance(inner, bool):
            yield name, str(inner)
