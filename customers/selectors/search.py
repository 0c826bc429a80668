"""Finding somebody while their name is being typed: exact hits first, then the rest.

Exact hits come from indexes. Only when they do not fill the page is the rest looked
for, newest customers first, and each statement ends at the limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, Value
from django.db.models.functions import Upper

from audit.emails import fold_email
from audit.privacy.masking import SEE_UNMASKED
from audit.tenancy.actors import Actor
from customers.models import Contact, Customer, CustomerQuerySet
from customers.models.customer import ADDRESS_AS_NAME
from customers.phones import to_e164
from customers.selectors.customers import list_businesses, list_customers, list_rows

LEAST = 2
# The kinds of exact hits, the best first; the same person may be hit by several.
_EXACT = ("reference", "external_id", "email", "phone", "name")
# So many businesses can be named one by one.
_FEW = 100
# Fewer digits are no number.
_PHONE = 4
# Nobody types one of these whole and means somebody else.
_UNMISTAKABLE = frozenset({"reference", "email", "phone"})
_ORDER = ("-joined_at", "-pk")


@dataclass(frozen=True)
class Hit:
    """Somebody who was found, and by what: name, email, phone, reference, external id.

    Former e-mails and further phones count as what they are.
    """

    customer: Customer
    matched: str


def search_customers(
    text: str, *, actor: Actor, business_id: UUID | None = None, limit: int = 10
) -> list[Customer]:
    """Return up to `limit` live customers, in the order of `find_customers`."""
    matches = find_customers(text, actor=actor, business_id=business_id, limit=limit)
    return [match.customer for match in matches]


def find_customers(
    text: str, *, actor: Actor, business_id: UUID | None = None, limit: int = 10
) -> list[Hit]:
    """Return up to `limit` live customers by name, e-mail, phone or reference.

    Exact hits come first: reference, external id, e-mail (current or former), phone in
    any format, whole name. Then names that begin with the text, then all others; within
    each the newest customers first. A whole reference, e-mail or phone that is known
    finds its people alone. Less than two characters find nothing: half the table would
    match. Five queries at most. What somebody sees masked finds nobody by a part of it.
    """
    text = text.strip()
    if len(text) < LEAST:
        return []
    businesses = _countries(actor, business_id)
    rows = list_customers(actor=actor, business_id=business_id)
    contacts: Any = list_rows(Contact, actor=actor)
    if actor.business_ids is None and len(businesses) <= _FEW:
        # Whoever sees all businesses: named one by one, they lead to their indexes.
        rows = rows.filter(business_id__in=[*businesses])
        contacts = contacts.filter(business_id__in=[*businesses])
    phones = _phones(text, set(businesses.values()))
    matches = _exact_matches(rows, contacts, text, phones, limit)
    if any(match.matched in _UNMISTAKABLE for match in matches):
        return matches
    further = [_matching(rows, text, actor)]
    if any(sign.isalpha() for sign in text):
        further.insert(0, _beginning(rows, text, actor))
    for more in further:
        if len(matches) == limit:
            break
        matched_ids = [match.customer.pk for match in matches]
        others = more.for_list().exclude(pk__in=matched_ids).order_by(*_ORDER)
        left = limit - len(matches)
        matches += [Hit(row, _reason(row, text)) for row in others[:left]]
    return matches


def _exact_matches(
    rows: CustomerQuerySet, contacts: Any, text: str, phones: set[str], limit: int
) -> list[Hit]:
    """Return exact hits: one statement of look-ups in indexes, and one for the rows."""
    branches = [
        _ranked(
            rows.alias(upper_name=Upper("name")).filter(condition), _EXACT.index(kind)
        )
        for kind, condition in _exact(contacts, text, phones)
    ]
    union = branches[0].union(*branches[1:], all=True)
    best: dict[UUID, int] = {}
    # Nobody is hit more often than there are branches.
    ordered = union.order_by("rank", "-joined_at", "-pk")[: limit * len(branches)]
    for rank, _, pk in ordered:
        best.setdefault(pk, rank)
    matched = rows.for_list().in_bulk(list(best)[:limit])
    return [
        Hit(matched[pk], _EXACT[rank]) for pk, rank in best.items() if pk in matched
    ]


def _exact(contacts: Any, text: str, phones: set[str]) -> Iterable[tuple[str, Q]]:
    key = fold_email(text)
    yield "reference", Q(unique_id=text.upper())
    yield "external_id", Q(external_id=text)
    if "@" in text:
        former = contacts.order_by().filter(email_key=key)
        yield "email", Q(email_key=key)
        yield "email", Q(pk__in=former.values("customer"))
    if phones:
        further = contacts.order_by().filter(phone_e164__in=phones)
        yield "phone", Q(phone_e164__in=phones)
        yield "phone", Q(pk__in=further.values("customer"))
    yield "name", Q(upper_name=Upper(Value(text)))


def _ranked(rows: Any, rank: int) -> Any:
    return (
        rows.order_by()
        .annotate(rank=Value(rank))
        .values_list("rank", "joined_at", "pk")
    )


def _countries(actor: Actor, business_id: UUID | None) -> dict[UUID, str]:
    """Return the businesses that are searched with their countries, 101 at most."""
    rows = list_businesses(actor=actor, permission="customers.view_customer")
    if business_id is not None:
        rows = rows.filter(pk=business_id)
    return dict(rows.order_by("pk").values_list("pk", "country")[: _FEW + 1])


def _phones(text: str, countries: set[str]) -> set[str]:
    """Return the numbers that a text may mean, in each country of the businesses."""
    has_letters = any(sign.isalpha() for sign in text)
    if has_letters or sum(sign.isdigit() for sign in text) < _PHONE:
        return set()
    digits = "".join(sign for sign in text if sign.isdigit())
    ways = [to_e164(text, country or None) for country in countries]
    # Typed without the plus, or with the two zeros that stand for it.
    ways += [to_e164(f"+{digits.removeprefix('00')}", None)]
    return {number for number in ways if number}


def _beginning(rows: CustomerQuerySet, text: str, actor: Actor) -> CustomerQuerySet:
    return rows.filter(_seen_name(actor), name__istartswith=text)


def _matching(rows: CustomerQuerySet, text: str, actor: Actor) -> CustomerQuerySet:
    return rows.matching(text, seen_in=actor.businesses_for(SEE_UNMASKED))


def _seen_name(actor: Actor) -> Q:
    """Keep names; of those that are an address only what the actor sees in clear."""
    seen_in = actor.businesses_for(SEE_UNMASKED)
    if seen_in is None:
        return Q()
    return Q(business_id__in=seen_in) | ~ADDRESS_AS_NAME


def _reason(row: Customer, text: str) -> str:
    """Return by what somebody was found who is no exact hit: by the first word."""
    word = text.split(maxsplit=1)[0].casefold()
    if word in (row.name or "").casefold():
        return "name"
    if row.unique_id.casefold().startswith(word):
        return "reference"
    if (row.external_id or "").casefold() == word:
        return "external_id"
    has_letters = any(sign.isalpha() for sign in word)
    return "email" if has_letters or "@" in word else "phone"
