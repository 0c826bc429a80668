"""Signing in: counters of tries, the second factor, tokens of other frontends."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from audit.database.signed import SignedModel
from audit.ids import uuid7

# How the word of a passkey begins in `User.factors`; its id follows.
PASSKEY = "passkey:"


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

    changeable: ClassVar = ("last_step", "sealed_seed")
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

    changeable: ClassVar = ("used_at",)
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


class Passkey(SignedModel):
    """A key (WebAuthn) that a device of the user keeps: its public half.

    Which ones a user has stands in the account too (`factors`), so that a row that was
    put in or taken away past the hub is found out.
    """

    signed = ("id", "user_id", "credential_id", "public_key")
    changeable: ClassVar = ("sign_count", "is_backed_up", "last_used_at", "mac")
    privacy: ClassVar[dict[str, str]] = {"name": "free_text", "mac": "secret"}

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="passkeys"
    )
    credential_id = models.BinaryField(unique=True, max_length=1023)
    # COSE, as CBOR.
    public_key = models.BinaryField()
    # Moved by one UPDATE that asks for more; a synced key never counts and stays at 0.
    sign_count = models.BigIntegerField(default=0, editable=False)
    is_backed_up = models.BooleanField("synced", default=False, editable=False)
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"passkey {self.pk}"

    @property
    def factor(self) -> str:
        """The word by which the account says that it has this key."""
        return f"{PASSKEY}{self.pk.hex}"


class Purpose(models.TextChoices):
    """What a passkey is asked for."""

    ENROL = "enrol", "add a passkey"
    SIGN_IN = "sign_in", "sign in"
    STEP_UP = "step_up", "confirm an act"


class Ceremony(models.Model):
    """One question to a passkey. Its answer takes the row away, right or wrong.

    The challenge is no column: a key outside of the database makes it from these.
    """

    privacy: ClassVar[dict[str, str]] = {
        "purpose": "public",
        "binding": "secret",
        "scope": "public",
        "digest": "secret",
    }

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    # Keyed hashes, as those of a grant: the session or the token family, and the act.
    binding = models.CharField(max_length=64)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True
    )
    scope = models.CharField(max_length=20, blank=True, default="")
    digest = models.CharField(max_length=64, blank=True, default="")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "ceremonies"
        ordering = ("id",)
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(purpose__in=Purpose.values),
                name="ceremony_purpose_known",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.pk}"


class TokenFamily(models.Model):
    """One sign-in by token: its access tokens, and the refresh token that is next."""

    changeable: ClassVar = (
        "refreshed_at",
        "expires_at",
        "revoked_at",
        "revoke_code",
        "refresh_hash",
        "session_hash",
    )
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
