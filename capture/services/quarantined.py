"""What waits in quarantine about a person, for the export of their data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from audit.emails import email_spellings, fold_email
from audit.json_text import JsonValue
from capture.adapters import snake
from capture.choices import IdentifierKind
from capture.ingest.quarantine import UNREAD
from capture.models import Identifier, Quarantine
from capture.parsing import ParseError, parse_body
from customers.values.phone_number import to_e164

if TYPE_CHECKING:
    from customers.models import Customer

_IDS = ("user_id", "previous_id", "external_id")
_PHONES = ("phone", "mobile", "mobile_number", "phone_number")
# Bounded, so that a long text costs no more than its length.
_ADDRESS = re.compile(r"[^\s@\"'<>,;:]{1,64}@[^\s@\"'<>,;:]{1,255}")
_ASCII = re.compile(r"[ -!#-\[\]-~]+")
# Of a phone, to be looked for; a page may add any number of ids to a person.
_SUBSCRIBER, _MOST_IDS = 8, 50
_CHUNK = 100


@dataclass(frozen=True)
class _Names:
    """How messages name a person: folded e-mails, phones (E.164), ids."""

    country: str
    emails: frozenset[str]
    phones: frozenset[str]
    ids: frozenset[str]

    def match(self, message: JsonValue) -> bool:
        """Tell whether a message names the person; by an address first of all."""
        addresses, is_named = set(), False
        for key, value in _leaves("", message):
            name = snake(key)
            if "@" in value:
                addresses |= {fold_email(one) for one in _ADDRESS.findall(value)}
            elif name in _IDS:
                is_named |= value.strip() in self.ids
            elif name in _PHONES:
                is_named |= to_e164(value, self.country) in self.phones
        return bool(addresses & self.emails) if addresses else is_named


def quarantined_about(
    customer: Customer,
) -> tuple[str, QuerySet[Quarantine]]:
    """Return the items in quarantine that name a customer, and their section's name.

    By e-mail, else by phone or user id, also former ones; decided or not. The database
    looks for the texts, and what it finds is read: a part of a longer name is none. Of
    a body that could not be read nothing is in it that names somebody else, too.
    """
    items = Quarantine.objects.filter(business=customer.business_id)
    names = _names_of(customer)
    spellings = {way for email in names.emails for way in email_spellings(email)}
    texts = [Q(item__icontains=_needle(text)) for text in (*spellings, *names.ids)]
    texts += [
        Q(item__iregex=r"\D{0,3}".join(phone[-_SUBSCRIBER:])) for phone in names.phones
    ]
    if not texts:
        return "quarantined", items.none()
    candidates = items.filter(reduce(or_, texts)).only("item", "stage").order_by("pk")
    about = [
        candidate.pk
        for candidate in candidates.iterator(chunk_size=_CHUNK)
        if _is_about(names, candidate)
    ]
    return "quarantined", items.filter(pk__in=about).order_by("pk")


def _needle(text: str) -> str:
    """Return the longest part that databases compare whatever its case, or escapes."""
    return max(_ASCII.findall(text), key=len, default="@")


def _names_of(customer: Customer) -> _Names:
    # Anonymous ids are of a computer, which several people may use.
    identifiers = Identifier.objects.filter(
        customer=customer, kind=IdentifierKind.USER_ID
    )
    newest = identifiers.order_by("-created_at", "-id").values_list("value", flat=True)
    ids = {customer.external_id, *newest[:_MOST_IDS]}
    contacts = customer.contacts.values_list("email_key", "phone_e164")
    emails = {customer.email_key, *(email for email, _ in contacts)}
    phones = {customer.phone_e164, *(phone for _, phone in contacts)}
    return _Names(
        country=customer.business.country,
        emails=frozenset(map(fold_email, filter(None, emails))),
        phones=frozenset(filter(None, phones)),
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
    return names.match(message)


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
