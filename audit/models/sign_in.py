"""Signing in: counters of tries, the second factor, tokens of other frontends."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from audit.ids import uuid7


class AttemptCounter(models.Model):
    """How many tries one name has used since its window began.

    Full until `ends_at`; afterwards the next try begins a new window.
    """

    privacy: ClassVar[dict[str, str]] = {"name": "public", "begun_mark": "public"}

    # A purpose and a keyed hash: nobody's name or address stands here.
    name = models.CharField(primary_key=True, max_length=120)
    failed = models.PositiveIntegerField(default=0)
    ends_at = models.DateTimeField(db_index=True)
    # When the window or the lock began, by the clock that only runs on.
    begun_mark = models.CharField(
        max_length=40, blank=True, default="", db_default="", editable=False
    )
    # How often in a row it was full: each lock lasts twice as long as the one before.
    locks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return "attempt counter"


class Authenticator(models.Model):
    """The app that makes a user's codes (TOTP, RFC 6238)."""

    privacy: ClassVar[dict[str, str]] = {"sealed_seed": "secret"}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="authenticator"
    )
    sealed_seed = models.TextField(editable=False)
    # The newest step whose code was used; that one and older ones open nothing more.
    last_step = models.BigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"authenticator {self.pk}"


class RecoveryCode(models.Model):
    """One code for the day the authenticator is lost; each works once."""

    privacy: ClassVar[dict[str, str]] = {"code_hash": "secret"}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="recovery_codes"
    )
    code_hash = models.CharField(max_length=64, unique=True, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"recovery code {self.pk}"


class TokenFamily(models.Model):
    """One sign-in by token: its access tokens, and the refresh token that is next."""

    privacy: ClassVar[dict[str, str]] = {
        "refresh_hash": "secret",
        "session_hash": "secret",
        "revoke_code": "public",
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="token_families"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    refreshed_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    revoke_code = models.CharField(max_length=40, blank=True)
    refresh_hash = models.CharField(max_length=64, editable=False)
    # What a session of the user would carry: other passwords and stamps end both.
    session_hash = models.CharField(max_length=128, editable=False)

    class Meta:
        verbose_name_plural = "token families"
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"token family {self.pk}"
