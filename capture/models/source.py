"""Where captures come from, and the keys that let them in."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import clock
from audit.fields import SealedJSONField
from audit.history.models import TrackedModel
from capture.choices import SCOPES, CaptureType, KeyKind, Provider
from capture.models.base import BusinessModel

_ORIGIN = re.compile(
    r"https?://(\*\.)?[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?"
)


class Source(BusinessModel, TrackedModel):
    """A site, server or provider of one business. Message ids are unique within it."""

    privacy: ClassVar[dict[str, str]] = {
        "slug": "public",
        "name": "public",
        "consent_wording_version": "public",
        "event_types": "public",
    }

    slug = models.SlugField(max_length=63)
    name = models.CharField(max_length=200)
    consent_wording_version = models.CharField(
        max_length=50,
        null=True,
        blank=True,
        help_text="The wording people agree to there. Without it, what they tick is no "
        "valid consent.",
    )
    event_types = SealedJSONField(
        default=dict,
        blank=True,
        help_text="Which track events of an analytics SDK are more than an event: "
        '{"Plan bought": "payment"}. Adds to the usual names.',
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
                violation_error_message=_("A source here has this slug already."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a mapping to anything but the types of captures."""
        super().clean()
        types = self.event_types
        if not isinstance(types, dict) or not set(map(str, types.values())) <= set(
            CaptureType.values
        ):
            allowed = ", ".join(CaptureType.values)
            msg = gettext(
                'Write {"Name of the event": "type"}; types are %(types)s.'
            ) % {"types": allowed}
            raise ValidationError({"event_types": msg})


class ApiKey(BusinessModel, TrackedModel):
    """A key of a source. The key itself is shown once and stored as a keyed hash."""

    privacy: ClassVar[dict[str, str]] = {
        "prefix": "public",
        "key_hash": "secret",
        "scopes": "public",
        "origins": "public",
        "networks": "public",
    }

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
        '["https://shop.example.com"]. One star stands for one label: '
        '"https://*.example.com".',
    )
    requires_origin = models.BooleanField(
        default=True,
        help_text="Switch off for a publishable key in an app that sends no Origin.",
    )
    networks = SealedJSONField(
        default=list,
        blank=True,
        help_text='Addresses that may use a secret key: ["198.51.100.0/24"]. '
        "Empty: all.",
    )
    replaces = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="replaced_by",
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
        """Refuse unknown scopes, and origins that no browser would send."""
        super().clean()
        if not isinstance(self.scopes, list) or not set(map(str, self.scopes)) <= set(
            SCOPES
        ):
            msg = gettext('Write a list of %(scopes)s, like ["%(scope)s"].') % {
                "scopes": ", ".join(SCOPES),
                "scope": SCOPES[0],
            }
            raise ValidationError({"scopes": msg})
        origins = self.origins if isinstance(self.origins, list) else [self.origins]
        self.origins = [str(origin).rstrip("/").lower() for origin in origins]
        if not all(is_origin(origin) for origin in self.origins):
            msg = gettext(
                'Write origins without a path, like ["https://shop.example.com"].'
            )
            raise ValidationError({"origins": msg})
        if not _are_networks(self.networks):
            msg = gettext(
                'Write a list of addresses or networks, like ["198.51.100.0/24"].'
            )
            raise ValidationError({"networks": msg})
        if (
            self.kind == KeyKind.PUBLISHABLE
            and self.requires_origin
            and not self.origins
        ):
            msg = gettext(
                "A publishable key works from the origins listed here. Name one."
            )
            raise ValidationError({"origins": msg})

    @property
    def is_valid(self) -> bool:
        """Tell whether the key still opens the door."""
        now = clock.now()
        is_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not is_expired and self.source.is_active

    def allows_origin(self, origin: str | None) -> bool:
        """Tell whether a page of this origin may use the key."""
        if origin is None:
            return not self.requires_origin
        return any(_matches(pattern, origin) for pattern in self.origins)

    def allows_address(self, address: str | None) -> bool:
        """Tell whether a caller at this network address may use the key."""
        if not self.networks:
            return True
        try:
            caller = ip_address(address or "")
        except ValueError:
            return False
        return any(caller in ip_network(n, strict=False) for n in self.networks)


class WebhookEndpoint(BusinessModel, TrackedModel):
    """Where a provider delivers signed events, and the secrets that prove them.

    Secrets have to be read to check a signature, so they are stored encrypted; the key
    to them is derived from `HASH_KEY`, which lies outside the database.
    """

    privacy: ClassVar[dict[str, str]] = {
        "provider": "public",
        "name": "public",
        "sealed_secrets": "secret",
        "paypal_webhook_id": "public",
        "certificate": "public",
    }

    source = models.ForeignKey(Source, models.PROTECT, related_name="webhooks")
    provider = models.CharField(max_length=20, choices=Provider.choices)
    name = models.CharField(max_length=200)
    sealed_secrets = models.TextField(blank=True, default="", editable=False)
    livemode = models.BooleanField(
        null=True,
        blank=True,
        help_text="Stripe: yes takes live events only, no test events only.",
    )
    paypal_webhook_id = models.CharField(max_length=100, null=True, blank=True)
    certificate = models.TextField(
        null=True,
        blank=True,
        help_text="PayPal: a pinned certificate (PEM), for hubs without a way out.",
    )
    is_active = models.BooleanField(default=True)

    class Meta(TrackedModel.Meta):
        ordering = ("name", "id")
        permissions: ClassVar = [
            ("export_webhookendpoint", "Can export webhook endpoints"),
            ("import_webhookendpoint", "Can import webhook endpoints"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(provider__in=Provider.values),
                name="webhook_provider_known",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "name"], name="webhook_name"),
        ]

    def __str__(self) -> str:
        return self.name


def _matches(pattern: str, origin: str) -> bool:
    """Tell whether an origin is the pattern, whose star stands for one label."""
    if "*" not in pattern:
        return pattern == origin
    head, _, tail = pattern.partition("*")
    label = origin[len(head) : len(origin) - len(tail)]
    fits = origin.startswith(head) and origin.endswith(tail)
    return fits and len(label) > 0 and not set(label) & set("./:@")


def is_origin(text: str) -> bool:
    """Tell whether a browser could send this, or a pattern with one star, as Origin."""
    return _ORIGIN.fullmatch(text) is not None


def is_network(text: str) -> bool:
    """Tell whether a text is an address, or a network of them."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _are_networks(value: object) -> bool:
    return isinstance(value, list) and all(is_network(str(text)) for text in value)
