"""Messages that were not accepted, until a decision; and repeated deliveries."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from audit.database.sealed import AppendOnly, SealedModel, sealed_constraints
from audit.fields import NullCharField, NullTextField
from audit.history.querysets import ScopedQuerySet
from capture.choices import Decision, Trust
from capture.models.base import BusinessModel
from capture.models.capture import Capture


class QuarantineQuerySet(ScopedQuerySet["Quarantine"]):
    """Items by what became of them."""

    def open(self) -> QuarantineQuerySet:
        """Keep the items without a decision."""
        return self.filter(decisions=None)

    def with_outcome(self) -> QuarantineQuerySet:
        """Load what was decided, and how often each item came."""
        repeats = Sighting.objects.filter(quarantine=models.OuterRef("pk")).order_by()
        counts = repeats.values("quarantine").values(n=models.Count("pk"))
        times_seen = Coalesce(models.Subquery(counts), 0) + 1
        return self.prefetch_related("decisions").annotate(times_seen=times_seen)


class Quarantine(BusinessModel, SealedModel):
    """An item that was not taken: what came, what is wrong with it, and where.

    `fingerprint` is a keyed hash, so that it may outlive an erasure.
    """

    guard = AppendOnly(dedupe=("source", "fingerprint", "code"))
    privacy: ClassVar[dict[str, str]] = {
        "adapter": "public",
        "trust": "public",
        "type": "public",
        "stage": "public",
        "code": "public",
        "message": "public",
        "fingerprint": "public",
        "message_id": "public",
        "item": "behaviour",
        "raw": "behaviour",
        "pointer": "behaviour",
    }

    source = models.ForeignKey(
        "capture.Source", models.PROTECT, related_name="+", db_index=False
    )
    key_id = models.UUIDField(null=True)
    operation_id = models.UUIDField(db_index=True)
    position = models.PositiveIntegerField(default=0)
    adapter = models.CharField(max_length=20)
    trust = models.CharField(max_length=10, choices=Trust.choices)
    type = models.CharField(max_length=20, null=True)
    stage = models.CharField(max_length=20)
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=300)
    message_id = models.CharField(max_length=255, null=True)
    received_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    fingerprint = models.CharField(max_length=64)
    item = NullTextField()
    raw = models.BinaryField(null=True)
    pointer = NullCharField(max_length=300)

    objects = QuarantineQuerySet.as_manager()

    class Meta:
        verbose_name = "quarantined item"
        ordering = ("-received_at", "-id")
        permissions: ClassVar = [
            ("replay_quarantine", "Can replay quarantined items"),
            ("discard_quarantine", "Can discard quarantined items"),
        ]
        constraints: ClassVar = [
            *sealed_constraints("capture_quarantine", ["item", "raw", "pointer"]),
            models.UniqueConstraint(
                fields=["source", "fingerprint", "code"],
                name="one_quarantine_per_item",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "-received_at", "-id"], name="quarantine_received"
            ),
            models.Index(fields=["business", "code"], name="quarantine_code"),
            models.Index(fields=["-received_at", "-id"], name="quarantine_newest"),
        ]

    @property
    def newest_decision(self) -> QuarantineDecision | None:
        """The last decision; None while there is none."""
        return next(iter(self.decisions.all()), None)

    @property
    def state(self) -> str:
        """What became of the item."""
        decision = self.newest_decision
        return decision.decision if decision else "open"

    def __str__(self) -> str:
        return f"{self.code} {str(self.pk)[-6:]}"


class QuarantineDecision(BusinessModel, SealedModel):
    """What was done with an item; the newest decision is its state."""

    privacy: ClassVar[dict[str, str]] = {"decision": "public", "reason": "free_text"}

    quarantine = models.ForeignKey(Quarantine, models.PROTECT, related_name="decisions")
    decision = models.CharField(max_length=20, choices=Decision.choices)
    capture = models.ForeignKey(Capture, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now)
    decided_by_id = models.UUIDField(null=True)
    operation_id = models.UUIDField(db_index=True)
    reason = NullTextField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ("-decided_at", "-id")
        constraints: ClassVar = [
            *sealed_constraints("capture_quarantinedecision", ["reason"]),
            models.CheckConstraint(
                condition=models.Q(decision__in=Decision.values),
                name="quarantine_decision_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "-decided_at"], name="decision_decided"),
            models.Index(fields=["-decided_at", "-id"], name="decision_newest"),
        ]

    def __str__(self) -> str:
        return str(self.decision)


class Sighting(BusinessModel, SealedModel):
    """A repeat of something known: of a capture or of a quarantined item."""

    privacy: ClassVar[dict[str, str]] = {"message_id": "public"}

    source = models.ForeignKey(
        "capture.Source", models.PROTECT, related_name="+", db_index=False
    )
    capture = models.ForeignKey(
        Capture, models.PROTECT, null=True, related_name="sightings"
    )
    quarantine = models.ForeignKey(
        Quarantine, models.PROTECT, null=True, related_name="sightings"
    )
    key_id = models.UUIDField(null=True)
    operation_id = models.UUIDField(db_index=True)
    message_id = models.CharField(max_length=255, null=True)
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ("-received_at", "-id")
        constraints: ClassVar = [*sealed_constraints("capture_sighting", [])]
        indexes: ClassVar = [
            models.Index(fields=["source", "message_id"], name="sighting_message"),
            models.Index(fields=["business", "-received_at"], name="sighting_received"),
            models.Index(fields=["-received_at", "-id"], name="sighting_newest"),
        ]

    def __str__(self) -> str:
        return "sighting"
