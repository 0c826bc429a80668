"""Staff accounts, their PINs and confirmations for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import factory
from django.db import transaction
from django.utils import timezone

from audit import accounts
from audit.accounts import totp
from audit.accounts.pin_hashes import hash_pin
from audit.accounts.users import note_factors
from audit.crypto import encrypt
from audit.ids import uuid7
from audit.models import (
    Authenticator,
    Ceremony,
    Grant,
    Job,
    JobBatch,
    Passkey,
    PinCredential,
    TokenFamily,
    User,
    UserPreferences,
)
from audit.tenancy.actors import Actor, OperationContext
from tests.authenticator import Device

PASSWORD = "four plain words here"
# Passes every rule; the PIN of everybody in the tests.
PIN = "407182"


class UserFactory(factory.django.DjangoModelFactory):
    """A member of staff who may enter the admin."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    password = PASSWORD
    is_staff = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        return model_class.objects.create_user(*args, **kwargs)


class UserPreferencesFactory(factory.django.DjangoModelFactory):
    """What a user has chosen about the admin."""

    class Meta:
        model = UserPreferences

    user = factory.SubFactory(UserFactory)


class AuthenticatorFactory(factory.django.DjangoModelFactory):
    """An app of a user. Its `seed` is known: `totp.code_of(row.seed, step)`."""

    class Meta:
        model = Authenticator

    user = factory.SubFactory(UserFactory)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        seed = kwargs.pop("seed", None) or totp.new_seed()
        owner = kwargs["user"].pk.bytes
        kwargs["sealed_seed"] = encrypt(seed, purpose="authenticator seed", owner=owner)
        with transaction.atomic():
            row = super()._create(model_class, *args, **kwargs)
            note_factors(row.user, add="totp")
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


def person(user: User) -> Actor:
    """Return the actor of a user, wherever that user may act."""
    operation = OperationContext(via="admin", route="/test", ip="192.0.2.9")
    return Actor(kind="user", operation=operation, id=user.pk)


def enrolled(user: User, **facts: Any) -> Device:
    """Return a device whose passkey the user has added."""
    device, actor = Device(**facts), person(user)
    binding = accounts.session_binding("the session in which it was added")
    asked = accounts.begin_passkey(user, binding=binding, actor=actor)
    answer = device.create(asked)
    accounts.enrol_passkey(user, answer, name="Key", binding=binding, actor=actor)
    return device


class PasskeyFactory(factory.django.DjangoModelFactory):
    """A passkey whose device is not at hand; `enrolled` returns one that answers."""

    class Meta:
        model = Passkey

    user = factory.SubFactory(UserFactory)
    credential_id = factory.LazyFunction(lambda: uuid7().bytes)
    public_key = b"public key"
    name = "Phone"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            row = super()._create(model_class, *args, **kwargs)
            note_factors(row.user, add=row.factor)
        return row


class CeremonyFactory(factory.django.DjangoModelFactory):
    """A question to a passkey that waits for its answer."""

    class Meta:
        model = Ceremony

    purpose = "sign_in"
    binding = "0" * 64
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=2))


class PinCredentialFactory(factory.django.DjangoModelFactory):
    """A PIN that its person has set."""

    class Meta:
        model = PinCredential

    user = factory.SubFactory(UserFactory)
    pin = PIN

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        user = kwargs["user"]
        hashed, version = hash_pin(user.pk, kwargs["pin"])
        facts = {"hash": hashed, "pepper_version": version}
        with transaction.atomic():
            row, _ = model_class.objects.update_or_create(user=user, defaults=facts)
            note_factors(user, add="pin")
        return row


class GrantFactory(factory.django.DjangoModelFactory):
    """A confirmation with a PIN; `session` is the key of the session."""

    class Meta:
        model = Grant

    user = factory.LazyAttribute(lambda _: PinCredentialFactory().user)
    scope = "manage_keys"
    session = "a session"
    digest = None

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        user, binding = kwargs["user"], accounts.session_binding(kwargs["session"])
        return accounts.verify_step_up(
            user,
            PIN,
            scope=kwargs["scope"],
            digest=kwargs["digest"],
            binding=binding,
            actor=person(user),
        )


def _business_id() -> Any:
    from tests.factories import BusinessFactory  # noqa: PLC0415 - imports this module

    return BusinessFactory().pk


class JobFactory(factory.django.DjangoModelFactory):
    """A job that waits."""

    class Meta:
        model = Job

    business_id = factory.LazyFunction(_business_id)
    user = factory.SubFactory(UserFactory)
    operation_id = factory.LazyFunction(uuid7)
    task = "tests.audit.jobs.tasks.count_rows"
    queue = "long"


class JobBatchFactory(factory.django.DjangoModelFactory):
    """The first rows of a job."""

    class Meta:
        model = JobBatch

    job = factory.SubFactory(JobFactory)
    business_id = factory.SelfAttribute("job.business_id")
    number = 0
    ids = factory.LazyFunction(list)
