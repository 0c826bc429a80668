"""The people of the tests, and what each test may rely on.

Alice works for the bakery, Bob for the bakery with fewer rights, Charlie for a rival.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, settings

from audit.actors import Actor, OperationContext
from audit.guards import install_guards, remove_guards
from audit.models import Grant, PinCredential, User
from customers.models import Business
from tests.factories import (
    BusinessFactory,
    GrantFactory,
    MembershipFactory,
    PinCredentialFactory,
    UserFactory,
)
from tests.factories.audit import PIN

# A busy machine is no failure: nothing here is a test of speed.
settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

_original_teardown = TransactionTestCase._fixture_teardown


def _teardown_without_guards(self: TransactionTestCase) -> None:
    # The guards refuse the flush between tests, as they should.
    for alias in self._databases_names(include_mirrors=False):
        remove_guards(alias)
    try:
        _original_teardown(self)
    finally:
        for alias in self._databases_names(include_mirrors=False):
            install_guards(alias)


TransactionTestCase._fixture_teardown = _teardown_without_guards  # type: ignore[method-assign]


@pytest.fixture
def actor(db: None) -> Actor:
    """Somebody who may act in every business."""
    return Actor.system("test")


@pytest.fixture
def bakery(db: None) -> Business:
    return BusinessFactory(slug="bakery", name="Bakery")


@pytest.fixture
def rival(db: None) -> Business:
    return BusinessFactory(slug="rival", name="Rival")


def staff(business: Business, *permissions: str, **kwargs: Any) -> User:
    """Return a member of the business with these permissions; without names, all."""
    user: User = UserFactory(**kwargs)
    MembershipFactory(user=user, business=business)
    rights = Permission.objects.all()
    if permissions:
        rights = rights.filter(codename__in=permissions)
    user.user_permissions.set(rights)
    return user


def signed_in(user: User) -> Client:
    """Return a browser in which the user has signed in."""
    client = Client()
    client.force_login(user)
    client.user = user  # type: ignore[attr-defined]
    return client


def enrol(client: Client) -> None:
    """Set a PIN for whoever has signed in here, unless there is one."""
    user: User = client.user  # type: ignore[attr-defined]
    if not PinCredential.objects.filter(user=user).exclude(hash="").exists():
        PinCredentialFactory(user=user)


def confirm(client: Client, scope: str, digest: str | None = None) -> Grant:
    """Confirm a scope in the session of this browser, as its person does."""
    enrol(client)
    user: User = client.user  # type: ignore[attr-defined]
    key = client.session.session_key
    return GrantFactory(user=user, scope=scope, digest=digest, session=key)


def post_confirmed(client: Client, path: str, data: Any, **options: Any) -> Any:
    """Post a form and, when a page asks for it, the PIN."""
    enrol(client)
    asked = client.post(path, data)
    if "carried" not in (asked.context or {}):
        return asked
    code = {
        asked.context["carried_name"]: asked.context["carried"],
        asked.context["code_name"]: PIN,
    }
    return client.post(path, code, **options)


def actor_of(user: User) -> Actor:
    """Return the actor that a request of the user would have."""
    ids = frozenset(user.memberships.values_list("business_id", flat=True))  # type: ignore[attr-defined]
    operation = OperationContext(via="admin", route="/test")
    return Actor(kind="user", operation=operation, id=user.pk, business_ids=ids)


@pytest.fixture
def alice(bakery: Business) -> Client:
    """Works for the bakery and may do everything there."""
    return signed_in(staff(bakery, username="alice"))


@pytest.fixture
def bob(bakery: Business) -> Client:
    """Works for the bakery and may only look."""
    looks = [
        p.codename for p in Permission.objects.filter(codename__startswith="view_")
    ]
    return signed_in(staff(bakery, *looks, username="bob"))


@pytest.fixture
def charlie(rival: Business) -> Client:
    """Works for the rival and may do everything there."""
    return signed_in(staff(rival, username="charlie"))


@pytest.fixture
def owner(db: None) -> Client:
    """The platform's owner: a superuser."""
    return signed_in(UserFactory(username="owner", is_superuser=True))


@pytest.fixture
def assert_flat() -> Callable[..., None]:
    """Assert that a call takes as many queries after growing the data as before."""

    def check(*, call: Callable[[], Any], grow: Callable[[], Any]) -> None:
        call()  # warm caches: content types, permissions
        with CaptureQueriesContext(
            connection,
        ) as before:
            call()
        grow()
        with CaptureQueriesContext(connection) as after:
            call()
        grown = [query["sql"][:300] for query in after.captured_queries]
        assert len(after) == len(before), "\n".join(grown)

    return check
