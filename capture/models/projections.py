"""Captures in typed columns: projections that a rebuild makes again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from audit.fields import NullCharField, NullTextField, SealedJSONField
from audit.ids import uuid7
from audit.tracking import ScopedQuerySet
from capture.choices import Trust
from capture.models.capture import Capture

TRACE: dict[str, str] = {"ip_address": "trace", "user_agent": "trace"}


class Projection(models.Model):
    """What every typed row has: its capture, its customer if known, its times."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    business = models.ForeignKey(
        "customers.Business", models.PROTECT, related_name="+", db_index=False
    )
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, null=True, related_name="%(class)ss"
    )
    capture = models.OneToOneField(Capture, models.PROTECT, related_name="%(class)s")
    trust = models.CharField(max_length=10, choices=Trust.choices)
    occurred_at = models.DateTimeField()
    ip_address = NullCharField(max_length=45)
    user_agent = NullTextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True


class Signup(Projection):
    """A person signed up."""

    privacy: ClassVar[dict[str, str]] = {
        **TRACE,
        "user_id": "identity",
        "email": "contact",
        "full_name": "identity",
        "mobile_number": "contact",
        "plan": "public",
        "signup_method": "public",
        "signup_source": "public",
        "referral_code": "behaviour",
        "preferred_categories": "behaviour",
        "location": "contact",
    }

    user_id = NullCharField(max_length=255)
    email = NullCharField(max_length=254)
    full_name = NullCharField(max_length=200)
    mobile_number = NullCharField(max_length=50)
    plan = models.CharField(max_length=200, null=True)
    signup_date = models.DateTimeField()
    signup_method = models.CharField(max_length=50, default="email")
    signup_source = models.CharField(max_length=100, default="website")
    referral_code = NullCharField(max_length=100)
    email_verified = models.BooleanField(default=False)
    marketing_consent = models.BooleanField(null=True)
    preferred_categories = SealedJSONField(null=True)
    location = NullCharField(max_length=200)

    class Meta:
        ordering = ("-occurred_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["business", "-occurred_at"], name="signup_occurred"),
            models.Index(fields=["-occurred_at", "-id"], name="signup_newest"),
        ]

    def __str__(self) -> str:
        return "signup"


class Login(Projection):
    """A person signed in, or tried to."""

    privacy: ClassVar[dict[str, str]] = {
        **TRACE,
        "email": "contact",
        "login_method": "public",
        "device_info": "trace",
        "failure_reason": "free_text",
    }

    email = NullCharField(max_length=254)
    login_time = models.DateTimeField()
    login_method = models.CharField(max_length=50, default="password")
    success = models.BooleanField(default=True)
    device_info = NullCharField(max_length=255)
    failure_reason = NullTextField()

    class Meta:
        ordering = ("-occurred_at", "-id")
        indexes: ClassVar = [
            models.Index(fields=["business", "-occurred_at"], name="login_occurred"),
            models.Index(fields=["-occurred_at", "-id"], name="login_newest"),
        ]

    def __str__(self) -> str:
        return "login"
