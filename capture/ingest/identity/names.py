"""Storing the names of customers, and finding those that should be stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import Q

from capture.choices import (
    IdentifierKind,
    IdentifierTrust,
    LinkRule,
)
from capture.ingest.identity.loading import is_external_id, load_directory, message_of
from capture.ingest.identity.reviews import decided_names
from capture.ingest.resolver import (
    BY_ID,
    Directory,
    Name,
    Outcome,
    Person,
    Resolver,
    names_of,
)
from capture.models import Capture, Identifier


def store_learned(business_id: UUID, resolver: Resolver) -> None:
    """Store the identifiers that a resolver has learned."""
    new = {n: t for n, t in resolver.changed.items() if n not in resolver.raised}
    if new:
        store_names(business_id, new)
    if resolver.raised:
        raised = {name: resolver.changed[name] for name in resolver.raised}
        raise_trust(business_id, raised)


def store_names(business_id: UUID, names: Mapping[Name, IdentifierTrust]) -> None:
    """Store identifiers that customers lack."""
    Identifier.objects.bulk_create(
        [
            Identifier(
                business_id=business_id,
                kind=name.kind,
                value=name.value,
                customer_id=name.customer_id,
                source_id=name.source_id,
                trust=names[name],
            )
            for name in sorted(names, key=str)
        ],
        ignore_conflicts=True,
    )


def raise_trust(business_id: UUID, names: Mapping[Name, IdentifierTrust]) -> None:
    """Note that a server, or staff, have named what was stored with less trust."""
    identifiers = Identifier.objects.filter(
        business=business_id, value__in={name.value for name in names}
    )
    ids = defaultdict(list)
    columns = ("pk", "kind", "value", "customer_id", "source_id")
    for pk, kind, value, customer_id, source_id in identifiers.values_list(*columns):
        name = Name(IdentifierKind(kind), value or "", customer_id, source_id)
        if name in names:
            ids[names[name]].append(pk)
    for trust, pks in ids.items():
        Identifier.objects.filter(pk__in=pks).update(trust=trust)


def missing_names(
    captures: list[Capture],
    links: Mapping[UUID, tuple[UUID | None, str | None]],
    *,
    repair: bool,
) -> list[tuple[UUID, str]]:
    """Return what is not stored of the names of linked captures: (customer, kind).

    `links` are the customer and the rule of each capture. With `repair`, store them,
    and leave user ids of before sources with the sources that brought them.
    """
    missing: list[tuple[UUID, str]] = []
    for business_id in sorted({capture.business_id for capture in captures}):
        of_business = [c for c in captures if c.business_id == business_id]
        directory = load_directory(business_id, of_business, is_exact=True)
        lost = _lost_names(of_business, links, directory)
        missing += [(name.customer_id, name.kind) for name in sorted(lost, key=str)]
        if lost and repair:
            store_names(business_id, lost)
            raise_trust(business_id, lost)
            _remove_replaced(business_id, lost, directory)
    return missing


def restore_decided(business_id: UUID, captures: list[Capture]) -> None:
    """Store what staff decided about the user ids of these captures, if it was lost."""
    if names := decided_names(business_id, captures):
        store_names(business_id, names)
        raise_trust(business_id, names)


def _lost_names(
    captures: list[Capture],
    links: Mapping[UUID, tuple[UUID | None, str | None]],
    directory: Directory,
) -> dict[Name, IdentifierTrust]:
    stored, resolver = dict(directory.names), Resolver(directory)
    for name, trust in decided_names(captures[0].business_id, captures).items():
        directory.customers.setdefault(name.customer_id, Person(name.customer_id))
        resolver.add(name, trust)
    for capture in captures:
        customer_id, rule = links.get(capture.pk, (None, None))
        if customer_id not in directory.customers or not rule:
            continue
        outcome = Outcome(customer_id, LinkRule(rule))
        for name, trust in names_of(message_of(capture), outcome, directory):
            if outcome.rule in BY_ID and _has_alike(stored, name):
                continue
            if not _is_of_all(name, stored, directory):
                resolver.add(name, trust)
    return resolver.changed


def _is_of_all(name: Name, stored: Iterable[Name], directory: Directory) -> bool:
    """Tell whether a user id is stored as the company's number of its customer.

    Also of one who was archived since.
    """
    is_captured = (name.customer_id, name.value) in directory.captured_ids
    is_number = is_external_id(name, directory) and not is_captured
    return is_number and name._replace(source_id=None) in stored


def _has_alike(stored: Iterable[Name], name: Name) -> bool:
    # What an anonymous id has taught has no more trust than that id had then.
    return any(each[:3] == name[:3] for each in stored)


def _remove_replaced(
    business_id: UUID, lost: Iterable[Name], directory: Directory
) -> None:
    """Remove user ids without a source that captures brought and now have one."""
    replaced = Q()
    for name in lost:
        without = name._replace(source_id=None)
        if name.source_id is not None and without in directory.names:
            replaced |= Q(value=name.value, customer=name.customer_id)
    if replaced:
        Identifier.objects.filter(
            replaced, business=business_id, kind=IdentifierKind.USER_ID, source=None
        ).delete()
