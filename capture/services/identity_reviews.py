"""The queue of identity reviews, and what staff decide about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import log
from audit.tenancy.actors import Actor
from capture.choices import ReviewDecision, ReviewKind, ReviewState
from capture.models import Capture, CaptureLink, IdentityReview
from capture.models.identity_review import IdentityReviewQuerySet
from customers import services as customers

if TYPE_CHECKING:
    from customers.models import Customer

DECIDE = "capture.decide_identityreview"

# What may be decided about each kind.
_POSSIBLE = {
    ReviewKind.CONTRADICTION: (
        ReviewDecision.SAME_PERSON,
        ReviewDecision.OTHER_PERSON,
        ReviewDecision.CHANGED_EMAIL,
    ),
    ReviewKind.CLAIMED_USER_ID: (
        ReviewDecision.SAME_PERSON,
        ReviewDecision.OTHER_PERSON,
    ),
    ReviewKind.CLAIMED_EMAIL: (
        ReviewDecision.SAME_PERSON,
        ReviewDecision.OTHER_PERSON,
    ),
    ReviewKind.ARCHIVED_CUSTOMER: (
        ReviewDecision.SAME_PERSON,
        ReviewDecision.OTHER_PERSON,
    ),
}


def list_identity_reviews(
    *, actor: Actor, state: str = "", kind: str = "", customer: UUID | None = None
) -> IdentityReviewQuerySet:
    """Return the reviews that the actor may see, the newest first.

    With their source and candidates, and `waiting`: how many messages wait for each.
    `customer` keeps those in which this one is a candidate, or was decided for.
    """
    reviews = cast(
        "IdentityReviewQuerySet", customers.list_visible(IdentityReview, actor=actor)
    )
    if state:
        reviews = reviews.filter(state=state)
    if kind:
        reviews = reviews.filter(kind=kind)
    if customer is not None:
        reviews = reviews.about(customer)
    waiting = CaptureLink.objects.filter(review=OuterRef("pk"), customer=None)
    counts = waiting.order_by().values("review").values(n=Count("pk"))
    return reviews.select_related(
        "source", "email_customer__stats", "user_customer__stats", "customer"
    ).annotate(waiting=Coalesce(Subquery(counts), 0))


def list_waiting(review: IdentityReview) -> QuerySet[Capture]:
    """Return the messages that asked this question, the newest first.

    Those whose link has no customer wait for the decision.
    """
    captures = Capture.objects.filter(link__review=review)
    return captures.select_related("source", "link").order_by("-received_at", "-pk")


def candidates_of(review: IdentityReview) -> list[Customer]:
    """Return whose the messages may be, each once: who has the e-mail comes first."""
    both = (review.email_customer, review.user_customer)
    return list(dict.fromkeys(one for one in both if one is not None))


def note_candidates(
    verb: str,
    reviews: Iterable[IdentityReview],
    *,
    actor: Actor,
    target: Model | None = None,
) -> None:
    """Note that a request shows the candidates of these reviews."""
    persons = [one for review in reviews for one in candidates_of(review)]
    log.note_access(f"identity_review.{verb}", persons, actor=actor, target=target)


def list_decisions(review: IdentityReview) -> list[ReviewDecision]:
    """Return what may be decided about an open review; nothing about a decided one."""
    if not review.is_open:
        return []
    possible = list(_POSSIBLE[ReviewKind(review.kind)])
    if review.kind == ReviewKind.CONTRADICTION and review.email_customer_id:
        # The e-mail is somebody's: it cannot become another one's.
        possible.remove(ReviewDecision.CHANGED_EMAIL)
    return possible


@transaction.atomic
def decide_identity_review(
    review: IdentityReview,
    decision: str,
    *,
    customer: UUID | None = None,
    reason: str,
    actor: Actor,
) -> IdentityReview:
    """Decide to whom the messages of a review belong; return it as it is then.

    `same_person`: to a candidate, whom `customer` names where there are two (otherwise
    the e-mail's); the user id then means that one, and an archived one is restored.
    What came before stays with whom it was linked to. `other_person`: to whoever has
    the e-mail, or to a new customer. `changed_email`: to the user id's person, whose
    e-mail becomes the new one, and whose former one still finds them. All messages that
    wait are linked and projected, payments included; later ones with the same e-mail
    and user id follow without a question.

    Needs the permission `decide_identityreview`, and that to restore customers for an
    archived one. Raises ValidationError `already_decided`, `required` without a reason,
    `not_possible` for a decision or customer that does not fit, and what the database
    says of an e-mail that somebody has meanwhile. One transaction, which locks the
    review first.
    """
    actor.require_perm(review.business_id, DECIDE)
    if not reason.strip():
        msg = _("Write why you decide so.")
        raise ValidationError({"reason": ValidationError(msg, "required")})
    locked = IdentityReview.objects.select_for_update(of=("self",), no_key=True)
    review = locked.select_related("source__business").get(pk=review.pk)
    if not review.is_open:
        msg = _("This review was decided meanwhile.")
        raise ValidationError(msg, code="already_decided")
    if decision not in list_decisions(review):
        msg = _("This cannot be decided about this review.")
        raise ValidationError({"decision": ValidationError(msg, "not_possible")})
    chosen = customer or review.email_customer_id or review.user_customer_id
    if chosen not in (review.email_customer_id, review.user_customer_id):
        msg = _("Name one of the two candidates.")
        raise ValidationError({"customer_id": ValidationError(msg, "not_possible")})
    waiting = CaptureLink.objects.filter(review=review, customer=None)
    waiting.update(customer=chosen, linked_at=timezone.now())
    review.state, review.decision = ReviewState.DECIDED, decision
    review.customer_id, review.reason = chosen, reason
    review.decided_by_id, review.decided_at = actor.user_id, timezone.now()
    review.as_actor(actor, reason=reason).save()
    log.record(
        "identity_review.decided",
        review,
        actor=actor,
        business_id=review.business_id,
        code=decision,
        reason=reason,
        subjects=[chosen] if chosen else [],
    )
    return review
