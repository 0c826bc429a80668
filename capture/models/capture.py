"""What was sent, kept as it came; and the customer it belongs to."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.database.sealed import AppendOnly, SealedModel, sealed_constraints
from audit.fields import NullCharField, NullTextField, SealedJSONField
from audit.history.querysets import ScopedQuerySet
from capture.choices import CaptureType, LinkRule, MessageIdOrigin, Trust
from capture.models.base import BusinessModel, UntrackedModel
from customers.choices import within_sentence

PERSONAL = [
    "payload",
    "raw",
    "raw_signature",
    "event_name",
    "email",
    "phone",
    "user_ref",
    "anonymous_ref",
    "previous_ref",
    "fingerprint",
    "warnings",
]


class Capture(BusinessModel, SealedModel):
    """One message, for ever. It names no customer: links change, captures do not."""

    # What a page says never takes the id of what a server or a provider says.
    guard = AppendOnly(
        dedupe=("business", "source", "message_id"),
        apart=("trust", Trust.BROWSER.value),
    )
    privacy: ClassVar[dict[str, str]] = {
        "adapter": "public",
        "message_id": "public",
        "time_source": "public",
        "facts": "public",
        "payload": "behaviour",
        "raw": "behaviour",
        "raw_signature": "behaviour",
        "event_name": "behaviour",
        "email": "contact",
        "phone": "contact",
        "user_ref": "identity",
        "anonymous_ref": "identity",
        "previous_ref": "identity",
        "fingerprint": "behaviour",
        "warnings": "behaviour",
    }

    source = models.ForeignKey(
        "capture.Source", models.PROTECT, related_name="+", db_index=False
    )
    key_id = models.UUIDField(null=True)
    operation_id = models.UUIDField(db_index=True)
    adapter = models.CharField(max_length=20)
    trust = models.CharField(max_length=10, choices=Trust.choices)
    type = models.CharField(max_length=20, choices=CaptureType.choices)
    schema_version = models.PositiveSmallIntegerField(default=1)
    attempt = models.PositiveIntegerField(null=True)
    gpc = models.BooleanField(null=True)
    message_id = models.CharField(max_length=255)
    message_id_origin = models.CharField(max_length=10, choices=MessageIdOrigin.choices)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    original_timestamp = models.DateTimeField(null=True)
    time_source = models.CharField(max_length=20)
    skew_ms = models.BigIntegerField(null=True)
    replay_of_id = models.UUIDField(null=True)
    corrects_id = models.UUIDField(null=True)
    facts = SealedJSONField(default=dict)
    payload = NullTextField()
    raw = models.BinaryField(null=True)
    raw_signature = NullTextField()
    event_name = NullCharField(max_length=255)
    email = NullCharField(max_length=254)
    phone = NullCharField(max_length=50)
    user_ref = NullCharField(max_length=255)
    anonymous_ref = NullCharField(max_length=255)
    previous_ref = NullCharField(max_length=255)
    fingerprint = models.BinaryField(null=True, max_length=32)
    warnings = SealedJSONField(null=True)

    # Of its request, for as long as it is being projected; no columns.
    trace_ip: str | None = None
    trace_agent: str | None = None

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ("-received_at", "-id")
        permissions: ClassVar = [
            ("read_payload", "Can see what was sent"),
            ("correct_capture", "Can correct captures"),
        ]
        constraints: ClassVar = [
            *sealed_constraints("capture_capture", PERSONAL),
            models.UniqueConstraint(
                models.F("business"),
                models.F("source"),
                models.F("message_id"),
                models.ExpressionWrapper(
                    models.Q(trust=Trust.BROWSER), models.BooleanField()
                ),
                name="one_capture_per_message_and_trust",
            ),
            models.CheckConstraint(
                condition=models.Q(type__in=CaptureType.values),
                name="capture_type_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "-received_at", "-id"], name="capture_received"
            ),
            models.Index(fields=["business", "email"], name="capture_email"),
            models.Index(fields=["business", "user_ref"], name="capture_user"),
            models.Index(
                fields=["business", "anonymous_ref"], name="capture_anonymous"
            ),
            models.Index(fields=["business", "previous_ref"], name="capture_previous"),
            models.Index(fields=["corrects_id"], name="capture_corrects"),
            models.Index(fields=["replay_of_id"], name="capture_replay_of"),
            models.Index(
                fields=["business", "type", "-received_at"], name="capture_type"
            ),
            models.Index(fields=["-received_at", "-id"], name="capture_newest"),
        ]

    @property
    def subject_id(self) -> UUID | None:
        """Whom the row is about, as it is linked now."""
        link: CaptureLink | None = getattr(self, "link", None)
        return link.customer_id if link is not None else None

    def __str__(self) -> str:
        return _("%(type)s capture") % {
            "type": within_sentence(self.get_type_display())
        }


class CaptureLink(UntrackedModel, BusinessModel):
    """Which customer a capture belongs to; null means unmatched. A projection.

    `payment` is the payment that a capture of one tells about. With a `review` and
    without a customer the capture waits for staff to say whose it is.
    """

    capture = models.OneToOneField(Capture, models.PROTECT, related_name="link")
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, null=True, related_name="capture_links"
    )
    payment = models.ForeignKey(
        "capture.Payment", models.PROTECT, null=True, related_name="links"
    )
    review = models.ForeignKey(
        "capture.IdentityReview", models.PROTECT, null=True, related_name="links"
    )
    rule = models.CharField(max_length=20, choices=LinkRule.choices, null=True)
    linked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-linked_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["business", "customer"], name="link_customer"),
            models.Index(fields=["business", "-linked_at"], name="link_linked"),
            models.Index(fields=["-linked_at", "-id"], name="link_order"),
        ]

    def __str__(self) -> str:
        return _("link")
