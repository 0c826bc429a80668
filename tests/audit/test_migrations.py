"""The way back: what an older version finds there is genuine to it."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.loader import MigrationLoader

from audit import clock
from audit.accounts.users import factors_of, note_factors, note_release
from audit.database.signed import mac_of
from audit.models import PinCredential, User
from customers.models import Membership
from tests.audit.database.test_signed import forge, named, sql
from tests.conftest import staff
from tests.factories import AuthenticatorFactory, BusinessFactory, PinCredentialFactory
from tests.factories.audit import PasskeyFactory


@pytest.fixture
def forward() -> Any:
    """Leave the tables as the other tests expect them."""
    yield
    call_command("migrate", verbosity=0)


@pytest.fixture
def ann(db) -> User:
    return staff(BusinessFactory(), username="ann")


def back(*target: str) -> Any:
    """Go back to a migration; return the models of then."""
    call_command("migrate", *target, verbosity=0)
    return MigrationLoader(connection).project_state([target]).apps


def has_old_mac(user: Any) -> bool:
    """Whether a version finds the account genuine that knows no ids of keys."""
    columns = (n for n in User.signed if n != "id")
    facts = [user.id, *(getattr(user, name) for name in columns)]
    return bool(user.mac == mac_of("audit.user", facts))


@pytest.mark.django_db(transaction=True)
def test_the_way_back_leaves_what_an_older_version_takes(ann, forward):
    bakery, due = Membership.objects.get().business, clock.now() + timedelta(days=1)
    PasskeyFactory(user=ann)
    AuthenticatorFactory(user=ann)
    bob, eve = staff(bakery, username="bob"), staff(bakery, username="eve")
    PinCredentialFactory(user=bob)
    PinCredential.objects.update(hash="", pepper_version="")
    with transaction.atomic():
        note_factors(bob, remove="pin")
        note_release(bob, due)
    PasskeyFactory(user=eve)
    forge(eve, "is_superuser", True)

    apps = back("audit", "0011_catalogue")

    users = {row.username: row for row in apps.get_model("audit", "User").objects.all()}
    assert (users["ann"].factors, has_old_mac(users["ann"])) == ("totp", True)
    assert (users["bob"].factors, has_old_mac(users["bob"])) == ("", True)
    assert not has_old_mac(users["eve"])
    assert apps.get_model("audit", "PinCredential").objects.get().enrol_from == due
    with pytest.raises(IrreversibleError, match=str(eve.pk)):
        back("audit", "0008_lock_marks")
    call_command("migrate", verbosity=0)
    assert factors_of(ann) == {"totp"}
    assert [str(eve.pk) in said for said in named()] == [True]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_whole_way_back_and_forth(ann, forward):
    PinCredentialFactory(user=ann)
    PasskeyFactory(user=ann)

    back("audit", "0008_lock_marks")
    call_command("migrate", verbosity=0)

    assert factors_of(ann) == {"pin"}
    assert Membership.objects.get().is_genuine
    assert named() == []


@pytest.mark.parametrize(
    ("app", "name", "statement"),
    [
        ("audit", "0009_account_macs", "UPDATE audit_user SET is_superuser = true"),
        ("audit", "0009_account_macs", "DELETE FROM audit_authenticator"),
        (
            "customers",
            "0007_account_macs",
            "UPDATE customers_membership SET role = 'support'",
        ),
    ],
)
def test_what_was_altered_is_not_signed_by_going_back_and_forth(
    ann, app, name, statement
):
    """The first migration of signatures signs all that is there, also a second time."""
    AuthenticatorFactory(user=ann)
    apps = MigrationLoader(connection).project_state([(app, name)]).apps
    refuse_altered = import_module(f"{app}.migrations.{name}").refuse_altered
    refuse_altered(apps, None)
    sql(statement)

    with pytest.raises(IrreversibleError, match="changed past the hub"):
        refuse_altered(apps, None)
