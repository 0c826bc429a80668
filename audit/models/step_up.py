"""Step-up: a person's PIN, and what a confirmation allows."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from audit.ids import uuid7


class Scope(models.TextChoices):
    """What needs a confirmation by the person who is signed in."""

    REVEAL = "reveal", "show personal data"
    EXPORT = "export", "export"
    REFUND_OVER_LIMIT = "refund_over_limit", "give back more than the limit"
    ERASE = "erase", "erase"
    MANAGE_ROLES = "manage_roles", "users and roles"
    MANAGE_KEYS = "manage_keys", "keys and secrets"
    BULK = "bulk", "change many at once"
    ACCOUNT = "account", "add or remove own second secrets"


class StepUpMethod(models.TextChoices):
    """What a person confirmed with."""

    PIN = "pin", "PIN"
    TOTP = "totp", "authenticator code"
    PASSKEY = "passkey", "passkey"
    # For a person's own second secrets alone.
    RECOVERY = "recovery", "recovery code"


class PinCredential(models.Model):
    """The PIN of one person, and how often a wrong code was given since a right one.

    `hash` is empty for a person without a PIN; the tries of an authenticator code
    count here too. The counters are moved by one UPDATE each, never read and written.
    """

    privacy: ClassVar[dict[str, str]] = {
        "hash": "secret",
        "pepper_version": "secret",
        "last_locked_mark": "public",
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="pin_credential"
    )
    hash = models.CharField(max_length=200, blank=True)
    pepper_version = models.CharField(max_length=16, blank=True)
    failed = models.PositiveSmallIntegerField("wrong codes in a row", default=0)
    failed_total = models.PositiveSmallIntegerField(
        "wrong codes since a right one", default=0
    )
    locked_until = models.DateTimeField(null=True)
    lock_count = models.PositiveSmallIntegerField(default=0)
    last_locked_at = models.DateTimeField(null=True)
    # The same by the clock that only runs on.
    last_locked_mark = models.CharField(
        max_length=40, blank=True, default="", db_default="", editable=False
    )
    disabled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "PIN"
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"PIN {self.pk}"


class Grant(models.Model):
    """One confirmation: who may do what, in which session, until when.

    Worth nothing without `mac`, which the database cannot compute.
    """

    changeable: ClassVar = ("used_at", "ended_at", "binding", "mac")
    privacy: ClassVar[dict[str, str]] = {
        "binding": "secret",
        "digest": "secret",
        "mac": "secret",
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False
    )
    scope = models.CharField(max_length=20, choices=Scope.choices)
    method = models.CharField(max_length=10, choices=StepUpMethod.choices)
    # Keyed hashes: of the session or the token family, and of the one act allowed.
    binding = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    mac = models.CharField(max_length=64)

    class Meta:
        verbose_name = "step-up"
        ordering = ("-created_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["user", "binding", "-expires_at"], name="grant_live"),
            models.Index(fields=["-created_at", "-id"], name="grant_newest"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(scope__in=Scope.values), name="grant_scope_known"
            ),
            models.CheckConstraint(
                condition=models.Q(method__in=StepUpMethod.values),
                name="grant_method_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.pk}"
