"""One entry of the trail: who did, saw or tried what, to whom, and how it ended."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.database.sealed import SealedModel, sealed_constraints
from audit.fields import NullTextField, SealedJSONField


class Outcome(models.TextChoices):
    """How an attempt ended."""

    DONE = "done", "done"
    REFUSED = "refused", "refused"
    FAILED = "failed", "failed"


class EventQuerySet(models.QuerySet["Event"]):
    """Events by what they are about."""

    def about(self, model_label: str, object_id: str) -> EventQuerySet:
        """Keep the events of one object."""
        return self.filter(object_label=model_label, object_id=object_id)


class Event(SealedModel):
    """An entry holds ids and facts; the only personal text is a reason or a query."""

    privacy: ClassVar[dict[str, str]] = {
        "action": "public",
        "actor_kind": "public",
        "via": "public",
        "subjects": "public",
        "object_label": "public",
        "object_id": "public",
        "code": "public",
        "data": "public",
        "reason": "free_text",
        "query": "contact",
    }

    business_id = models.UUIDField(null=True)
    action = models.CharField(max_length=100)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.UUIDField(null=True)
    key_id = models.UUIDField(null=True)
    via = models.CharField(max_length=20)
    subjects = SealedJSONField(default=list)
    # Whom an entry about exactly one person is about: what the person's pages ask.
    subject_id = models.UUIDField(null=True)
    object_label = models.CharField(max_length=100, blank=True)
    object_id = models.CharField(max_length=100, blank=True)
    occurred_at = models.DateTimeField(default=timezone.now)
    operation_id = models.UUIDField(db_index=True)
    outcome = models.CharField(
        max_length=10, choices=Outcome.choices, default=Outcome.DONE
    )
    code = models.CharField(max_length=100, blank=True)
    grant_id = models.UUIDField(null=True)
    data = SealedJSONField(default=dict)
    reason = NullTextField()
    query = NullTextField()

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("-occurred_at", "-id")
        permissions: ClassVar = [
            ("view_personal", "Can see personal data in clear"),
            ("reveal_personal", "Can have personal data shown, with a reason"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business_id", "-occurred_at"], name="event_business"),
            models.Index(fields=["object_label", "object_id"], name="event_object"),
            models.Index(fields=["subject_id", "-occurred_at"], name="event_subject"),
            models.Index(fields=["actor_id", "-occurred_at"], name="event_actor"),
            models.Index(fields=["action", "-occurred_at"], name="event_action"),
            models.Index(fields=["-occurred_at", "-id"], name="event_newest"),
        ]
        constraints = (
            *sealed_constraints("audit_event", ["reason", "query"]),
            models.CheckConstraint(
                condition=models.Q(outcome__in=Outcome.values),
                name="event_outcome_known",
            ),
        )

    def __str__(self) -> str:
        return self.action
