"""Staff accounts: who can sign in and who an entry names."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import NotSupportedError, models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from audit.database.signed import SignedModel
from audit.emails import fold_email
from audit.fields import EmailField
from audit.ids import uuid7
from audit.tenancy.actors import Permissions
from audit.timezones import check_time_zone


def new_stamp() -> str:
    """Return a random stamp; a new one ends all sessions and tokens of a user."""
    return secrets.token_hex(16)


class UserQuerySet(models.QuerySet["User"]):
    """Accounts; what decides about one is written by `save()` alone, which signs it."""

    def update(self, **values: object) -> int:
        """Update columns that nothing is decided by."""
        if signed := sorted(set(values) & set(User.signed)):
            msg = f"update() signs no {', '.join(signed)}. Call save() of each account."
            raise NotSupportedError(msg)
        return super().update(**values)


class AccountManager(UserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]  # mypy takes no class that a call has made as a base
    """Makes accounts as Django does."""

    use_in_migrations = False


class User(SignedModel, AbstractUser):
    """A member of staff. Changes of accounts are events, not history rows.

    A history of this table would keep every former password hash for ever.
    """

    signed = (
        "id",
        "username",
        "password",
        "is_active",
        "is_staff",
        "is_superuser",
        "factors",
    )

    privacy: ClassVar[dict[str, str]] = {
        "username": "identity",
        "first_name": "identity",
        "last_name": "identity",
        "email": "contact",
        "email_key": "contact",
        "password": "secret",
        "security_stamp": "secret",
        "time_zone": "public",
        "mac": "secret",
        "factors": "secret",
    }

    # What this instance may do, once it was asked; see `permissions_of`.
    _permissions: Permissions
    # The business that the admin is narrowed to for this request: has_perm() knows none
    # but its permissions then.
    acts_in: UUID | None = None

    # Sign-ins are events; a counter here would be a write on every one of them.
    last_login = None

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = EmailField("e-mail")  # type: ignore[assignment]  # never null, as Django declares it
    email_key = models.CharField(max_length=254, unique=True, editable=False)
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[check_time_zone]
    )
    # Part of every session and token: see `services.end_sessions`.
    security_stamp = models.CharField(max_length=32, default=new_stamp, editable=False)
    # Which second secrets the account has, as words such as `pin` with blanks between;
    # and from when on a PIN that was released may be set with the password alone.
    factors = models.CharField(max_length=1000, blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountManager()  # type: ignore[misc]  # Django declares it on the class, its stubs on the instance

    class Meta:
        verbose_name = "user"

    def clean(self) -> None:
        super().clean()
        self.email_key = fold_email(str(self.email))
        # Forms do not know the key, so its constraint says nothing there.
        others = User.objects.filter(email_key=self.email_key).exclude(pk=self.pk)
        if others.exists():
            msg = _("Another account has this e-mail address. Give another one.")
            raise ValidationError({"email": msg})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the account, signed, as SignedModel says."""
        self.email_key = fold_email(str(self.email))
        names = kwargs.get("update_fields")
        if names is not None and "email" in names:
            kwargs["update_fields"] = {*names, "email_key"}
        super().save(*args, **kwargs)

    def check_password(self, raw_password: str | None) -> bool:
        """Tell whether this is the password; one hashed as of old is hashed anew."""
        return check_password(raw_password, self.password, self._hash_anew)

    def _hash_anew(self, raw_password: str) -> None:
        checked, fresh = self.password, make_password(raw_password)
        with transaction.atomic():
            stored = User.objects.select_for_update().get(pk=self.pk)
            # Or a password that was changed meanwhile would come back.
            if stored.password == checked:
                self.password = fresh
                self.save(update_fields=["password"])

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django asks for this one with each key, present and former.
        marks = f"{self.password}\0{self.security_stamp}"
        return salted_hmac(
            "audit.User.session", marks, secret=secret, algorithm="sha256"
        ).hexdigest()
