"""Search as you type: exact matches first, then the rest.

Exact matches come from indexes. Only when they do not fill the page is the rest looked
for, newest customers first, and each statement ends at the limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet, Value

from audit.emails import fold_email
from audit.tenancy.actors import Actor
from customers.models import (
    Contact,
    Customer,
    CustomerIndex,
    CustomerIndexQuerySet,
    CustomerQuerySet,
)
from customers.selectors.customers import (
    MOST_NAMED,
    list_businesses,
    list_customers,
    list_visible,
)
from customers.values.phone_number import digits_of, to_e164, without_extension
from customers.values.search_key import fold_name

LEAST = 2
# The kinds of exact matches, the best first; a customer may match by several.
_EXACT = ("reference", "external_id", "email", "phone", "name")
# Fewer digits are no number.
_PHONE = 4
# Nobody types one of these whole and means somebody else.
_UNMISTAKABLE = frozenset({"reference", "email", "phone"})
_ORDER = ("-joined_at", "-pk")
_BEST_FIRST = ("rank", *_ORDER)


@dataclass(frozen=True)
class Match:
    """A customer, and what matched: name, email, phone, reference or external id.

    Former e-mails and further phones count as what they are. `is_exact` says that the
    text is a whole one of them; a name is nobody's alone.
    """

    customer: Customer
    matched: str
    is_exact: bool = False


def search_customers(
    text: str, *, actor: Actor, business_id: UUID | None = None, limit: int = 10
) -> list[Customer]:
    """Return up to `limit` live customers, in the order of `find_customers`."""
    matches = find_customers(text, actor=actor, business_id=business_id, limit=limit)
    return [match.customer for match in matches]


def find_customers(
    text: str, *, actor: Actor, business_id: UUID | None = None, limit: int = 10
) -> list[Match]:
    """Return up to `limit` live customers by name, e-mail, phone or reference.

    Exact matches come first: reference, external id, e-mail (current or former), phone
    in any format, whole name. Then names that begin with the text, then all others;
    within each the newest customers first. A whole reference, e-mail or phone that is
    stored matches alone. Less than two characters match nothing: it would be half the
    table. Five queries at most. What the actor sees masked matches nothing in part.
    """
    text = text.strip()
    if len(text) < LEAST:
        return []
    businesses = _countries(actor, business_id)
    customers = list_customers(actor=actor, business_id=business_id)
    contacts = list_visible(Contact, actor=actor)
    indexes = CustomerIndex.objects.visible_to(actor)
    if business_id is not None:
        indexes = indexes.filter(business_id=business_id)
    if actor.business_ids is None and len(businesses) <= MOST_NAMED:
        # Whoever sees all businesses: named one by one, they lead to their indexes.
        customers = customers.filter(business_id__in=[*businesses])
        contacts = contacts.filter(business_id__in=[*businesses])
        indexes = indexes.filter(business_id__in=[*businesses])
    phones = _phones(text, set(businesses.values()))
    exact = [*_exact(contacts, indexes, text, phones)]
    matches = _exact_matches(customers, exact, limit)
    if any(match.matched in _UNMISTAKABLE for match in matches):
        return matches
    further = [indexes.matching(text, actor=actor)]
    if any(sign.isalpha() for sign in text):
        further.insert(0, indexes.beginning(text, actor=actor))
    for more in further:
        if len(matches) == limit:
            break
        matched_ids = [match.customer.pk for match in matches]
        others = customers.filter(pk__in=more.values("pk")).exclude(pk__in=matched_ids)
        newest = others.for_list().order_by(*_ORDER)
        left = limit - len(matches)
        matches += [Match(each, _reason(each, text)) for each in newest[:left]]
    return matches


def filter_by_personal_data(
    customers: CustomerQuerySet,
    column: str,
    value: str,
    *,
    actor: Actor,
    business_id: UUID | None,
) -> CustomerQuerySet:
    """Keep customers by `email`, `phone`, `name`, or a part: `email__contains`.

    Values are compared as everywhere: an e-mail in any spelling, a phone in the country
    of a business. Parts of e-mails and phones are for who sees them in clear in all
    businesses that are asked about; the caller checks that.
    """
    indexes = CustomerIndex.objects.visible_to(actor)
    if column == "email":
        return customers.filter(email_key=fold_email(value))
    if column == "phone":
        countries = _countries(actor, business_id)
        return customers.filter(phone_e164__in=_phones(value, {*countries.values()}))
    matched = {
        "name": lambda: indexes.named(value),
        "name__contains": lambda: indexes.with_name_part(value, actor=actor),
        "email__contains": lambda: indexes.with_email_part(value),
        "phone__contains": lambda: indexes.with_phone_part(value),
    }[column]()
    return customers.filter(pk__in=matched.values("pk"))


def _exact_matches(
    customers: CustomerQuerySet, exact: list[tuple[str, Q]], limit: int
) -> list[Match]:
    """Return exact matches, by one statement of look-ups and one for the customers."""
    ranks = {kind: rank for rank, kind in enumerate(_EXACT)}
    branches = [
        _ranked(customers.filter(condition), ranks[kind]) for kind, condition in exact
    ]
    union = branches[0].union(*branches[1:], all=True)
    best: dict[UUID, int] = {}
    # No customer matches more often than there are branches.
    ordered = union.order_by(*_BEST_FIRST)[: limit * len(branches)]
    for rank, _, pk in ordered:
        best.setdefault(pk, rank)
    matched = customers.for_list().in_bulk(list(best)[:limit])
    return [
        Match(matched[pk], _EXACT[rank], is_exact=_EXACT[rank] != "name")
        for pk, rank in best.items()
        if pk in matched
    ]


def _exact(
    contacts: QuerySet[Contact],
    indexes: CustomerIndexQuerySet,
    text: str,
    phones: set[str],
) -> Iterable[tuple[str, Q]]:
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
    if name := fold_name(text):
        same = indexes.order_by().filter(name=name)
        yield "name", Q(pk__in=same.values("pk"))


def _ranked(
    customers: QuerySet[Customer], rank: int
) -> QuerySet[Customer, tuple[int, datetime, UUID]]:
    return (
        customers.order_by()
        .annotate(rank=Value(rank))
        .values_list("rank", "joined_at", "pk")
    )


def _countries(actor: Actor, business_id: UUID | None) -> dict[UUID, str]:
    """Return the businesses that are searched with their countries, 101 at most."""
    businesses = list_businesses(actor=actor, permission="customers.view_customer")
    if business_id is not None:
        businesses = businesses.filter(pk=business_id)
    countries = businesses.order_by("pk").values_list("pk", "country")
    return dict(countries[: MOST_NAMED + 1])


def _phones(text: str, countries: set[str]) -> set[str]:
    """Return the numbers that a text may mean, in each country of the businesses."""
    digits = digits_of(text)
    has_letters = any(sign.isalpha() for sign in without_extension(text))
    if has_letters or len(digits) < _PHONE:
        return set()
    ways = [to_e164(text, country or None) for country in countries]
    # Typed without the plus, or with the two zeros that stand for it.
    ways += [to_e164(f"+{digits.removeprefix('00')}", None)]
    return {number for number in ways if number}


def _reason(customer: Customer, text: str) -> str:
    """Return what of a customer the first word of the text matches."""
    first = text.split(maxsplit=1)[0]
    word = fold_name(first)
    if word and word in fold_name(customer.name or ""):
        return "name"
    if word and customer.unique_id.casefold().startswith(word):
        return "reference"
    if customer.external_id == first:
        return "external_id"
    has_letters = any(sign.isalpha() for sign in word)
    return "email" if has_letters or "@" in word else "phone"
