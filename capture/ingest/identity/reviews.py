"""The questions of captures to staff: what was decided, what is open, what is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from audit.tenancy.actors import Actor
from capture.choices import (
    IdentifierKind,
    IdentifierTrust,
    ReviewDecision,
    ReviewKind,
    ReviewState,
)
from capture.ingest.identity.loading import email_key
from capture.ingest.projections import ParsedCapture
from capture.ingest.resolver import (
    Directory,
    Name,
    Person,
    Question,
    QuestionKey,
)
from capture.models import Capture, IdentityReview

_REASON = "captured"


class Reviews(Mapping[tuple[UUID, QuestionKey], "UUID | None"]):
    """What staff decided about the questions of some captures.

    Loaded once somebody asks, because questions are rare. Adds whom staff decided for
    to the directory.
    """

    def __init__(
        self, business_id: UUID, captures: list[Capture], directory: Directory
    ) -> None:
        self._business_id = business_id
        self._captures = captures
        self._directory = directory

    def load(self) -> None:
        """Read what was decided, and add for whom to the directory."""
        self._decided  # noqa: B018 - reading it is loading it

    def __getitem__(self, key: tuple[UUID, QuestionKey]) -> UUID | None:
        return self._decided[key]

    def __iter__(self) -> Iterator[tuple[UUID, QuestionKey]]:
        return iter(self._decided)

    def __len__(self) -> int:
        return len(self._decided)

    @cached_property
    def _stored(self) -> list[IdentityReview]:
        emails = {key for c in self._captures if (key := email_key(c))}
        refs = {c.user_ref for c in self._captures if c.user_ref}
        reviews = IdentityReview.objects.filter(
            Q(email_key__in=emails) | Q(user_ref__in=refs),
            business=self._business_id,
            source__in={c.source_id for c in self._captures},
        )
        return list(reviews.select_related("customer").order_by("decided_at", "pk"))

    @cached_property
    def _decided(self) -> dict[tuple[UUID, QuestionKey], UUID | None]:
        decided: dict[tuple[UUID, QuestionKey], UUID | None] = {}
        for review in self._stored:
            if review.is_open:
                continue
            decided[key_of(review)] = review.customer_id
            customer = review.customer
            if customer is not None and customer.erased_at is None:
                self._directory.customers.setdefault(
                    customer.pk,
                    Person(
                        customer.pk,
                        customer.email_key,
                        customer.external_id,
                        customer.is_archived,
                    ),
                )
        return decided

    def store(
        self,
        questions: dict[Capture, Question],
        parsed: dict[UUID, ParsedCapture],
        actor: Actor,
    ) -> dict[UUID, UUID]:
        """Return the open review of each capture's question; make what is missing."""
        pending = {key_of(r): r for r in self._stored if r.is_open}
        new: list[IdentityReview] = []
        result: dict[UUID, UUID] = {}
        for capture, question in questions.items():
            key = (capture.source_id, question.key)
            if key not in pending:
                item = parsed.get(capture.pk)
                typed = (item and item.email) or capture.email
                pending[key] = IdentityReview(
                    business_id=capture.business_id,
                    source_id=capture.source_id,
                    kind=question.kind,
                    email=typed if question.email else None,
                    user_ref=question.user_ref,
                    email_customer_id=question.email_customer,
                    user_customer_id=question.user_customer,
                )
                new.append(pending[key])
            result[capture.pk] = pending[key].pk
        if new:
            IdentityReview.objects.as_actor(actor, reason=_REASON).bulk_create(new)
        return result


def key_of(review: IdentityReview) -> tuple[UUID, QuestionKey]:
    """Return what equal questions have in common, source included."""
    key = QuestionKey(review.kind, review.email_key, review.user_ref)
    return review.source_id, key


def close_answered(owners: Mapping[UUID, UUID], actor: Actor) -> None:
    """Decide the reviews that a server has answered by naming an id with an e-mail.

    `owners` says of each review whose its messages are. In the caller's transaction.
    """
    if not owners:
        return
    reviews = IdentityReview.objects.select_for_update(of=("self",), no_key=True)
    claimed = reviews.filter(pk__in=list(owners), kind=ReviewKind.CLAIMED_USER_ID)
    answered = list(claimed.open().order_by("pk"))
    for review in answered:
        review.customer_id = owners[review.pk]
        is_same = review.customer_id == review.user_customer_id
        review.decision = (
            ReviewDecision.SAME_PERSON if is_same else ReviewDecision.OTHER_PERSON
        )
        review.state, review.decided_at = ReviewState.DECIDED, timezone.now()
    IdentityReview.objects.as_actor(actor, reason=_REASON).bulk_update(
        answered, ["customer", "decision", "state", "decided_at"]
    )


def decided_names(
    business_id: UUID, captures: list[Capture]
) -> dict[Name, IdentifierTrust]:
    """Return whom staff said that the user ids of these captures mean."""
    reviews = IdentityReview.objects.filter(
        business=business_id,
        source__in={capture.source_id for capture in captures},
        user_ref__in={c.user_ref for c in captures if c.user_ref},
        state=ReviewState.DECIDED,
        customer__erased_at=None,
        # Servers have answered the others.
        reason__isnull=False,
    ).exclude(kind=ReviewKind.CONTRADICTION, decision=ReviewDecision.OTHER_PERSON)
    newest: dict[tuple[UUID, str], Name] = {}
    columns = ("source_id", "user_ref", "customer_id")
    by_time = reviews.exclude(customer=None).order_by("decided_at", "pk")
    for source_id, value, customer_id in by_time.values_list(*columns):
        name = Name(IdentifierKind.USER_ID, value or "", customer_id, source_id)
        newest[source_id, name.value] = name
    return dict.fromkeys(newest.values(), IdentifierTrust.STAFF)
