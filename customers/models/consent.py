"""Consent to being contacted: only added, never changed or removed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.database.sealed import SealedModel, sealed_constraints
from audit.fields import NullTextField, PastDateTimeField
from audit.history.querysets import ScopedQuerySet
from customers.choices import ConsentAction, ConsentChannel, within_sentence
from customers.models.base import BusinessModel, one_of
from customers.models.business import LONGEST_WORDING
from customers.models.customer import Customer


class ConsentEvent(BusinessModel, SealedModel):
    """One answer: given, refused or withdrawn, for a purpose and a channel.

    Without a channel, a given answer covers e-mail and the others cover all channels.
    """

    privacy: ClassVar[dict[str, str]] = {
        "purpose": "public",
        "wording_version": "public",
        "wording_hash": "public",
        "method": "public",
        "evidence": "free_text",
    }

    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="consent_events"
    )
    purpose = models.SlugField(
        max_length=50, help_text="marketing, loyalty or another."
    )
    channel = models.CharField(
        max_length=10, choices=ConsentChannel.choices, null=True, blank=True
    )
    action = models.CharField(max_length=10, choices=ConsentAction.choices)
    wording_version = models.CharField(
        max_length=LONGEST_WORDING, null=True, blank=True
    )
    wording_hash = models.CharField(max_length=64, null=True, blank=True)
    method = models.CharField(max_length=50, default="staff")
    occurred_at = PastDateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    recorded_by_id = models.UUIDField(null=True, editable=False)
    capture_id = models.UUIDField(null=True, editable=False)
    operation_id = models.UUIDField(null=True, editable=False, db_index=True)
    evidence = NullTextField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ("-occurred_at", "-id")
        permissions: ClassVar = [("export_consentevent", "Can export consents")]
        constraints: ClassVar = [
            *sealed_constraints("customers_consentevent", ["evidence"]),
            one_of("channel", ConsentChannel.values, "consent_channel_known"),
            one_of("action", ConsentAction.values, "consent_action_known"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "customer", "-occurred_at"], name="consent_customer"
            ),
            models.Index(fields=["business", "-created_at"], name="consent_created"),
            models.Index(fields=["-occurred_at", "-id"], name="consent_order"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {within_sentence(self.get_action_display())}"

    def clean(self) -> None:
        """Write the purpose in small letters: rules compare it."""
        super().clean()
        if self.purpose:
            self.purpose = self.purpose.lower()
