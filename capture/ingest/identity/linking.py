"""Linking new captures: to customers who are there, or who are made of them."""

from __future__ import annotations

from uuid import UUID

from audit.tenancy.actors import Actor
from capture.ingest.identity.attaching import attach_further
from capture.ingest.identity.batch import Linking, LinkResult
from capture.ingest.projections import ParsedCapture, name_in
from capture.models import CaptureLink, Source
from customers import services as customers
from customers.values.phone_number import captured_phone


def link(parsed: list[ParsedCapture], source: Source, *, actor: Actor) -> LinkResult:
    """Find or make the customers of new captures and link them.

    A constant number of statements, whatever the number of messages.
    """
    linking = Linking(
        [item.capture for item in parsed],
        source.business_id,
        {item.capture.pk: item for item in parsed},
    )
    linked = LinkResult()
    outcomes = linking.outcomes
    _create(linking, source, linked, actor)
    linked.reviews = linking.store_questions(actor)
    links = [
        CaptureLink(
            business_id=capture.business_id,
            capture=capture,
            customer_id=outcomes[capture.pk].customer_id,
            rule=outcomes[capture.pk].rule,
            review_id=linked.reviews.get(capture.pk),
            linked_at=capture.received_at,
        )
        for capture in linking.captures
    ]
    CaptureLink.objects.bulk_create(links)
    _note(linking, linked)
    attach_further(linking, linked, actor)
    return linked


def _create(linking: Linking, source: Source, linked: LinkResult, actor: Actor) -> None:
    """Make the customers that the outcomes name, and note what others have learned."""
    resolver = linking.resolver
    new: dict[UUID, customers.CapturedCustomer] = {}
    for capture in linking.captures:
        pk = linking.outcomes[capture.pk].customer_id
        if pk not in resolver.made:
            continue
        if pk not in new:
            new[pk] = new_customer(pk, linking.parsed[capture.pk])
            new[pk].email = resolver.learned[pk].get("email")
            new[pk].external_id = resolver.learned[pk].get("external_id")
        new[pk].joined_at = min(new[pk].joined_at, capture.occurred_at)
    customers.create_captured_customers(
        source.business, list(new.values()), actor=actor
    )
    linked.new_identifiers = {
        pk: names for pk, names in resolver.learned.items() if pk not in resolver.made
    }


def new_customer(pk: UUID, item: ParsedCapture) -> customers.CapturedCustomer:
    """Return the columns of a customer whom a message makes."""
    fields, capture = item.fields, item.capture
    return customers.CapturedCustomer(
        id=pk,
        name=name_in(fields.get("full_name")) or item.email or capture.user_ref,
        email=item.email,
        phone=captured_phone(capture.phone)[0],
        external_id=capture.user_ref,
        joined_at=capture.occurred_at,
        source=_source(fields.get("signup_source")) or "website",
    )


def _source(value: object) -> str:
    text = value.replace("\0", "") if isinstance(value, str) else ""
    return text.encode("utf-8", errors="replace").decode().strip()[:100]


def _note(linking: Linking, linked: LinkResult) -> None:
    """Add to the result whose the captures are, and which of them wait."""
    for capture in linking.captures:
        outcome = linking.outcomes[capture.pk]
        linked.customers[capture.pk] = outcome.customer_id
        if outcome.customer_id is not None:
            linked.touched.add(outcome.customer_id)
        elif outcome.question is not None:
            linked.note_waiting(capture.pk, outcome)
