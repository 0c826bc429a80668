"""Giving captures that waited their customer, and taking those of shared ids away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from audit.emails import email_spellings
from audit.tenancy.actors import Actor
from capture.choices import (
    IdentifierKind,
    IdentifierTrust,
    LinkRule,
    ReviewKind,
    ReviewState,
    Trust,
)
from capture.ingest.identity.batch import Linking, LinkResult
from capture.ingest.identity.loading import message_of
from capture.ingest.identity.names import BY_ID, store_learned
from capture.ingest.identity.reviews import close_answered
from capture.ingest.projections import TYPED
from capture.ingest.resolver import (
    Name,
    Outcome,
    names_of,
)
from capture.models import Capture, CaptureLink

_MAX_ROUNDS = 10

_MAX_ATTACHED = 1000

_LARGE = ("capture__payload", "capture__raw", "capture__warnings")


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
    linking = Linking(captures, business_id)
    outcome = Outcome(customer_id, LinkRule.MANUAL)
    linking.outcomes = {capture.pk: outcome for capture in captures}
    for capture in captures:
        for name, trust in names_of(message_of(capture), outcome, linking.directory):
            linking.resolver.add(name, trust)
    for name, trust in names.items():
        linking.resolver.add(name, trust)
    attach_further(linking, linked, actor)
    return linked


def attach_further(linking: Linking, linked: LinkResult, actor: Actor) -> None:
    """Attach what waited for these captures, and what waited for that, and so on."""
    business_id = linking.business_id
    for _ in range(_MAX_ROUNDS):
        shared = store_learned(business_id, linking.resolver)
        lost = _detach(business_id, shared)
        linked.detached += lost
        linked.touched |= set(lost.values())
        links = _waiting_links(linking)
        linking = linking.followed_by([each.capture for each in links])
        if not _attach(links, linking, linked, actor):
            break


def _waiting_links(linking: Linking) -> list[CaptureLink]:
    """Return the locked links of captures that may belong to these customers by now."""
    names, emails = linking.names_and_emails()
    if not (names or emails):
        return []
    spellings = {way for key in emails for way in email_spellings(key)}
    named = Q(capture__email__in=spellings)
    ids = {name.value for name in names if name.kind == IdentifierKind.ANONYMOUS_ID}
    named |= Q(capture__anonymous_ref__in=ids)
    refs = defaultdict(set)
    for name, trust in names.items():
        if name.kind == IdentifierKind.USER_ID:
            refs[name.source_id, trust == IdentifierTrust.PAGE].add(name.value)
    for (source_id, is_claim), values in refs.items():
        of_source = Q(capture__source=source_id) if source_id else Q()
        # What only pages say is good for pages alone.
        of_page = Q(capture__trust=Trust.BROWSER) if is_claim else Q()
        named |= Q(capture__user_ref__in=values) & of_source & of_page
    named |= Q(capture__previous_ref__in={name.value for name in names})
    waiting = CaptureLink.objects.filter(
        Q(review=None)
        | Q(review__kind=ReviewKind.CLAIMED_USER_ID, review__state=ReviewState.OPEN),
        named,
        business=linking.business_id,
        customer=None,
    )
    # The rest follows with the next message that gives these names.
    light = waiting.select_related("capture").defer(*_LARGE)
    # Locked in key order: another message may know the same captures by another name.
    locked = light.select_for_update(of=("self",), no_key=True)
    return list(locked.order_by("pk")[:_MAX_ATTACHED])


def _attach(
    links: list[CaptureLink], linking: Linking, linked: LinkResult, actor: Actor
) -> bool:
    """Attach captures of earlier days to customers known by now; tell whether any."""
    attached, changed = [], []
    reviews = linking.store_questions(actor) if links else {}
    for waiting in links:
        outcome = linking.outcomes[waiting.capture_id]
        if outcome.customer_id is not None:
            waiting.customer_id, waiting.rule = outcome.customer_id, outcome.rule
            attached.append(waiting)
        elif waiting.capture_id not in reviews:
            continue
        else:
            linked.questioned.append(waiting.capture)
            linked.note_waiting(waiting.capture_id, outcome)
        waiting.review_id = waiting.review_id or reviews.get(waiting.capture_id)
        waiting.linked_at = timezone.now()
        changed.append(waiting)
    if changed:
        columns = ["customer", "rule", "review", "linked_at"]
        CaptureLink.objects.bulk_update(changed, columns)
    if not attached:
        return False
    _copy_customers([waiting.capture_id for waiting in attached])
    close_answered(attached, actor)
    # What they taught is stored with the values of their customers.
    for customer_id, learned in linking.resolver.learned.items():
        linked.new_identifiers.setdefault(customer_id, {}).update(learned)
    linked.attached += [waiting.capture for waiting in attached]
    linked.touched |= {pk for each in attached if (pk := each.customer_id)}
    return True


def _detach(business_id: UUID, shared: set[str]) -> dict[Capture, UUID]:
    """Take captures that only a shared id had linked away from their customer.

    Returns whose they were.
    """
    if not shared:
        return {}
    names = list(shared)
    links = CaptureLink.objects.filter(
        Q(capture__anonymous_ref__in=names) | Q(capture__previous_ref__in=names),
        business=business_id,
        rule__in=BY_ID,
        customer__isnull=False,
    )
    light = links.select_related("capture").defer(*_LARGE)
    captures = {
        shared_link.capture: shared_link.customer_id
        for shared_link in light.select_for_update(of=("self",), no_key=True).order_by(
            "pk"
        )
        if shared_link.customer_id is not None
    }
    ids = [capture.pk for capture in captures]
    if ids:
        links.model.objects.filter(capture__in=ids).update(customer=None, rule=None)
        _copy_customers(ids)
    return captures


def _copy_customers(capture_ids: list[UUID]) -> None:
    """Give typed rows the customer of their capture."""
    owner = CaptureLink.objects.filter(capture=OuterRef("capture"))
    for model in TYPED.values():
        projections = model._default_manager.filter(capture__in=capture_ids)
        projections.update(customer=Subquery(owner.values("customer")[:1]))
