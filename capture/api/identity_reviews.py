"""Identity reviews in the canonical API: whose messages are, and what staff decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.expansion import Related
from audit.rest.filters import TableFilters
from audit.rest.model_serializers import HubModelSerializer
from audit.rest.serializers import StrictSerializer
from audit.rest.views import ActionSpec
from capture import services
from capture.api.tables import SourceSerializer
from capture.choices import ReviewDecision
from capture.models import IdentityReview
from capture.models.identity_review import IdentityReviewQuerySet
from customers.api.serializers.customers import CustomerSerializer
from customers.api.tables.base import TIMES, HubViewSet


class DecisionsField(serializers.ListField):
    """What may be decided about a review; nothing about a decided one."""

    child = serializers.ChoiceField(ReviewDecision.choices)

    def get_attribute(self, instance: IdentityReview) -> list[ReviewDecision]:
        return services.list_decisions(instance)


class IdentityReviewSerializer(HubModelSerializer):
    """A question to staff: to whom messages with an e-mail and a user id belong."""

    user_id = serializers.CharField(source="user_ref", read_only=True)
    # Of the selector.
    waiting = serializers.IntegerField(
        read_only=True, help_text="How many messages wait for the decision."
    )
    decisions = DecisionsField(
        read_only=True, help_text="What may be decided; empty once it was."
    )
    privacy: ClassVar = {"user_id": "identity"}

    class Meta:
        model = IdentityReview
        fields: ClassVar = [
            "id",
            "business_id",
            "source_id",
            "kind",
            "state",
            "email",
            "user_id",
            "email_customer_id",
            "user_customer_id",
            "waiting",
            "decisions",
            "decision",
            "customer_id",
            "reason",
            "decided_by_id",
            "decided_at",
            "created_at",
            "updated_at",
        ]


class DecideSerializer(StrictSerializer):
    """Which decision, and why."""

    decision = serializers.ChoiceField(ReviewDecision.choices)
    customer_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="Of two candidates the one whom the messages belong to.",
    )
    reason = serializers.CharField(max_length=500)


class IdentityReviewFilters(TableFilters):
    customer = django_filters.CharFilter(
        method="about_customer",
        label="A candidate, or whom it was decided for; by id or reference.",
    )
    source = django_filters.UUIDFilter(field_name="source_id")

    def about_customer(
        self, reviews: IdentityReviewQuerySet, name: str, value: str
    ) -> IdentityReviewQuerySet:
        """Keep the reviews in which a customer is one of the two, or the answer."""
        return reviews.about(value)


class IdentityReviewViewSet(HubViewSet):
    """Questions to staff: whose are messages that name two people."""

    tag = "Captures"
    model = IdentityReview
    event_prefix = "identity_review"
    serializer_class = IdentityReviewSerializer
    filterset_base = IdentityReviewFilters
    filterset_fields = (
        "state",
        "kind",
        "decided_at",
        *TIMES,
    )
    ordering_fields = ("created_at", "updated_at", "decided_at")
    related: ClassVar = {
        "source": Related(SourceSerializer, "source"),
        "email_customer": Related(CustomerSerializer, "email_customer"),
        "user_customer": Related(CustomerSerializer, "user_customer"),
        "customer": Related(CustomerSerializer, "customer"),
    }

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        """Return those of a table that is read, and the decision."""
        decide = ActionSpec(services.DECIDE, cls.answer(), body=DecideSerializer)
        return {**super().get_action_specs(), "decide": decide}

    def get_queryset(self) -> IdentityReviewQuerySet:
        reviews = services.list_identity_reviews(actor=self.actor)
        if self.business_id is not None:
            reviews = reviews.filter(business=self.business_id)
        return self.with_related(reviews)  # type: ignore[return-value]  # as it came

    def note_access(self, verb: str, instances: Iterable[Any], **details: Any) -> None:
        """Note that the candidates were seen, too: a review is about both."""
        reviews: list[IdentityReview] = list(instances)
        super().note_access(verb, reviews, **details)
        services.note_candidates(
            verb, reviews, actor=self.actor, target=details.get("target")
        )

    @action(detail=True, methods=["post"])
    def decide(self, request: Request, **_: object) -> Response:
        """Decide whose the messages are, once; they are linked and projected."""
        self.refuse_version()
        review = self.get_object()
        body = self.body()
        customer: UUID | None = body.get("customer_id")
        services.decide_identity_review(
            review,
            body["decision"],
            customer=customer,
            reason=body["reason"],
            actor=self.actor,
        )
        return self.answer_instance(self.get_by_reference(str(review.pk)))
