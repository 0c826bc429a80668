"""Staff accounts: who can sign in and who an entry names."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audit.folding import fold_email
from audit.ids import uuid7
from audit.zones import check_time_zone


def new_stamp() -> str:
    """Return random text; whoever gets a new one is out everywhere."""
    return secrets.token_hex(16)


class User(AbstractUser):
    """A member of staff. Changes of accounts are events, not history rows.

    A history of this table would keep every former password hash for ever.
    """

    privacy: ClassVar[dict[str, str]] = {
        "username": "identity",
        "first_name": "identity",
        "last_name": "identity",
        "email": "contact",
        "email_key": "contact",
        "password": "secret",
        "security_stamp": "secret",
        "time_zone": "public",
    }

    # Sign-ins are events; a counter here would be a write on every one of them.
    last_login = None

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField("e-mail")
    email_key = models.CharField(max_length=254, unique=True, editable=False)
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[check_time_zone]
    )
    # Part of every session and token: see `services.end_sessions`.
    security_stamp = models.CharField(max_length=32, default=new_stamp, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()  # type: ignore[misc]

    class Meta:
        verbose_name = "user"

    def clean(self) -> None:
        super().clean()
        self.email_key = fold_email(self.email)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email_key = fold_email(self.email)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "email_key"}
        super().save(*args, **kwargs)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django asks for this one with each key, present and former.
        marks = f"{self.password}\0{self.security_stamp}"
        return salted_hmac(
            "audit.User.session", marks, secret=secret, algorithm="sha256"
        ).hexdigest()
