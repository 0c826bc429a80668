"""What captures told about customers: further names, and where each value is from."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.fields import NullTextField
from capture.choices import IdentifierKind, IdentifierTrust, Trust
from capture.models.base import BusinessModel, UntrackedModel
from capture.models.capture import Capture


class Identifier(UntrackedModel, BusinessModel):
    """A user id or anonymous id under which captures know a customer. A projection.

    A user id is of one source; without one it is of all, as the company's number is,
    and as each was before ids had sources. An anonymous id has no source; that of two
    customers, as on a shared computer, joins nothing.
    """

    privacy: ClassVar[dict[str, str]] = {
        "kind": "public",
        "value": "identity",
        "trust": "public",
    }

    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, related_name="identifiers"
    )
    kind = models.CharField(max_length=20, choices=IdentifierKind.choices)
    value = models.CharField(max_length=255, null=True)
    source = models.ForeignKey(
        "capture.Source", models.PROTECT, null=True, related_name="+", db_index=False
    )
    trust = models.CharField(
        max_length=10,
        choices=IdentifierTrust.choices,
        default=IdentifierTrust.SERVER,
        # Of workers that run on for a moment with the code of before.
        db_default=IdentifierTrust.SERVER,
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "kind", "value", "customer", "source"],
                name="identifier_of_source_unique",
            ),
            # Two rows without a source do not differ in the rule above.
            models.UniqueConstraint(
                fields=["business", "kind", "value", "customer"],
                condition=models.Q(source=None),
                name="identifier_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(trust__in=IdentifierTrust.values),
                name="identifier_trust_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "-created_at"], name="identifier_created"),
            models.Index(fields=["-created_at", "-id"], name="identifier_newest"),
        ]

    def __str__(self) -> str:
        return str(self.kind)


class CapturedValue(UntrackedModel, BusinessModel):
    """The winning value of one field of a customer, and the capture it is from.

    The highest trust wins, then the latest event, then the latest arrival; never the
    order of arrival alone. A projection.
    """

    privacy: ClassVar[dict[str, str]] = {"field": "public", "value": "contact"}

    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, related_name="captured_values"
    )
    field = models.CharField(max_length=30)
    value = NullTextField()
    capture = models.ForeignKey(Capture, models.PROTECT, related_name="+")
    trust = models.CharField(max_length=10, choices=Trust.choices)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("-occurred_at", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["customer", "field"], name="one_value_per_field"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "-occurred_at"], name="value_occurred"),
            models.Index(fields=["-occurred_at", "-id"], name="value_newest"),
        ]

    def __str__(self) -> str:
        return self.field
