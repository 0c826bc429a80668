"""Where captures come from, and the keys that let them in."""

from __future__ import annotations

import re
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from audit.fields import SealedJSONField
from audit.tracking import TrackedModel
from capture.choices import SCOPES, KeyKind

_ORIGIN = re.compile(
    r"https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?"
)


class Source(TrackedModel):
    """A site, server or provider of one business. Message ids are unique within it."""

    privacy: ClassVar[dict[str, str]] = {
        "slug": "public",
        "name": "public",
        "consent_wording_version": "public",
    }

    business = models.ForeignKey(
        "customers.Business", models.PROTECT, related_name="+", db_index=False
    )
    slug = models.SlugField(max_length=63)
    name = models.CharField(max_length=200)
    consent_wording_version = models.CharField(
        max_length=50,
        null=True,
        blank=True,
        help_text="The wording people agree to there. Without it, what they tick is no "
        "valid consent.",
    )
    is_active = models.BooleanField(default=True)

    class Meta(TrackedModel.Meta):
        ordering = ("name", "id")
        permissions: ClassVar = [
            ("export_source", "Can export sources"),
            ("import_source", "Can import sources"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "slug"],
                name="source_slug_unique",
                violation_error_message="A source here has this slug already.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKey(TrackedModel):
    """A key of a source. The key itself is shown once and stored as a keyed hash."""

    privacy: ClassVar[dict[str, str]] = {
        "prefix": "public",
        "key_hash": "secret",
        "scopes": "public",
        "origins": "public",
    }

    business = models.ForeignKey(
        "customers.Business", models.PROTECT, related_name="+", db_index=False
    )
    source = models.ForeignKey(Source, models.PROTECT, related_name="keys")
    kind = models.CharField(
        max_length=20, choices=KeyKind.choices, default=KeyKind.PUBLISHABLE
    )
    prefix = models.CharField(max_length=20, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = SealedJSONField(default=list, blank=True)
    origins = SealedJSONField(
        default=list,
        blank=True,
        help_text="Origins of pages that may use a publishable key: "
        '["https://shop.example.com"]',
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(TrackedModel.Meta):
        verbose_name = "key"
        ordering = ("-created_at", "-id")
        permissions: ClassVar = [
            ("export_apikey", "Can export keys"),
            ("import_apikey", "Can import keys"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind__in=KeyKind.values), name="key_kind_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "-created_at"], name="key_created"),
            models.Index(fields=["-created_at", "-id"], name="key_order"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"

    def clean(self) -> None:
        """Refuse scopes that nobody knows, and origins that no browser would send."""
        super().clean()
        if not isinstance(self.scopes, list) or not set(map(str, self.scopes)) <= set(
            SCOPES
        ):
            msg = f'Write a list of {", ".join(SCOPES)}, like ["{SCOPES[0]}"].'
            raise ValidationError({"scopes": msg})
        origins = self.origins if isinstance(self.origins, list) else [self.origins]
        self.origins = [str(origin).rstrip("/").lower() for origin in origins]
        if not all(_ORIGIN.fullmatch(origin) for origin in self.origins):
            msg = 'Write origins without a path, like ["https://shop.example.com"].'
            raise ValidationError({"origins": msg})
        if self.kind == KeyKind.PUBLISHABLE and not self.origins:
            msg = "A publishable key works from the origins listed here. Name one."
            raise ValidationError({"origins": msg})

    @property
    def is_valid(self) -> bool:
        """Tell whether the key still opens the door."""
        now = timezone.now()
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_expired and self.source.is_active
