"""Giving captures that waited their customer, and taking those of shared ids away."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from audit.tenancy.actors import Actor
from capture.choices import IdentifierTrust, LinkRule, ReviewKind
from capture.ingest.identity.batch import Linking, LinkResult
from capture.ingest.identity.names import store_learned
from capture.ingest.identity.reviews import close_answered
from capture.ingest.projections import TYPED
from capture.ingest.resolver import Name, Outcome, Resolver
from capture.models import Capture, CaptureLink


def attach(
    captures: list[Capture],
    customer_id: UUID,
    *,
    business_id: UUID,
    names: Mapping[Name, IdentifierTrust],
    actor: Actor,
) -> LinkResult:
    """Link captures that waited for staff to whom staff named, with what that teaches.

    Also what waited for these `names`. In the caller's transaction, which has locked
    them.
    """
    # A correction is read with what it corrects.
    attached = [capture for capture in captures if capture.corrects_id is None]
    linked = LinkResult(attached=attached, touched={customer_id})
    links = CaptureLink.objects.filter(capture__in=captures)
    links.update(customer=customer_id, rule=LinkRule.MANUAL, linked_at=timezone.now())
    _copy_customers([capture.pk for capture in captures])
    outcome = Outcome(customer_id, LinkRule.MANUAL)
    linking = Linking(captures, business_id, decided=outcome, names=names)
    resolver = linking.resolve()
    linked.reviews = linking.store_questions(resolver, actor)
    store_changes(linking, resolver, linked, actor)
    return linked


def store_changes(
    linking: Linking, resolver: Resolver, linked: LinkResult, actor: Actor
) -> None:
    """Store what was learned, and what that has changed about earlier captures.

    Adds the latter to `linked`, whose `reviews` are stored. In the caller's
    transaction, after the new customers and links.
    """
    store_learned(linking.business_id, resolver)
    for customer_id, learned in resolver.learned.items():
        # Those that are made have it from their creation on.
        if customer_id not in resolver.made:
            linked.new_identifiers[customer_id] = learned
    _store_earlier(linking, resolver, linked)
    _note_objections(resolver, linked)
    answered = {
        pk: review_id
        for pk, question in resolver.questions.items()
        if question.kind == ReviewKind.CLAIMED_USER_ID
        and (review_id := linked.reviews.get(pk))
    }
    answered |= {pk: x.review_id for pk, x in linking.earlier.items() if x.review_id}
    owners = {
        review_id: owner
        for pk, review_id in answered.items()
        if (owner := resolver.outcomes[pk].customer_id)
    }
    close_answered(owners, actor)


def _store_earlier(linking: Linking, resolver: Resolver, linked: LinkResult) -> None:
    """Store whose earlier captures are now."""
    changed = []
    for link in linking.earlier.values():
        outcome = resolver.outcomes[link.capture_id]
        former, owner = link.customer_id, outcome.customer_id
        review_id = link.review_id or linked.reviews.get(link.capture_id)
        if (former, link.review_id) == (owner, review_id):
            continue
        if former is not None:
            linked.detached.append(link.capture)
            linked.touched.add(former)
        if owner is not None:
            linked.attached.append(link.capture)
            linked.touched.add(owner)
        elif review_id is not None:
            linked.questioned.append(link.capture)
            linked.waiting.add(link.capture_id)
        link.customer_id, link.rule, link.review_id = owner, outcome.rule, review_id
        link.linked_at = timezone.now()
        changed.append(link)
    if changed:
        columns = ["customer", "rule", "review", "linked_at"]
        CaptureLink.objects.bulk_update(changed, columns)
        _copy_customers([link.capture_id for link in changed])


def _note_objections(resolver: Resolver, linked: LinkResult) -> None:
    """Add of whom a *no* holds at once, also where its message has waited no longer."""
    for pk, question in resolver.questions.items():
        if question.objector_id not in (None, resolver.outcomes[pk].customer_id):
            linked.objections[pk] = question.objector_id
            linked.touched.add(question.objector_id)


def _copy_customers(capture_ids: list[UUID]) -> None:
    """Give typed rows the customer of their capture."""
    owner = CaptureLink.objects.filter(capture=OuterRef("capture"))
    for model in TYPED.values():
        projections = model._default_manager.filter(capture__in=capture_ids)
        projections.update(customer=Subquery(owner.values("customer")[:1]))
