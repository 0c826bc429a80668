"""The queue of identity reviews, and what staff decide about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import log
from audit.ids import uuid7
from audit.tenancy.actors import Actor
from capture.choices import (
    IdentifierKind,
    IdentifierTrust,
    ReviewDecision,
    ReviewKind,
    ReviewState,
)
from capture.ingest.identity import attach, new_customer
from capture.ingest.locking import lock_names
from capture.ingest.pipeline import project_linked
from capture.ingest.projections import parse_captures
from capture.ingest.resolver import Name
from capture.models import Capture, CaptureLink, Identifier, IdentityReview
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
    is_taken = review.email_customer_id or not review.user_customer_id
    if review.kind == ReviewKind.CONTRADICTION and is_taken:
        # The e-mail is somebody's, or there is nobody whose it could become.
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
    the e-mail's); the user id then means that one, an e-mail that is nobody's finds
    them, too, and somebody archived is restored. What came before stays with whom it
    was linked to. `other_person`: to whoever has the e-mail, or to a new customer; of
    a claimed e-mail, that the user id's person does not have it. `changed_email`: to
    the user id's person, whose e-mail becomes the new one, and whose former one still
    finds them. All messages that wait are linked and projected, payments included;
    later ones with the same e-mail and user id follow without a question.

    Needs the permission `decide_identityreview`, to restore somebody archived that to
    archive, and to change an e-mail that to change customers. Raises ValidationError
    `already_decided`, `required` without a reason, `not_possible` for a decision or
    customer that does not fit, `erased` for one who is no more, `unique` for an e-mail
    that somebody has meanwhile; each at the argument that it is about.
    One transaction, which waits for messages with the same names and locks the review.
    """
    actor.require_perm(review.business_id, DECIDE)
    if not reason.strip():
        msg = _("Write why you decide so.")
        raise ValidationError({"reason": ValidationError(msg, "required")})
    review = _locked(review)
    if not review.is_open:
        msg = _("This review was decided meanwhile.")
        raise ValidationError(msg, code="already_decided")
    if decision not in list_decisions(review):
        msg = _("This cannot be decided about this review.")
        raise ValidationError({"decision": ValidationError(msg, "not_possible")})
    waiting = Capture.objects.filter(link__review=review, link__customer=None)
    light = waiting.defer("payload", "raw", "raw_signature", "warnings")
    captures = list(light.order_by("received_at", "pk"))
    act = _Act(review, captures, customer, reason, actor)
    owner_id = act.perform(ReviewDecision(decision))
    review.state, review.decision = ReviewState.DECIDED, decision
    review.customer_id, review.reason = owner_id, reason
    review.decided_by_id, review.decided_at = actor.user_id, timezone.now()
    review.as_actor(actor, reason=reason).save()
    log.record(
        "identity_review.decided",
        review,
        actor=actor,
        business_id=review.business_id,
        code=decision,
        reason=reason,
        subjects=[owner_id] if owner_id else [],
        data={"captures": len(captures)},
    )
    if owner_id is not None:
        linked = attach(
            captures,
            owner_id,
            business_id=review.business_id,
            names=act.names,
            actor=actor,
        )
        project_linked([], linked, review.source, actor, {})
    return review


def _locked(review: IdentityReview) -> IdentityReview:
    """Return a review, locked after its names and those of what waits for it.

    As messages lock them: one of a payment that waits would otherwise block this one.
    """
    names = Capture(
        business_id=review.business_id,
        email=review.email_key,
        user_ref=review.user_ref,
    )
    waiting = Capture.objects.filter(link__review=review, link__customer=None)
    lock_names([names, *waiting.defer("payload", "raw", "raw_signature", "warnings")])
    reviews = IdentityReview.objects.select_for_update(of=("self",), no_key=True)
    return reviews.select_related(
        "source__business", "email_customer", "user_customer"
    ).get(pk=review.pk)


class _Act:
    """A decision that is being carried out; `names` is what it teaches."""

    def __init__(
        self,
        review: IdentityReview,
        captures: list[Capture],
        chosen: UUID | None,
        reason: str,
        actor: Actor,
    ) -> None:
        self.names: dict[Name, IdentifierTrust] = {}
        self._review, self._captures = review, captures
        self._chosen, self._reason, self._actor = chosen, reason, actor

    def perform(self, decision: ReviewDecision) -> UUID | None:
        """Change customers and names; return to whom the messages belong.

        What is wrong with a customer is wrong with the decision: nobody sent more.
        """
        try:
            return self._perform(decision)
        except ValidationError as error:
            if not hasattr(error, "error_dict"):
                raise
            errors: dict[str, list[ValidationError]] = {}
            for name, of_field in error.error_dict.items():
                field = name if name == "customer_id" else "decision"
                errors.setdefault(field, []).extend(of_field)
            raise ValidationError(errors) from error

    def _perform(self, decision: ReviewDecision) -> UUID | None:
        if decision == ReviewDecision.SAME_PERSON:
            return self._same_person()
        if self._chosen is not None:
            # Who it is follows from the decision.
            self._refuse_customer()
        if decision == ReviewDecision.CHANGED_EMAIL:
            return self._changed_email()
        return self._other_person()

    def _same_person(self) -> UUID:
        review = self._review
        candidates = [c for c in (review.email_customer, review.user_customer) if c]
        if self._chosen is not None:
            candidates = [c for c in candidates if c.pk == self._chosen]
        if not candidates:
            self._refuse_customer()
        customer = candidates[0]
        self._check_not_erased(customer)
        if customer.is_archived and review.kind == ReviewKind.ARCHIVED_CUSTOMER:
            customers.restore_customers(
                [customer.pk], actor=self._actor, reason=self._reason
            )
        self._check_live(customer.pk)
        if review.email_key:
            self._teach_email(customer)
        self._teach_user_id(customer.pk)
        return customer.pk

    def _changed_email(self) -> UUID:
        review = self._review
        if review.user_customer is None:
            raise AssertionError
        self._check_not_erased(review.user_customer)
        self._check_live(review.user_customer.pk)
        customers.update_customer(
            review.user_customer,
            email=review.email,
            actor=self._actor,
            reason=self._reason,
        )
        self._teach_user_id(review.user_customer.pk)
        return review.user_customer.pk

    def _other_person(self) -> UUID | None:
        review = self._review
        if review.kind == ReviewKind.CLAIMED_EMAIL:
            return None
        holder = self._holder_of_email()
        if holder is not None and not holder.is_archived:
            return holder.customer_id
        customer_id = self._create()
        if review.kind != ReviewKind.CONTRADICTION:
            self._teach_user_id(customer_id)
        return customer_id

    def _create(self) -> UUID:
        """Make the customer to whom the messages belong."""
        review = self._review
        is_contradiction = review.kind == ReviewKind.CONTRADICTION
        user_ref = None if is_contradiction else review.user_ref
        __, by_id = customers.find_by_identity(
            review.business_id, emails=(), external_ids=filter(None, [user_ref])
        )
        holder = by_id.get(user_ref or "")
        parsed = parse_captures(self._captures[:1])
        new = customers.CapturedCustomer(
            id=uuid7(),
            name=review.email or review.user_ref,
            email=review.email,
            phone=None,
            external_id=None if holder and not holder.is_archived else user_ref,
            joined_at=timezone.now(),
            source="website",
        )
        if parsed:
            new = replace(
                new_customer(new.id, parsed[0]),
                email=new.email,
                external_id=new.external_id,
            )
        customers.create_captured_customers(
            review.source.business, [new], actor=self._actor
        )
        return new.id

    def _holder_of_email(self) -> customers.IdentityMatch | None:
        key = self._review.email_key
        by_email, __ = customers.find_by_identity(
            self._review.business_id, emails=filter(None, [key]), external_ids=()
        )
        return by_email.get(key or "")

    def _teach_email(self, customer: Customer) -> None:
        """Let the e-mail find a customer, unless it is somebody's."""
        review, holder = self._review, self._holder_of_email()
        if holder is not None and holder.customer_id == customer.pk:
            return
        if holder is not None and not holder.is_archived:
            if review.kind == ReviewKind.CLAIMED_EMAIL:
                msg = _("Another customer has this e-mail by now.")
                raise ValidationError({"decision": ValidationError(msg, "unique")})
            return
        email = review.email or ""
        if customer.email_key is None:
            customers.update_customer(
                customer, email=email, actor=self._actor, reason=self._reason
            )
        else:
            customers.add_email(customer, email, actor=self._actor, reason=self._reason)

    def _teach_user_id(self, customer_id: UUID) -> None:
        """Let the user id of the source mean a customer, and nobody else."""
        review = self._review
        if not review.user_ref:
            return
        Identifier.objects.filter(
            business=review.business_id,
            source=review.source_id,
            kind=IdentifierKind.USER_ID,
            value=review.user_ref,
            trust=IdentifierTrust.STAFF,
        ).exclude(customer=customer_id).update(trust=IdentifierTrust.SERVER)
        name = Name(
            IdentifierKind.USER_ID, review.user_ref, customer_id, review.source_id
        )
        self.names[name] = IdentifierTrust.STAFF

    def _check_live(self, customer_id: UUID) -> None:
        live = customers.list_customers(
            actor=self._actor, business_id=self._review.business_id
        )
        if not live.filter(pk=customer_id).exists():
            msg = _("This customer was archived meanwhile. Restore them first.")
            self._refuse_candidate(msg, "not_possible")

    def _check_not_erased(self, customer: Customer) -> None:
        if customer.erased_at is not None:
            msg = _(
                "This customer was erased meanwhile, which is for good. Choose another "
                "answer."
            )
            self._refuse_candidate(msg, "erased")

    def _refuse_candidate(self, sentence: str, code: str) -> NoReturn:
        """Refuse a candidate at what the caller sent of them."""
        field = "decision" if self._chosen is None else "customer_id"
        raise ValidationError({field: ValidationError(sentence, code)})

    def _refuse_customer(self) -> NoReturn:
        msg = _("Name one of the candidates, and only for the same person.")
        self._refuse_candidate(msg, "not_possible")
