"""Linking new captures: to customers who are there, or who are made of them."""

from __future__ import annotations

from uuid import UUID

from audit.tenancy.actors import Actor
from capture.ingest.identity.attaching import store_changes
from capture.ingest.identity.batch import Linking, LinkResult
from capture.ingest.projections import ParsedCapture, name_in
from capture.ingest.resolver import Resolver
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
    resolver = linking.resolve()
    made = _create(linking, resolver, source, actor)
    reviews = linking.store_questions(resolver, actor)
    linked = LinkResult(reviews=reviews, made={each.id: each for each in made})
    links = []
    for capture in linking.captures:
        outcome = resolver.outcomes[capture.pk]
        linked.customers[capture.pk] = outcome.customer_id
        if outcome.customer_id is not None:
            linked.touched.add(outcome.customer_id)
        elif outcome.question is not None:
            linked.waiting.add(capture.pk)
        links.append(
            CaptureLink(
                business_id=capture.business_id,
                capture=capture,
                customer_id=outcome.customer_id,
                rule=outcome.rule,
                review_id=linked.reviews.get(capture.pk),
                linked_at=capture.received_at,
            )
        )
    CaptureLink.objects.bulk_create(links)
    store_changes(linking, resolver, linked, actor)
    return linked


def _create(
    linking: Linking, resolver: Resolver, source: Source, actor: Actor
) -> list[customers.CapturedCustomer]:
    """Make the customers that the outcomes name, and return them."""
    new = []
    for pk, capture_id in resolver.made.items():
        customer = new_customer(pk, linking.parsed[capture_id])
        customer.email = resolver.learned[pk].get("email")
        customer.external_id = resolver.learned[pk].get("external_id")
        new.append(customer)
    customers.create_captured_customers(source.business, new, actor=actor)
    return new


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
