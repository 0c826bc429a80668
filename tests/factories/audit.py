"""Staff accounts for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone

from audit import totp
from audit.keyed import lock_up
from audit.models import Authenticator, TokenFamily, User


class UserFactory(factory.django.DjangoModelFactory):
    """A member of staff who may enter the admin."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    is_staff = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        return model_class.objects.create_user(*args, **kwargs)


class AuthenticatorFactory(factory.django.DjangoModelFactory):
    """An app of a user. Its `seed` is known: `totp.code_of(row.seed, step)`."""

    class Meta:
        model = Authenticator

    user = factory.SubFactory(UserFactory)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        seed = kwargs.pop("seed", None) or totp.new_seed()
        owner = kwargs["user"].pk.bytes
        kwargs["sealed_seed"] = lock_up(seed, purpose="authenticator seed", owner=owner)
        row = super()._create(model_class, *args, **kwargs)
        row.seed = seed
        return row


class TokenFamilyFactory(factory.django.DjangoModelFactory):
    """A sign-in by token that nobody holds a token of."""

    class Meta:
        model = TokenFamily

    user = factory.SubFactory(UserFactory)
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))
    refresh_hash = "0" * 64
    session_hash = factory.LazyAttribute(lambda row: row.user.get_session_auth_hash())
